"""A pool of connections that never leaves anybody waiting for ever.

Rules:

- A connection is idle, in use, or being opened; together there are at most `maximum`.
- Whoever asks gets an idle one at once, or waits in a queue: first come, first served, bounded
  in length and in time (G23). Nobody overtakes the queue.
- Connections are opened because somebody waits, and in the background up to `minimum`. While
  the server refuses them, openings are spaced by growing delays, and those who wait keep
  waiting until their own limit: a restart of PostgreSQL is a pause, not an outage.
- The one used last is given out first, so that those not needed grow old and are closed
  (`idle_time`); each is closed after its `lifetime`, shortened by up to a tenth at random so
  that they do not all end together.
- A connection that comes back dirty, closed or from before a `reset` is closed, not reused.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import ShuttingDown, Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.retry import Delays
from sora.tracing.spans import begin

REMIND: Final = 60.0
"""Seconds without anybody who waits in vain, after which the log says so again."""


class Pooled(Protocol):
    """What a pool holds."""

    lost: Callable[[], None] | None

    @property
    def usable(self) -> bool:
        """Open, and nothing under way on it."""

    def check(self) -> bool:
        """Whether it can be used now; asks nobody."""

    def close(self) -> None:
        """Close it now, whatever is under way."""


C = TypeVar("C", bound=Pooled)


@frozen
class Limits:
    """How many connections, and for how long. All times are seconds."""

    minimum: int = 2
    maximum: int = 10
    lifetime: float = 3600.0
    idle_time: float = 1800.0
    acquire_timeout: float = 5.0
    queue: int = 1000
    """How many may wait."""
    sweep: float = 10.0
    """How often idle connections are looked at."""
    opening: Delays = field(factory=lambda: Delays(first=0.1, longest=5.0))
    """Between attempts to open, while they fail."""


@define(eq=False)
class _Member:
    """What the pool knows about one of its connections."""

    expires: float
    generation: int
    idle_since: float = 0.0


@define(eq=False)
class _Waiter(Generic[C]):
    ready: "Deferred[C]"
    timer: IDelayedCall | None = None


class Pool(Generic[C]):
    """Connections, shared. `open_one` opens one, and raises Unavailable when it cannot."""

    log = Logger()

    def __init__(
        self,
        open_one: Callable[[], Awaitable[C]],
        limits: Limits,
        *,
        clock: IReactorTime,
        random: Random,
        metrics: DatabaseMetrics,
        role: str = "primary",
    ) -> None:
        self.role = role
        self.limits = limits
        self.open_one = open_one
        self._clock = clock
        self._random = random
        self._metrics = metrics
        # Read when they are asked for: a statement takes and gives back a connection, and to
        # count these with each of them would cost a tenth of it.
        metrics.total.labels(role).set_function(lambda: self.size)
        metrics.idle.labels(role).set_function(lambda: self.idle)
        metrics.in_use.labels(role).set_function(lambda: self.size - self.idle)
        metrics.waiting.labels(role).set_function(lambda: self.waiting)
        self._tasks = Tasks()
        self._idle: list[C] = []
        self._members: dict[C, _Member] = {}
        self._waiting: deque[_Waiter[C]] = deque()
        self._opening = 0
        self._failures = 0
        self._trouble = ""
        self._generation = 0
        self._next_opening: IDelayedCall | None = None
        self._next_sweep: IDelayedCall | None = None
        self._closing = False
        self.exhausted_at = -inf
        """when somebody waited last for a connection in vain, though the server is there"""
        self._emptied: list[Deferred[None]] = []

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Open `minimum` connections in the background, and begin to look after them."""
        self._next_sweep = self._clock.callLater(self.limits.sweep, self._sweep)
        self._fill()

    async def close(self, grace: float = 10.0) -> None:
        """Refuse whoever waits or comes, and wait until all connections came back.

        After `grace` seconds those still in use are closed under their users.
        """
        self._closing = True
        for timer in (self._next_opening, self._next_sweep):
            if timer is not None and timer.active():
                timer.cancel()
        while self._waiting:
            self._refuse(self._waiting.popleft(), ShuttingDown())
        for connection in list(self._idle):
            self._drop(connection)
        if self._members:
            emptied: Deferred[None] = Deferred()
            self._emptied.append(emptied)
            timer = self._clock.callLater(grace, self._abort)
            await emptied
            if timer.active():
                timer.cancel()
        await self._tasks.join()

    def leave(self) -> None:
        """Leave the server, also with what is under way on it: whoever waits for an answer hears
        at once that it is lost. The next connections are opened now."""
        self._generation += 1
        for connection in list(self._members):
            if connection in self._idle:
                self._drop(connection)
            else:
                connection.close()  # its user gives it back
        self.wake()

    def wake(self) -> None:
        """The server is there again, as somebody has seen: do not wait for the next attempt."""
        if self._next_opening is not None and self._next_opening.active():
            self._next_opening.cancel()
        self._failures = 0
        self._fill()

    def reset(self) -> None:
        """Leave the server: close idle connections now, and those in use when they come back."""
        self._generation += 1
        for connection in list(self._idle):
            self._drop(connection)
        self._fill()

    # ------------------------------------------------------------------ use

    async def acquire(self) -> C:
        """A connection to use alone. Must be given to `release` afterwards, always.

        Cancelling while this waits leaves the queue.

        Raises:
            Unavailable: none became free in time, or too many wait already.
            ShuttingDown: the pool is closed.
        """
        if self._closing:
            raise ShuttingDown()
        connection = self._take_idle()
        if connection is not None:
            return connection
        if len(self._waiting) >= self.limits.queue:
            self._metrics.queue_full.labels(self.role).inc()
            self._exhausted()
            raise Unavailable("Too much is waiting for the database; try again later")
        waiter = self._enqueue()
        self._fill()
        began = self._clock.seconds()
        span = begin("wait", f"for a connection to {self.role}")
        try:
            return await waiter.ready
        finally:
            if span is not None:
                span.end()
            waited = self._clock.seconds() - began
            self._metrics.acquire_seconds.labels(self.role).observe(waited)

    def release(self, connection: C) -> None:
        """Give a connection back, in whatever state it is."""
        member = self._members.get(connection)
        if member is None:
            return
        now = self._clock.seconds()
        outdated = member.generation != self._generation or now >= member.expires
        if self._closing or outdated or not connection.usable:
            self._drop(connection)
            self._fill()
            return
        member.idle_since = now
        self._offer(connection)

    @property
    def trouble(self) -> str:
        """Why the last attempt to connect failed; empty when it did not."""
        return self._trouble

    @property
    def size(self) -> int:
        """How many connections are open."""
        return len(self._members)

    @property
    def idle(self) -> int:
        """How many of them nobody uses."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    # ------------------------------------------------------------------ the queue

    def _enqueue(self) -> _Waiter[C]:
        def leave(_: "Deferred[C]") -> None:
            self._leave(waiter)

        waiter: _Waiter[C] = _Waiter(Deferred(leave))
        waiter.timer = self._clock.callLater(
            self.limits.acquire_timeout, self._waited_too_long, waiter
        )
        self._waiting.append(waiter)
        return waiter

    def _leave(self, waiter: _Waiter[C]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if waiter.timer is not None and waiter.timer.active():
            waiter.timer.cancel()

    def _waited_too_long(self, waiter: _Waiter[C]) -> None:
        self._leave(waiter)
        self._metrics.acquire_timeouts.labels(self.role).inc()
        if not self._trouble:
            self._exhausted()
        text = "No connection to the database became free in time; try again later"
        waiter.ready.errback(Unavailable(self._trouble or text))

    def _exhausted(self) -> None:
        now = self._clock.seconds()
        if now - self.exhausted_at >= REMIND:
            self.log.warn(
                "database pool {role} is exhausted: all {most} connections are in use, and"
                " {waiting} wait for one",
                role=self.role,
                most=self.limits.maximum,
                waiting=len(self._waiting),
            )
        self.exhausted_at = now

    def _refuse(self, waiter: _Waiter[C], error: Unavailable) -> None:
        self._leave(waiter)
        waiter.ready.errback(error)

    def _take_idle(self) -> C | None:
        while self._idle:
            connection = self._idle.pop()
            # check() may find it dead, which calls _lost, which finds it here no more
            if connection.check() and self._clock.seconds() < self._members[connection].expires:
                return connection
            self._drop(connection)
        return None

    def _offer(self, connection: C) -> None:
        """Give it to the first who waits, or lay it aside."""
        if self._waiting:
            waiter = self._waiting.popleft()
            self._leave(waiter)
            waiter.ready.callback(connection)
            return
        self._idle.append(connection)

    # ------------------------------------------------------------------ opening and closing

    def _fill(self) -> None:
        """Begin to open as many as are missing, unless the last attempt failed lately."""
        if self._closing or (self._next_opening is not None and self._next_opening.active()):
            return
        while self._opening < self._missing():
            self._opening += 1
            self._tasks.start(self._open(), "opening a database connection")
            if self._failures:
                return  # while the server is down, one at a time asks whether it is back

    def _missing(self) -> int:
        """How many openings should be under way."""
        room = self.limits.maximum - len(self._members)
        wanted = max(len(self._waiting), self.limits.minimum - len(self._members))
        if self._next_sweep is None:
            wanted = len(self._waiting)  # not started: nothing in the background
        return min(room, wanted)

    async def _open(self) -> None:
        generation = self._generation
        try:
            connection = await self.open_one()
        except Unavailable as error:
            self._refused(error)
            return
        finally:
            self._opening -= 1
        self._failures, self._trouble = 0, ""
        now = self._clock.seconds()
        lifetime = self.limits.lifetime * (1 - 0.1 * self._random.random())
        self._members[connection] = _Member(now + lifetime, generation, now)
        connection.lost = lambda: self._lost(connection)
        self.release(connection)
        self._fill()

    def _refused(self, error: Unavailable) -> None:
        self._metrics.connect_failures.labels(self.role).inc()
        if not self._failures:
            self.log.warn(
                "database pool {role} opens no connection: {reason}",
                reason=error.text,
                role=self.role,
            )
        self._trouble = error.text
        delay = self.limits.opening.delay(self._failures, self._random)
        self._failures += 1
        if self._closing or (self._next_opening is not None and self._next_opening.active()):
            return
        self._next_opening = self._clock.callLater(delay, self._fill)

    def _lost(self, connection: C) -> None:
        """The server closed an idle connection."""
        if connection in self._idle:
            self._idle.remove(connection)
            self._drop(connection)
            self._fill()

    def _drop(self, connection: C) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._members.pop(connection, None)
        connection.lost = None
        connection.close()
        if not self._members:
            emptied, self._emptied = self._emptied, []
            for waiting in emptied:
                waiting.callback(None)

    def _abort(self) -> None:
        """Too long in use at the end: closed under their users, who then hear of it."""
        for connection in list(self._members):
            self._drop(connection)

    def _sweep(self) -> None:
        now = self._clock.seconds()
        spare = len(self._members) - self.limits.minimum
        for connection in list(self._idle):  # the longest unused stand first
            member = self._members[connection]
            unneeded = spare > 0 and now - member.idle_since >= self.limits.idle_time
            if unneeded or now >= member.expires or not connection.check():
                self._drop(connection)
                spare -= 1
        self._next_sweep = self._clock.callLater(self.limits.sweep, self._sweep)
        self._fill()
