"""Replicas that answer reads, and how far each of them is.

What a process knows of a mailbox it knows since some moment (`tokens.py`). At each look at the
primary, the position of its log is noted with the time *before* it was asked (a `Mark`): all
that was known then is in the log up to there. A replica that has applied the log up to a mark
has all that was known at the mark's time. So no clocks of servers are compared, and an idle
primary makes nobody late.

What became known later may not have arrived. The replica is asked for it all the same, while it
has been found at the newest mark each time: it is a few milliseconds behind then, and each
question carries a guard that refuses an answer from the past (`reads.py`). One refusal, and
until the next look it is asked only for what it has for certain.
"""

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Final

from attrs import define, field, frozen

from sora.breaker import Breaker
from sora.storage.postgres.connection import Connection, Server
from sora.storage.postgres.hosts import Standing
from sora.storage.postgres.pool import Pool

MARKS: Final = 600
"""how many looks at the primary are remembered"""
NOT_SEEN: Final = "it has not been looked at yet"


@frozen
class Mark:
    """Where the primary's log was, and when that was asked (this process's clock)."""

    at: float
    position: int


class Marks:
    """The marks of one primary, ascending."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=MARKS)
        self.cluster: int | None = None

    def add(self, at: float, standing: Standing) -> None:
        """The primary was looked at. A log that is shorter than it was is another one."""
        if self._marks and (
            standing.position < self._marks[-1].position or standing.cluster != self.cluster
        ):
            self.clear()
        self.cluster = standing.cluster
        self._marks.append(Mark(at, standing.position))

    def clear(self) -> None:
        """It is another primary now."""
        self._marks.clear()

    def reached(self, position: int) -> tuple[float, bool]:
        """The time of the last mark up to this position (-inf: none), and whether that is the
        newest one."""
        for mark in reversed(self._marks):
            if mark.position <= position:
                return mark.at, mark is self._marks[-1]
        return -inf, False

    @property
    def first(self) -> float:
        """The time of the oldest mark; inf without one."""
        return self._marks[0].at if self._marks else inf


@define(eq=False)
class Replica:
    """One replica: its connections, and what was last seen of it."""

    server: Server
    pool: Pool[Connection]
    breaker: Breaker
    max_lag: float
    """seconds"""
    lag: float = field(default=inf, init=False)
    """seconds behind the primary; inf while nothing is known"""
    trouble: str = field(default=NOT_SEEN, init=False)
    """why it is not asked; empty when it is"""
    _has_all_until: float = field(default=-inf, init=False)
    _keeps_up: bool = field(default=False, init=False)

    @property
    def where(self) -> str:
        """Host and port."""
        return self.server.where

    def may_answer(self, since: float) -> bool:
        """Whether to ask it for what this process knows since then."""
        if self.trouble or self.breaker.is_open:
            return False
        return since <= self._has_all_until or self._keeps_up

    def refused(self) -> None:
        """It did not have what was wanted."""
        self._keeps_up = False

    def lost(self, trouble: str) -> None:
        """It did not answer a look, or is none of ours: it is not asked until the next one."""
        self.trouble, self.lag = trouble, inf
        self._keeps_up, self._has_all_until = False, -inf

    def seen(self, standing: Standing, marks: Marks, now: float) -> None:
        """It was looked at."""
        if marks.cluster is not None and standing.cluster != marks.cluster:
            self.lost("it belongs to another cluster")
            return
        self._has_all_until, self._keeps_up = marks.reached(standing.position)
        if self._keeps_up:
            self.lag = 0.0
        else:
            self.lag = max(0.0, now - max(self._has_all_until, min(marks.first, now)))
        if self._has_all_until == -inf and not self._keeps_up:
            self.trouble = "it has not caught up with what the primary had when it was first seen"
        elif self.lag > self.max_lag:
            self.trouble = f"it is {self.lag:.1f} s behind, more than max_replica_lag"
        else:
            self.trouble = ""


class Replicas:
    """All of them; who is asked next."""

    def __init__(self, replicas: Sequence[Replica] = ()) -> None:
        self.all = tuple(replicas)
        self.marks = Marks()
        self._next = 0

    def choose(self, since: float) -> Replica | None:
        """One that may answer, in turn; None: ask the primary."""
        count = len(self.all)
        for step in range(count):
            replica = self.all[(self._next + step) % count]
            if replica.may_answer(since):
                self._next = (self._next + step + 1) % count
                return replica
        return None
