"""Begins traces, and decides at the end of each whether it is told.

Of traces that are like all others a share is enough (`sample_ratio`). The one that somebody looks
for is not like the others: so what took longer than `slower_than`, and what failed inside the
server, is always told, whatever the share. That is known at the end only, so every trace is
recorded, and most are thrown away.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar

from twisted.internet.defer import CancelledError

from sora.tracing.parents import parse_traceparent
from sora.tracing.spans import Trace

T = TypeVar("T")

_LOW: Final = 1 << 64


class Tracer:
    """Makes the traces of one process. `seconds` tells the seconds since 1970; `export` is given
    what is to be told."""

    def __init__(
        self,
        export: Callable[[Trace], None],
        *,
        seconds: Callable[[], float],
        random: Random,
        ratio: float = 1.0,
        slower_than: float = 0.0,
        include_users: bool = False,
    ) -> None:
        """`ratio` is the share that is told of all traces; `slower_than` is in seconds, 0 for
        never; `include_users` lets traces say whose they are."""
        self._export = export
        self._seconds = seconds
        self._random = random
        self._sampled_below = round(ratio * _LOW)
        self._slower_than = slower_than
        self.include_users = include_users

    def begin(self, kind: str, name: str) -> Trace:
        """A trace that begins now; this coroutine is in it until its end."""
        trace = Trace(kind, name, seconds=self._seconds, random=self._random, done=self._done)
        # By its id, so that all who take part in a trace decide alike.
        trace.kept = trace.id % _LOW < self._sampled_below
        trace.enter()
        return trace

    def join(self, trace: Trace, traceparent: str | None) -> None:
        """Make a trace a part of that of a client who may ask for it."""
        parent = parse_traceparent(traceparent) if traceparent else None
        if parent is not None:
            trace.id, trace.remote_parent = parent.trace_id, parent.span_id
            if parent.sampled:
                trace.keep()

    async def around(self, kind: str, name: str, work: Awaitable[T]) -> T:
        """Await work that is a trace by itself, such as a round of a worker."""
        trace = self.begin(kind, name)
        try:
            result = await work
        except CancelledError:
            trace.end("cancelled")
            raise
        except Exception as error:
            trace.keep()
            trace.end(type(error).__name__)
            raise
        trace.end()
        return result

    def _done(self, trace: Trace, seconds: float) -> None:
        facts = trace.root.facts
        facts["sora.seconds"] = round(seconds, 6)
        for kind, (count, took) in trace.totals.items():
            facts[f"sora.{kind}.count"] = count
            facts[f"sora.{kind}.seconds"] = round(took, 6)
        if trace.dropped:
            facts["sora.spans_left_out"] = trace.dropped
        if self._is_slow(seconds):
            trace.keep()
        if trace.kept:
            self._export(trace)
        else:
            trace.forget()

    def _is_slow(self, seconds: float) -> bool:
        return 0 < self._slower_than <= seconds
