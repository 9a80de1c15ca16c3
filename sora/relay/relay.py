"""The relay as a service: it takes mail, and sends it as it becomes due.

It starts before what listens and stops after it. Opening the queue takes a lane of the
directory; what is in it is read while mail already comes and goes.
"""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from sora.breaker import Breaker, State
from sora.deferreds import Tasks, deferred
from sora.errors import SoraError, Unavailable
from sora.metrics.relay import RelayMetrics
from sora.relay.interfaces import Content, Held, IRelay, Outgoing, RelayFull, RelayOff
from sora.relay.policy import Policy
from sora.relay.queue import Depth, RelayQueue
from sora.relay.sending import DeliverLocally, Sending
from sora.relay.transport import ITransport
from sora.retry import Delays, pause
from sora.threads import Threads
from sora.tracing.spans import entered
from sora.tracing.tracer import Tracer

ORDERS: Final = 2.0
"""Seconds between two looks at what sora-admin asks."""
DRAIN: Final = 20.0
"""Seconds that what is being sent has at the end."""
PROBES: Final = Delays(first=1.0, longest=60.0)
"""Delays between probes of a server that cannot be reached."""
REMIND: Final = 3600.0
"""Seconds between two lines in the log about an old message."""


@implementer(IRelay)
class NoRelay:
    """No relay is configured."""

    @deferred
    async def hold(self, messages: Sequence[tuple[Outgoing, Content]]) -> Held:
        """See IRelay."""
        raise RelayOff()

    @deferred
    async def release(self, held: Held) -> None:
        """See IRelay."""

    @deferred
    async def drop(self, held: Held) -> None:
        """See IRelay."""

    @deferred
    async def send(self, messages: Sequence[tuple[Outgoing, Content]]) -> None:
        """See IRelay."""
        raise RelayOff()


@implementer(IRelay)
class Relay(Service):
    """Takes mail and sends it.

    `concurrency` messages are sent at the same time, at most `batch_size` are begun in one go;
    the directory is looked through every `worker_interval` seconds; what failed is kept for
    `retention` seconds; a message older than `warn_after` seconds is told of in the log.
    """

    log = Logger()
    tracer: Tracer | None = None
    """what makes a trace of each attempt; see `sora.waking`"""

    def __init__(
        self,
        queue: RelayQueue,
        transport: ITransport,
        threads: Threads,
        *,
        clock: IReactorTime,
        random: Random,
        host: str,
        randomness: Callable[[int], bytes],
        policy: Policy = Policy(),  # noqa: B008 - a frozen value
        concurrency: int = 5,
        batch_size: int = 100,
        worker_interval: float = 60.0,
        retention: float = 7 * 86400.0,
        warn_after: float = 3600.0,
        breaker_failures: int = 5,
        drain: float = DRAIN,
        deliver_locally: DeliverLocally | None = None,
        metrics: RelayMetrics | None = None,
    ) -> None:
        self.setName("relay")
        self._queue = queue
        self._transport = transport
        self._threads = threads
        self._clock = clock
        self._random = random
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._worker_interval = worker_interval
        self._retention = retention
        self._warn_after = warn_after
        self._drain = drain
        self._metrics = metrics
        self._warned = 0.0
        self._tasks = Tasks()
        self._sending = Tasks()
        self._timers: dict[str, IDelayedCall] = {}
        self._breaker = Breaker(
            f"relay {transport.target}",
            transport.probe,
            clock=clock,
            random=random,
            failures=breaker_failures,
            delays=PROBES,
            changed=self._breaker_changed,
        )
        self._attempts = Sending(
            queue,
            transport,
            self._breaker,
            policy,
            threads,
            clock=clock,
            random=random,
            host=host,
            randomness=randomness,
            deliver_locally=deliver_locally,
            metrics=metrics,
        )
        queue.grew = self._fill

    # ------------------------------------------------------------ IRelay

    @deferred
    async def hold(self, messages: Sequence[tuple[Outgoing, Content]]) -> Held:
        """See IRelay."""
        try:
            with entered("relay_queue", "hold"):
                held = await self._queue.hold(messages)
        except RelayFull:
            self._count_hold("full", messages)
            raise
        except Unavailable as error:
            self.log.error("mail cannot be queued: {error}", error=error.text)
            self._count_hold("error", messages)
            raise
        self._count_hold("ok", messages)
        return held

    @deferred
    async def release(self, held: Held) -> None:
        """See IRelay."""
        await self._queue.release(held)
        self._count("release", "ok", len(held.names))

    @deferred
    async def drop(self, held: Held) -> None:
        """See IRelay."""
        await self._queue.drop(held)
        self._count("drop", "ok", len(held.names))

    @deferred
    async def send(self, messages: Sequence[tuple[Outgoing, Content]]) -> None:
        """See IRelay."""
        await self.release(await self.hold(messages))

    # ------------------------------------------------------------ what it does now

    @property
    def depth(self) -> Depth:
        """What is in the queue."""
        return self._queue.depth()

    @property
    def breaker(self) -> State:
        """Whether the server is being left alone."""
        return self._breaker.state

    async def check(self, patience: float | None = None) -> str:
        """For the health of this node: a sentence. Raises Unavailable when mail is kept back.

        With `patience` (seconds) the server is asked, too: who waits for the first message to find
        out that it is away has lost the time until then. What is found that way does not move the
        circuit breaker, so that mail is tried as if nobody had looked.
        """
        if patience is not None:
            await self._transport.probe(patience)
        self._breaker.check()
        depth = self.depth
        return f"{depth.waiting} messages wait, the oldest for {depth.oldest:.0f} s"

    # ------------------------------------------------------------ service

    def startService(self) -> "Deferred[None]":
        """Take a lane of the queue, and begin to send. Fails with Unavailable."""
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await self._queue.open()
        super().startService()
        self._every("orders", ORDERS, self._obey)
        self._every("look", self._worker_interval, self._look)
        self._tasks.start(self._guarded(self._begin), "reading the relay queue")

    def stopService(self) -> "Deferred[None]":
        """Send nothing more; what is being sent may end, within a time."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        drained = Deferred.fromCoroutine(self._sending.join())
        patience = pause(self._clock, self._drain)
        await DeferredList([drained, patience], fireOnOneCallback=True, consumeErrors=True)
        patience.addErrback(lambda failure: failure.trap(CancelledError) and None)
        patience.cancel()
        await self._transport.stop()
        await self._sending.join()
        await self._tasks.join()
        await self._breaker.stop()
        await self._queue.close()

    async def _begin(self) -> None:
        left = await self._queue.release_left()
        if left:
            self.log.info("{count} messages were held when Sora stopped: they go out", count=left)
        await self._look()

    # ------------------------------------------------------------ rounds

    async def _look(self) -> None:
        """Compare with the disk, adopt, tidy up."""
        adopted = await self._queue.adopt()
        if adopted:
            self.log.info("{count} messages of another process were adopted", count=adopted)
            self._count("adopted", "ok", adopted)
        self._count("pruned", "ok", await self._queue.prune(self._retention))
        await self._queue.release_forgotten()
        await self._queue.scan()
        self._measure()

    async def _obey(self) -> None:
        await self._queue.obey()
        self._measure()

    def _every(self, name: str, interval: float, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await self._guarded(work)
            if self.running:
                self._timers[name] = self._clock.callLater(interval, start)

        def start() -> None:
            self._tasks.start(run(), f"relay queue: {name}")

        self._timers[name] = self._clock.callLater(interval, start)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except SoraError as error:
            self.log.error("the relay queue: {error}", error=error.text)

    def _measure(self) -> None:
        depth = self._queue.depth()
        if self._metrics is not None:
            for state in ("held", "waiting", "sending", "failed"):
                self._metrics.depth.labels(state).set(getattr(depth, state))
            self._metrics.octets.set(depth.octets)
            self._metrics.age.set(depth.oldest)
        now = self._clock.seconds()
        if depth.oldest >= self._warn_after and now - self._warned >= REMIND:
            self._warned = now
            self.log.warn(
                "the oldest of {count} messages in the relay queue has waited {oldest:.0f} s",
                count=depth.waiting,
                oldest=depth.oldest,
            )

    # ------------------------------------------------------------ sending

    def _fill(self) -> None:
        """Begin what is due, as far as there is room."""
        if not self.running or self._breaker.is_open:
            return
        now = self._clock.seconds()
        for _ in range(self._batch_size):
            if len(self._sending) >= self._concurrency:
                return
            name = self._queue.take(now)
            if name is None:
                break
            self._sending.start(self._attempt(name), f"relay of {name}")
        self._wait()

    async def _attempt(self, name: str) -> None:
        attempt = self._attempts.attempt(name)
        if self.tracer is not None:
            attempt = self.tracer.around("worker", "relay", attempt)
        await attempt
        # Not within this call: it is still one of those that are being sent.
        self._later("next", 0.0)

    def _wait(self) -> None:
        """Come back when the next one is due."""
        due = self._queue.next_due()
        if due is not None:
            self._later("due", max(0.0, due - self._clock.seconds()))

    def _later(self, name: str, delay: float) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()
        if self.running:
            self._timers[name] = self._clock.callLater(delay, self._fill)

    def _breaker_changed(self, state: State) -> None:
        if self._metrics is not None:
            self._metrics.breaker.set(state is not State.CLOSED)
        if state is State.CLOSED:
            self._queue.hurry_unreachable()
            self._later("next", 0.0)

    def _count_hold(self, result: str, messages: Sequence[tuple[Outgoing, Content]]) -> None:
        self._count("hold", result, len(messages))
        if self._metrics is not None:
            for outgoing, _ in messages:
                self._metrics.given(outgoing.kind, result)

    def _count(self, operation: str, result: str, count: int) -> None:
        if self._metrics is not None and count:
            self._metrics.operations.labels(operation, result).inc(count)
