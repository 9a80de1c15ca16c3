"""By when a client has to say something: a number, and one timer that looks at it.

A wait for the client moves the number. The timer is set anew only when it rings too early, or would
ring too late: none is made or cancelled for a command.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """The deadline of one connection. `ring` is called when the timer rings; who waits then asks
    `rings_later`, and nobody has to."""

    __slots__ = ("_clock", "_ring", "_timer", "moment", "must_end_by", "timeout")

    def __init__(self, clock: IReactorTime, ring: Callable[[], None]) -> None:
        self.moment = 0.0
        """when it is"""
        self.must_end_by: float | None = None
        """a moment that it is never behind, however often it is moved"""
        self.timeout = 0.0
        """seconds that the latest wait may last"""
        self._clock = clock
        self._ring = ring
        self._timer: IDelayedCall | None = None

    def set(self, timeout: float) -> None:
        """A wait begins that lasts `timeout` seconds at most: the timer rings at its end."""
        self.timeout = timeout
        self.move(timeout)
        timer = self._timer
        if timer is None or not timer.active():
            self._timer = self._clock.callLater(self._left, self._rung)
        elif timer.getTime() > self.moment:
            timer.reset(self._left)

    def move(self, timeout: float) -> None:
        """It is `timeout` seconds from now; the timer is left as it is."""
        moment, must_end_by = self._clock.seconds() + timeout, self.must_end_by
        self.moment = moment if must_end_by is None or moment < must_end_by else must_end_by

    def rings_later(self) -> bool:
        """Whether there is time left, when the timer has rung: at its end it rings again."""
        left = self.moment - self._clock.seconds()
        if left <= 0:
            return False
        self._timer = self._clock.callLater(left, self._rung)
        return True

    def stop(self) -> None:
        """The timer rings no more."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _rung(self) -> None:
        self._timer = None
        self._ring()

    @property
    def _left(self) -> float:
        return max(0.0, self.moment - self._clock.seconds())
