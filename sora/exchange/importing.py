"""What an import has at hand: rooms, counts; and patience with what is away for a while."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar
from uuid import UUID

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from sora.errors import OutcomeUnknown, StorageFull, Unavailable
from sora.exchange.counts import Counts
from sora.exchange.ending import Stopped
from sora.exchange.source import Source
from sora.exchange.wishes import Wishes
from sora.mailbox.arrivals import Arrivals
from sora.retry import Delays, pause
from sora.storage.interfaces import IImporting, IMailboxes, IMessages
from sora.storage.rows import Operation

T = TypeVar("T")

PATIENCE: Final = Delays(1.0, 30.0, attempts=14)
"""waits for a database or an object store that is away, or full: about five minutes"""
STEP: Final = 0.5
"""seconds of waiting in which nobody is told"""
_PASSING: Final = (Unavailable, StorageFull, OutcomeUnknown)


@frozen
class Into:
    """Whose mailboxes it goes to."""

    account_id: int
    scope_id: int


@frozen(kw_only=True)
class ImportRooms:
    """What all imports of a process share."""

    importing: IImporting
    mailboxes: IMailboxes
    messages: IMessages
    arrivals: Arrivals
    new_operation: Callable[[], Operation]
    new_uuid: Callable[[], UUID]
    clock: IReactorTime
    random: Random
    patience: Delays = PATIENCE


@frozen
class ImportRun:
    """One import: from where, to where, how, and what came of it so far; `told` is called whenever
    that has changed, and while something is waited for; it may raise Stopped."""

    rooms: ImportRooms
    source: Source
    into: Into
    wishes: Wishes
    counts: Counts
    told: Callable[[Counts], None]

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, and again while what it needs is away. Raises Stopped when that lasts."""
        delays = self.rooms.patience.schedule(self.rooms.random)
        while True:
            try:
                return await work()
            except _PASSING as error:
                delay = next(delays, None)
                if delay is None:
                    raise Stopped(error) from None
            await self._pause(delay)

    async def _pause(self, seconds: float) -> None:
        """Wait; who is told meanwhile may want it to end."""
        while seconds > 0:
            self.told(self.counts)
            step = min(seconds, STEP)
            await pause(self.rooms.clock, step)
            seconds -= step
