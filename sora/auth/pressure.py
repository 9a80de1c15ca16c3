"""Whether this process has more to do than it can: measured all the time, for who can wait.

Two things tell: turns of the reactor come late, so that all clients wait; or all connections to
the database are in use, and somebody waits for one.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime

from sora.waking import Waking

STEP: Final = 0.1
"""seconds between two looks"""
LATE: Final = 0.25
"""seconds by which a turn may come late"""
FADING: Final = 0.8
"""what is left of a delay with each look that finds a smaller one"""


class Pressure(Waking):
    """`exhausted` says how many wait for the database because all its connections are in use."""

    name = "pressure"

    def __init__(self, clock: IReactorTime, exhausted: Callable[[], int]) -> None:
        super().__init__(clock)
        self._exhausted = exhausted
        self._due = 0.0
        self.delay = 0.0
        """seconds by which turns came late just now"""

    @property
    def reason(self) -> str:
        """What is too much, in words; empty when nothing is."""
        if self.delay > LATE:
            return f"turns of the reactor come {self.delay:.1f} s late"
        if waiting := self._exhausted():
            return f"all connections to the database are in use, and {waiting} wait for one"
        return ""

    def startService(self) -> None:
        super().startService()
        self._look_again()

    def _wake(self) -> None:
        late = max(0.0, self._clock.seconds() - self._due)
        self.delay = max(late, self.delay * FADING)
        self._look_again()

    def _look_again(self) -> None:
        self._due = self._clock.seconds() + STEP
        self._wake_in(STEP)
