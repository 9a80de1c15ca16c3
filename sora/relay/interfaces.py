"""What the rest asks of the relay, and the values that go to it.

Mail that a delivery sends is held first, then released: it is on disk before the claim of the
delivery is written, and goes out only when the claim was new.

    held = await relay.hold([(outgoing, spool.open)])     # durable, not sent
    ... place and claim ...
    await relay.release(held)                             # or drop(held), if it was here before

What is still held when its process dies is released by the next one: nothing is lost, and what
is sent twice is sent twice at most (G48).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.errors import SoraError, Unavailable


class RelayOff(SoraError):
    """No relay is configured: nothing can be sent."""


class RelayFull(Unavailable):
    """Too much mail waits to be sent; try again later."""


class Readable(Protocol):
    """Octets that are read once, as `Spool.open` gives them."""

    def read(self, size: int, /) -> bytes:
        """The next at most `size` octets; none at the end."""

    def close(self) -> None:
        """Nothing more will be read."""


Content = Callable[[], Readable]
"""Opens a message from its beginning; called in a thread."""


@frozen
class OutgoingRecipient:
    """One forward-path, `user@domain`, and what its sender wants to hear (RFC 3461 §4.1, §4.2).

    `notify` is None when nothing was said, else `NEVER` alone, or some of `SUCCESS`, `FAILURE`,
    `DELAY`. `orcpt` is the original recipient with its type and decoded, `rfc822;ann@example.com`.
    """

    address: str
    notify: tuple[str, ...] | None = None
    orcpt: str | None = None


@frozen
class DeliverBy:
    """RFC 2852 §4: `deadline` as seconds since 1970, `mode` is `R` (return) or `N` (notify)."""

    deadline: float
    mode: str = "R"
    trace: bool = False


@frozen
class Outgoing:
    """The envelope of a message that is to be sent.

    `kind` is `redirect`, `vacation`, `notify`, `report` or another word for the log and the
    metrics. `sender` is the reverse-path, empty for the null sender, which stays null (G44).
    `ret` is `FULL` or `HDRS`, `envid` the envelope's id, decoded (RFC 3461 §4.3, §4.4). `smtputf8`
    says that the message or an address needs RFC 6531. `account` is the account that sends it.
    `traceparent` says which trace has put it into the queue, which says it itself.
    """

    kind: str
    sender: str
    recipients: tuple[OutgoingRecipient, ...]
    ret: str | None = None
    envid: str | None = None
    by: DeliverBy | None = None
    smtputf8: bool = False
    account: int | None = None
    traceparent: str | None = None


@frozen
class Held:
    """What `hold` has put on disk, by the names of its entries."""

    names: tuple[str, ...] = ()


class IRelay(Interface):
    """Where mail that is to be sent goes."""

    def hold(messages: Sequence[tuple[Outgoing, Content]]) -> "Deferred[Held]":
        """Put messages on disk, durably and all or none, but do not send them.

        Raises RelayOff when no relay is configured, RelayFull when too much waits, Unavailable
        when the disk refuses. Cancelling the Deferred does not undo it: the messages are held
        until the next start.
        """

    def release(held: Held) -> "Deferred[None]":
        """Send what is held. It never fails: what cannot be released now is released later."""

    def drop(held: Held) -> "Deferred[None]":
        """Forget what is held. It never fails: what cannot be removed now is only logged."""

    def send(messages: Sequence[tuple[Outgoing, Content]]) -> "Deferred[None]":
        """`hold` and `release` in one: durable when the Deferred fires. Raises as `hold` does."""


def in_memory(octets: bytes) -> Content:
    """The content of a message that was composed."""
    return lambda: _Octets(octets)


class _Octets:
    def __init__(self, octets: bytes) -> None:
        self._rest = memoryview(octets)

    def read(self, size: int, /) -> bytes:
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)

    def close(self) -> None:
        self._rest = memoryview(b"")
