"""What is tried again, and what is left alone: attempts, and a circuit breaker for each kind of
operation.

A store may refuse to write (it is full, or read-only for a while) and still read. So reading,
writing, deleting and asking fail by themselves, each with a probe of its own kind (G11): a GET of
what is not there, a PUT of an empty object and its DELETE, a DELETE of what is not there.

Only Unavailable is tried again, a few times with growing delays; a store that says when
(Retry-After) is asked then, or not again if that is too long to wait here: who has more patience
will. A refusal is neither repeated nor counted (G5).
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from random import Random
from typing import Any, Final, TypeVar

from twisted.logger import Logger

from sora.breaker import Breaker, State
from sora.deferreds import gather
from sora.errors import SoraError, StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.retry import Delays, pause
from sora.storage.s3.answers import Throttled
from sora.tracing.spans import entered

T = TypeVar("T")

LONGEST_WAIT: Final = 5.0
"""Seconds; a store that wants to be left alone for longer is not asked again."""


class Kind(StrEnum):
    """Operations that fail together."""

    GET = "get"
    PUT = "put"
    DELETE = "delete"
    HEAD = "head"


class Attempts:
    """The attempts of one store, called `name`. `probes` say whether the operations of a kind work:
    they raise Unavailable when not."""

    log = Logger()

    def __init__(
        self,
        name: str,
        probes: Mapping[Kind, Callable[[], Awaitable[object]]],
        *,
        clock: Any,
        random: Random,
        delays: Delays,
        failures: int,
        breaker_delays: Delays,
        metrics: ObjectMetrics | None = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._random = random
        self._delays = delays
        self._metrics = metrics
        self.breakers = {
            kind: Breaker(
                f"{kind.value} on object store {name}",
                probe,
                clock=clock,
                random=random,
                failures=failures,
                delays=breaker_delays,
                changed=self._changed(kind),
            )
            for kind, probe in probes.items()
        }
        self.refusals: dict[Kind, str] = {}
        """what the store has refused last, of operations whose last one was refused"""
        for kind in self.breakers:
            self._show(kind, State.CLOSED)

    @property
    def open(self) -> list[Kind]:
        """Kinds of operations that are refused now."""
        return [kind for kind, breaker in self.breakers.items() if breaker.is_open]

    async def stop(self) -> None:
        """No more probes."""
        await gather(*[breaker.stop() for breaker in self.breakers.values()])

    async def run(self, kind: Kind, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, a few times if need be; `operation` is what metrics and traces call it."""
        with entered("s3", operation) as span:
            if span is not None:
                span.facts["sora.store"] = self._name
            return await self._run(kind, operation, work)

    async def _run(self, kind: Kind, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        breaker = self.breakers[kind]
        begun = self._clock.seconds()
        for delay in (*self._delays.schedule(self._random), None):
            try:
                result = await breaker.run(work)
            except Unavailable as error:
                wait = _wait(error, delay)
                if wait is None or breaker.is_open:
                    self._count(operation, "unavailable", begun)
                    raise
                self.log.debug(
                    "{operation} on {store} is tried again: {error}",
                    operation=operation,
                    store=self._name,
                    error=error.text,
                )
                if self._metrics is not None:
                    self._metrics.retries.labels(self._name, operation).inc()
                await pause(self._clock, wait)
            except SoraError as error:
                self._count(operation, "refused", begun)
                if isinstance(error, StoreRefused):
                    self.refusals[kind] = error.text
                raise
            else:
                self.refusals.pop(kind, None)
                self._count(operation, "success", begun)
                return result
        raise AssertionError("the last attempt returns or raises")

    def _count(self, operation: str, status: str, begun: float) -> None:
        if self._metrics is not None:
            self._metrics.did(self._name, operation, status, self._clock.seconds() - begun)

    def _changed(self, kind: Kind) -> Callable[[State], None]:
        return lambda state: self._show(kind, state)

    def _show(self, kind: Kind, state: State) -> None:
        if self._metrics is not None:
            is_open = state is not State.CLOSED
            self._metrics.breaker.labels(self._name, kind.value).set(is_open)


def _wait(error: Unavailable, delay: float | None) -> float | None:
    """Seconds until the next attempt; None: there is none."""
    if delay is None or not isinstance(error, Throttled):
        return delay
    return None if error.after > LONGEST_WAIT else max(delay, error.after)
