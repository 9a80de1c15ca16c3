"""Delays between attempts: growing, bounded, and spread so that a herd does not march in step.

With full jitter each delay is drawn from the upper half of its bound: clients that failed at
the same moment do not come back at the same moment (G65).
"""

from collections.abc import Iterator
from random import Random

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


@frozen
class Delays:
    """A schedule of delays, in seconds.

    The n-th bound is `first * factor ** n`, at most `longest`; `attempts` bounds how many
    delays there are (None: no end).
    """

    first: float
    longest: float
    factor: float = 2.0
    attempts: int | None = None

    def bound(self, number: int) -> float:
        """The longest that delay `number` (from 0) can be."""
        if self.first <= 0:
            return 0.0
        bound = self.first
        for _ in range(number):
            bound *= self.factor
            if bound >= self.longest:
                break
        return min(bound, self.longest)

    def delay(self, number: int, random: Random) -> float:
        """Delay `number` (from 0), drawn from the upper half of its bound."""
        return self.bound(number) * (0.5 + 0.5 * random.random())

    def schedule(self, random: Random) -> Iterator[float]:
        """All delays of one series of attempts."""
        number = 0
        while self.attempts is None or number < self.attempts:
            yield self.delay(number, random)
            number += 1


def pause(clock: IReactorTime, seconds: float) -> "Deferred[None]":
    """Wait. Cancelling the Deferred cancels the timer."""

    def cancel(_: "Deferred[None]") -> None:
        timer.cancel()

    waited: Deferred[None] = Deferred(cancel)
    timer = clock.callLater(seconds, waited.callback, None)
    return waited
