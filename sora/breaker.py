"""A circuit breaker: what fails again and again is left alone for a while.

Closed: calls pass; `failures` failures in a row (Unavailable, nothing else: G5) open it. Open:
calls are refused at once with Unavailable. After a delay it is half-open: it calls its own
probe, while other calls stay refused. A probe that succeeds closes it; one that fails opens it
again, for longer. It never waits for traffic that it prevents (G11).
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from random import Random
from typing import TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import SoraError, Unavailable
from sora.retry import Delays

T = TypeVar("T")


class State(StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """A circuit breaker around one remote thing.

    `probe` says whether the thing is well: it raises when it is not (a SoraError other than
    Unavailable is an answer, and so a good sign). `changed` is called with
    each new state, for metrics.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[object]],
        *,
        clock: IReactorTime,
        random: Random,
        failures: int = 5,
        delays: Delays = Delays(first=1.0, longest=15.0),  # noqa: B008 - a frozen value
        changed: Callable[[State], None] | None = None,
    ) -> None:
        self._name = name
        self._probe = probe
        self._clock = clock
        self._random = random
        self._failures = failures
        self._delays = delays
        self._changed = changed
        self._state = State.CLOSED
        self._failed_in_a_row = 0
        self._failed_probes = 0
        self._timer: IDelayedCall | None = None
        self._tasks = Tasks()
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the last call or probe failed; empty when it did not."""
        return self._trouble

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return self._state is not State.CLOSED

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` unless the breaker is open. Raises Unavailable when it is."""
        self.check()
        try:
            result = await work()
        except Unavailable as error:
            self.failed(error)
            raise
        except SoraError:
            self.succeeded()  # an answer, though not the one that was wanted
            raise
        self.succeeded()
        return result

    def check(self) -> None:
        """Raises Unavailable when calls are refused now."""
        if self.is_open:
            raise Unavailable(f"{self._name} is not reachable now (circuit breaker open)")

    def succeeded(self) -> None:
        """A call was answered. When the breaker is open this was a call from before; the
        probe decides."""
        if self._state is State.CLOSED:
            self._failed_in_a_row, self._trouble = 0, ""

    def failed(self, error: Exception) -> None:
        """A call was not answered."""
        if self._state is not State.CLOSED:
            return
        self._failed_in_a_row += 1
        self._trouble = str(error)
        if self._failed_in_a_row >= self._failures:
            self.log.warn(
                "circuit breaker of {name} opened after {count} failures: {error}",
                name=self._name,
                count=self._failed_in_a_row,
                error=str(error),
            )
            self._open()

    async def stop(self) -> None:
        """No more probes."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        await self._tasks.cancel()

    def _open(self) -> None:
        self._become(State.OPEN)
        delay = self._delays.delay(self._failed_probes, self._random)
        self._timer = self._clock.callLater(delay, self._half_open)

    def _half_open(self) -> None:
        self._timer = None
        self._become(State.HALF_OPEN)
        self._tasks.start(self._try(), f"probe of {self._name}")

    async def _try(self) -> None:
        try:
            await self._probe()
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the probe did not succeed
            if isinstance(error, SoraError) and not isinstance(error, Unavailable):
                self._close()  # it answers
                return
            self.log.debug("probe of {name} failed: {error}", name=self._name, error=str(error))
            self._failed_probes += 1
            self._trouble = str(error)
            self._open()
            return
        self._close()

    def _close(self) -> None:
        self._failed_in_a_row = self._failed_probes = 0
        self._trouble = ""
        self.log.info("circuit breaker of {name} closed: it answers again", name=self._name)
        self._become(State.CLOSED)

    def _become(self, state: State) -> None:
        self._state = state
        if self._changed is not None:
            self._changed(state)
