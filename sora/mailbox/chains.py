"""Which scripts run for a recipient, one after the other, and what they are run with."""

from collections.abc import Callable
from typing import Any, Protocol

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime

from sora.mailbox.wishes import Where
from sora.metrics.sieve import SieveMetrics
from sora.sieve.limits import Limits
from sora.sieve.script import Script
from sora.storage.interfaces import IMessages, IMetadata, IRights, IScripts
from sora.storage.rows import Recipient


@frozen
class Link:
    """One script of a chain: whose it is, what it is called, its text."""

    where: Where
    name: str
    source: str


class Compiles(Protocol):
    """What `sora.mailbox.scripts.Compiler` does for filters."""

    async def compile(self, source: str) -> Script:
        """The script of a text. Raises ScriptErrors."""


@frozen(kw_only=True)
class FilterRooms:
    """What scripts are run with; one for the whole process.

    `before` and `after` are the texts of the server's scripts. `cpu` is a clock of computing time,
    in seconds. `threads` is a `sora.threads.Threads`. `environment` are items of RFC 5183,
    `settings` are for extensions.
    """

    compiler: Compiles
    scripts: IScripts
    messages: IMessages
    metadata: IMetadata
    rights: IRights
    threads: Any
    clock: IReactorTime
    cpu: Callable[[], float]
    limits: Limits = field(factory=Limits)
    before: str | None = None
    after: str | None = None
    separator: str = "+"
    environment: dict[str, str] = field(factory=dict)
    settings: dict[str, Any] = field(factory=dict)
    metrics: SieveMetrics | None = None

    def chain(self, recipient: Recipient) -> list[Link]:
        """The scripts that run for a recipient's mail; none for most."""
        scripts = recipient.scripts
        links = [
            _link("server", "default_before", self.before),
            _link("domain", "before", scripts.domain_before),
            None
            if scripts.active is None
            else Link("user", scripts.active.name, scripts.active.source),
            _link("domain", "after", scripts.domain_after),
            _link("server", "default_after", self.after),
        ]
        return [link for link in links if link is not None]


def _link(where: Where, name: str, source: str | None) -> Link | None:
    return None if source is None else Link(where, name, source)
