"""Traces go to the collector in a thread of their own, and nobody waits for them.

A trace that has ended is put into a queue, which is all that it costs the reactor. The thread takes
what is there every few seconds and sends it. A collector that is away, slow or busy is tried again,
at growing intervals; meanwhile the queue fills, and when it is full the oldest go, for what is
looked for is mostly what has just happened. What was dropped is counted.

The log says that the collector is away when that begins, and every `REMIND` seconds while it lasts;
`look` is a check for `sora.health`. At the end what waits is sent, for at most `FLUSH` seconds.
"""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from threading import Condition, Thread
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from sora.health import Finding, Status
from sora.metrics.tracing import TracingMetrics
from sora.retry import Delays
from sora.tracing.spans import Trace

BATCH: Final = 512
"""spans of a request, about"""
REMIND: Final = 300.0
"""seconds after which the log says again that the collector is away"""
FLUSH: Final = 5.0
"""seconds that the last traces have at the end"""
DELAYS: Final = Delays(first=2.0, longest=60.0)
"""between two attempts while the collector is away"""
LONGEST_WAIT: Final = 300
"""seconds that a collector may ask to be left alone for"""

REMEDY: Final = (
    "See that [tracing] endpoint is the OTLP/HTTP receiver of a collector that runs, and that"
    " headers are what it wants; or set enabled = false. Mail does not depend on it"
)


class Passing(Exception):
    """The collector does not take it now; `wait` is after how many seconds it may be asked again,
    if it said so."""

    def __init__(self, text: str, wait: int | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class Refusal(Exception):
    """The collector will not take it the next time either."""


Send = Callable[[Sequence[Trace]], int]
"""brings traces to the collector, and gives how many spans it refused; see `otlp.Collector.send`"""


class _Queue:
    """What waits, at most `capacity` spans. For two threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._traces: deque[Trace] = deque()
        self._changed = Condition()
        self._is_closed = False
        self.spans = 0

    def put(self, trace: Trace) -> int:
        """One more; gives how many spans had to go for it, the oldest first."""
        with self._changed:
            self._traces.append(trace)
            self.spans += trace.size
            dropped = 0
            while self.spans > self._capacity:
                oldest = self._pop()
                dropped += oldest.size
                oldest.forget()
            return dropped

    def take(self) -> list[Trace]:
        """The next batch; empty when nothing waits."""
        taken, size = list[Trace](), 0
        with self._changed:
            while self._traces and size < BATCH:
                taken.append(self._pop())
                size += taken[-1].size
        return taken

    def put_back(self, traces: Sequence[Trace]) -> int:
        """What could not be sent waits again, as far as there is room: the newest of it first.
        Gives how many spans had to go."""
        dropped = 0
        with self._changed:
            for trace in reversed(traces):
                if self.spans + trace.size > self._capacity:
                    dropped += trace.size
                    trace.forget()
                else:
                    self._traces.appendleft(trace)
                    self.spans += trace.size
        return dropped

    def _pop(self) -> Trace:
        trace = self._traces.popleft()
        self.spans -= trace.size
        return trace

    def close(self) -> None:
        """Nobody is to wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is closed; gives whether it is."""
        with self._changed:
            if not self._is_closed:
                self._changed.wait(seconds)
            return self._is_closed


class Export(Service):
    """Sends traces. `capacity` is in spans, `interval` and `flush` in seconds."""

    log = Logger()

    def __init__(
        self,
        send: Send,
        *,
        where: str,
        reactor: Any,
        random: Random,
        metrics: TracingMetrics,
        capacity: int = 10_000,
        interval: float,
        delays: Delays = DELAYS,
        flush: float = FLUSH,
    ) -> None:
        """`where` is what the log calls the collector."""
        self.setName("tracing")
        self._send = send
        self._where = where
        self._reactor = reactor
        self._random = random
        self._metrics = metrics
        self._interval = interval
        self._delays = delays
        self._flush = flush
        self._queue = _Queue(capacity)
        self._ended: Deferred[None] = Deferred()
        self._late: IDelayedCall | None = None
        self._trouble = ""
        self._told_at: float | None = None
        metrics.waiting.set_function(lambda: self._queue.spans)

    def offer(self, trace: Trace) -> None:
        """Let a trace be sent, sooner or later."""
        dropped = self._queue.put(trace)
        if dropped:
            self._metrics.dropped.inc(dropped)

    # ------------------------------------------------------------ service

    def startService(self) -> None:
        """Begin to send. Once: a thread does not begin twice."""
        super().startService()
        # A daemon: a collector that hangs does not keep the process from ending.
        Thread(target=self._run, name="tracing", daemon=True).start()

    def stopService(self) -> "Deferred[None]":
        """Send what waits; fires when that is done, or took too long."""
        super().stopService()
        self._queue.close()
        self._late = self._reactor.callLater(self._flush, self._give_up)
        return self._ended

    def _give_up(self) -> None:
        self.log.warn("the last traces were not taken by {where} in time", where=self._where)
        self._ended.callback(None)

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        pause, failures = self._interval, 0
        try:
            while True:
                is_closed = self._queue.wait(pause)
                wait = self._send_waiting()
                if is_closed:
                    return
                if wait is None:
                    pause, failures = self._interval, 0
                else:
                    pause = max(wait, self._delays.delay(failures, self._random))
                    failures += 1
        finally:
            self._reactor.callFromThread(self._has_ended)

    def _send_waiting(self) -> float | None:
        """Send all that waits. Gives None, or for how long the collector wants no more."""
        while batch := self._queue.take():
            size = sum(trace.size for trace in batch)
            try:
                refused = self._send(batch)
            except Passing as error:
                self._tell(str(error), dropped=self._queue.put_back(batch))
                return min(error.wait or 0, LONGEST_WAIT)
            except Refusal as error:
                self._tell(str(error), refused=size)
                _forget(batch)
            except Exception as error:  # noqa: BLE001 - a bug of ours ends no thread
                self._tell(f"what was to be sent could not be: {error!r}", refused=size)
                _forget(batch)
            else:
                trouble = f"it refused {refused} of {size} spans" if refused else ""
                self._tell(trouble, sent=size - refused, refused=refused)
                _forget(batch)
        return None

    def _tell(self, trouble: str, *, sent: int = 0, refused: int = 0, dropped: int = 0) -> None:
        self._reactor.callFromThread(self._was_told, trouble, sent, refused, dropped)

    # ------------------------------------------------------------ in the reactor again

    def _has_ended(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
            self._ended.callback(None)

    def _was_told(self, trouble: str, sent: int, refused: int, dropped: int) -> None:
        self._metrics.sent.inc(sent)
        self._metrics.refused.inc(refused)
        self._metrics.dropped.inc(dropped)
        if self._ended.called:
            return  # it was told that the last traces are lost
        now = self._reactor.seconds()
        if trouble and (self._told_at is None or now - self._told_at >= REMIND):
            self._told_at = now
            self.log.warn(
                "traces do not arrive at {where}: {reason}", where=self._where, reason=trouble
            )
        elif self._trouble and not trouble:
            self._told_at = None
            self.log.info("traces arrive at {where} again", where=self._where)
        self._trouble = trouble

    async def look(self) -> Finding:
        """How it goes, for the health of the process."""
        facts = {"waiting": self._queue.spans}
        if self._trouble:
            text = f"Traces do not arrive at {self._where}: {self._trouble}"
            return Finding(Status.DEGRADED, text, REMEDY, facts)
        return Finding(Status.HEALTHY, "Traces arrive, or none was made yet", facts=facts)


def _forget(traces: Sequence[Trace]) -> None:
    for trace in traces:
        trace.forget()
