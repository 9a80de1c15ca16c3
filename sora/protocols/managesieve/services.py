"""What ManageSieve sessions are given by whoever builds the server: services, and bounds."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import frozen

from sora.auth.interfaces import IAuthenticator
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.protocol import CommandMetrics
from sora.storage.rows import ScriptRow
from sora.tracing.commands import CommandTraces


@frozen
class Limits:
    """Octets, seconds and counts that bound a session (G59)."""

    script: int = 64 * 1024
    """`max_script_size`"""
    line_before_login: int = 8 * 1024
    line: int = 16 * 1024
    literal: int = 8 * 1024
    """of one that is no script: a response of SASL in base64 has 5,500 octets at most"""
    skip_before_login: int = 64 * 1024
    skip: int = 16 * 1024 * 1024
    """octets in a row that are read only to stay in step; beyond, the connection ends"""
    login_timeout: float = 60
    idle_timeout: float = 30 * 60
    bad_commands_before_login: int = 5
    """failed logins among them (RFC 5804 §2.1)"""
    bad_commands: int = 50
    """bad commands in a row before the connection ends"""
    slow_command: float = 0
    """seconds from which on a command is told in the log; 0: never"""


class Scripts(Protocol):
    """The scripts of accounts: `sora.mailbox.scripts` implements it. Errors are those of
    `sora.errors`."""

    @property
    def capabilities(self) -> str:
        """The extensions that scripts may use, with spaces between."""

    @property
    def max_redirects(self) -> int:
        """The most redirects that a script may do for a message."""

    @property
    def notify_methods(self) -> str:
        """The schemes of URIs that `notify` takes, with spaces between; empty without it."""

    @property
    def list_schemes(self) -> str:
        """The schemes of external lists, with spaces between; empty without them."""

    async def list(self, account_id: int) -> Sequence[ScriptRow]:
        """All scripts, by name."""

    async def get(self, account_id: int, name: str) -> str:
        """The text of a script."""

    async def require_room(self, account_id: int, name: str, size: int) -> None:
        """Raise what `put` of so many octets would raise now."""

    async def check(self, source: bytes) -> Sequence[object]:
        """Compile, and give the warnings; `str` of one says where and what."""

    async def put(self, account_id: int, name: str, source: bytes) -> Sequence[object]:
        """Compile and keep a script; give the warnings, as `check` does."""

    async def activate(self, account_id: int, name: str) -> None:
        """Let a script be the active one."""

    async def deactivate(self, account_id: int) -> None:
        """Let no script be active."""

    async def delete(self, account_id: int, name: str) -> None:
        """Remove a script."""

    async def rename(self, account_id: int, old: str, new: str) -> None:
        """Give a script another name."""


@frozen(kw_only=True)
class Services:
    """What sessions are given by whoever builds the server."""

    authenticator: IAuthenticator
    scripts: Scripts
    metrics: CommandMetrics
    uploads: ScriptMetrics
    new_id: Callable[[], str]
    tls: Any = None
    """a connection creator for STARTTLS; None: there is no STARTTLS"""
    traces: CommandTraces | None = None
    insecure_auth: bool = False
    """whether passwords are taken without TLS"""
