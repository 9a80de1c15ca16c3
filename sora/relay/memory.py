"""A relay in memory, for tests: it sends nothing and shows what it would have sent."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.relay.interfaces import Content, Held, IRelay, Outgoing, RelayFull, RelayOff

BLOCK = 64 * 1024


@frozen
class Kept:
    """A message as the relay has it."""

    outgoing: Outgoing
    octets: bytes


@implementer(IRelay)
class MemoryRelay:
    """`sent` is what was released, in order; `held` what is neither released nor dropped.

    `is_off`, `is_broken` and `room` (a number of messages) make it refuse.
    """

    def __init__(self) -> None:
        self.sent: list[Kept] = []
        self.held: dict[str, Kept] = {}
        self.dropped: list[Kept] = []
        self.is_off = False
        self.is_broken = False
        self.room: int | None = None
        self._count = 0

    @deferred
    async def hold(self, messages: Sequence[tuple[Outgoing, Content]]) -> Held:
        """See IRelay."""
        if self.is_off:
            raise RelayOff()
        if self.is_broken:
            raise Unavailable("The relay queue is broken")
        if self.room is not None and len(self.held) + len(self.sent) + len(messages) > self.room:
            raise RelayFull()
        kept = [Kept(outgoing, _read(content)) for outgoing, content in messages]
        names = [f"m{self._count + number}" for number in range(len(kept))]
        self._count += len(kept)
        self.held.update(zip(names, kept, strict=True))
        return Held(tuple(names))

    @deferred
    async def release(self, held: Held) -> None:
        """See IRelay."""
        self.sent += [self.held.pop(name) for name in held.names if name in self.held]

    @deferred
    async def drop(self, held: Held) -> None:
        """See IRelay."""
        self.dropped += [self.held.pop(name) for name in held.names if name in self.held]

    @deferred
    async def send(self, messages: Sequence[tuple[Outgoing, Content]]) -> None:
        """See IRelay."""
        await self.release(await self.hold(messages))

    def restart(self) -> None:
        """What the next start does with what is held."""
        self.sent += self.held.values()
        self.held.clear()


def _read(content: Content) -> bytes:
    body = content()
    try:
        pieces = []
        while piece := body.read(BLOCK):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        body.close()
