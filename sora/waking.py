"""A service that wakes up now and then to begin some work, and ends when that has ended."""

from collections.abc import Awaitable
from typing import TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sora.deferreds import Tasks
from sora.tracing.tracer import Tracer

T = TypeVar("T")


class Waking(Service):
    """What derives from it says in `_wake` what is done, and when it wakes up again (`_wake_in`);
    its work are `_tasks`. There is one timer: who wakes up has none until the next is set."""

    tracer: Tracer | None = None
    """what makes a trace of each round; set by who builds the process, where that traces"""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._tasks = Tasks()
        self._timer: IDelayedCall | None = None

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return Deferred.fromCoroutine(self._end())

    def _wake_in(self, seconds: float) -> None:
        self._timer = self._clock.callLater(seconds, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        raise NotImplementedError

    async def _traced(self, name: str, work: Awaitable[T]) -> T:
        """Await a round, or a piece of work that is worth a trace by itself."""
        if self.tracer is None:
            return await work
        return await self.tracer.around("worker", name, work)

    async def _end(self) -> None:
        """Wait until what was begun has ended by itself."""
        await self._tasks.join()
