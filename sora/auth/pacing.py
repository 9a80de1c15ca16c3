"""New logins wait before running sessions suffer (G65).

After a restart, or a cut of the network, all clients come at once. A login costs a read of the
database, and most of them a hash that keeps a core busy for a fifth of a second. So only so many
logins are let in to each of these two steps at a time, first come, first served, and under
pressure (`sora.auth.pressure`) one. Who would wait too long, or behind too many, is told to come
again later, which no client takes for a wrong password (G55).
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sora.errors import Unavailable
from sora.metrics.authentication import PacingMetrics

T = TypeVar("T")


@define(eq=False)
class _Waiter:
    since: float
    turn: "Deferred[None]"
    timer: IDelayedCall | None = None


@frozen
class Waiting:
    """Who waits now: how many, and for how many seconds the first of them has; and how many seconds
    ago one was sent away, None if none was."""

    count: int
    longest: float
    refused: float | None


class Pacing:
    """One step of logins. `most` are in it at a time, or one while `pressure` gives a reason;
    `queue` more wait, for `patience` seconds at most."""

    def __init__(
        self,
        clock: IReactorTime,
        step: str,
        *,
        most: int,
        pressure: Callable[[], str],
        metrics: PacingMetrics,
        queue: int = 1000,
        patience: float = 40.0,
    ) -> None:
        self._clock = clock
        self._step = step
        self._most = most
        self._pressure = pressure
        self._metrics = metrics
        self._queue = queue
        self._patience = patience
        self._running = 0
        self._waiting: deque[_Waiter] = deque()
        self._refused_at: float | None = None
        metrics.waiting.labels(step).set_function(lambda: len(self._waiting))
        metrics.running.labels(step).set_function(lambda: self._running)

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a login when it is its turn. Cancelling while it waits leaves the queue.

        Raises:
            Unavailable: too many wait already, or its turn did not come in time.
        """
        if self._waiting or self._running >= self._allowed:
            await self._wait()
        else:
            self._running += 1
        try:
            return await work()
        finally:
            self._running -= 1
            self._let_in()

    @property
    def waiting(self) -> Waiting:
        """Who waits now."""
        now = self._clock.seconds()
        longest = now - self._waiting[0].since if self._waiting else 0.0
        refused = None if self._refused_at is None else now - self._refused_at
        return Waiting(len(self._waiting), longest, refused)

    # ------------------------------------------------------------ inside

    @property
    def _allowed(self) -> int:
        return 1 if self._pressure() else self._most

    async def _wait(self) -> None:
        if len(self._waiting) >= self._queue:
            raise self._refuse()
        self._metrics.delayed.labels(self._step).inc()

        def leave(_: "Deferred[None]") -> None:
            self._leave(waiter)

        waiter = _Waiter(self._clock.seconds(), Deferred(leave))
        waiter.timer = self._clock.callLater(self._patience, self._waited_too_long, waiter)
        self._waiting.append(waiter)
        self._let_in()  # the pressure may be gone, and nobody has ended since
        await waiter.turn

    def _let_in(self) -> None:
        while self._waiting and self._running < self._allowed:
            waiter = self._waiting[0]
            self._leave(waiter)
            self._running += 1
            waiter.turn.callback(None)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if waiter.timer is not None and waiter.timer.active():
            waiter.timer.cancel()

    def _waited_too_long(self, waiter: _Waiter) -> None:
        self._leave(waiter)
        waiter.turn.errback(self._refuse())

    def _refuse(self) -> Unavailable:
        self._refused_at = self._clock.seconds()
        self._metrics.refused.labels(self._step).inc()
        return Unavailable("Too many logins at once; try again later")


@frozen
class Paces:
    """The two steps of a login: the read of its credential, and the hash of its password."""

    reads: Pacing
    hashes: Pacing
