"""sora.workers.uploader"""

from collections import Counter
from random import Random
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown, StoreRefused, Unavailable
from sora.mailbox.bodies import Bodies
from sora.metrics.bodies import UploadMetrics
from sora.retry import Delays
from sora.storage.memory.objects import MemoryObjects
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.tracing.spans import Trace
from sora.workers.uploader import Uploader
from trial_tests.mailbox.bodies_world import World, message
from trial_tests.support.seaweedfs import seaweedfs
from trial_tests.support.traces import shown, traced, tracer_to
from trial_tests.workers.forgetful import Forgetful


class _UploaderTestCase(TestCase):
    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "uploader")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads, self.clock()).open()
        self.arrivals = self.world.arrivals("staged")
        self.registry = CollectorRegistry()

    def clock(self) -> Any:
        return Clock()

    def uploader(self, objects: Any = None, uploads: Any = None, **other: Any) -> Uploader:
        uploader = Uploader(
            uploads or self.world.storage.uploads,
            ObjectStore("main", objects or self.world.objects),
            clock=self.world.clock,
            random=Random(3),
            **{"workers": 4, "batch_size": 5, "wake_interval": 10.0, **other},
        )
        self.addCleanup(lambda: uploader.stopService() if uploader.running else None)
        return uploader

    async def deliver(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            await self.world.deliver(self.arrivals, message(number, 2000))

    async def staged(self) -> int:
        return sum(place.staged for place in await self.world.places())

    async def check(self, objects: Any = None) -> None:
        """Every body is in the store, and is what was delivered."""
        bodies = Bodies(
            [ObjectStore("main", objects or self.world.objects)],
            self.world.storage.uploads,
            self.threads,
        )
        places = await self.world.places()
        self.assertTrue(all(place.objects and not place.staged for place in places))
        for place in places:
            await bodies.read(place, 0, place.size)


class UploaderTests(_UploaderTestCase):
    """With storage in memory and a clock that is ours."""

    async def test_each_body_is_a_trace(self) -> None:
        """Also when it was a delivery that woke the uploader up: that one's trace has nothing of
        it."""
        told: list[Trace] = []
        uploader = self.uploader()
        uploader.tracer = tracer_to(told)
        uploader.startService()
        await self.deliver(3)

        async def delivery() -> None:
            uploader.poke()
            while len(told) < 3:
                await deferLater(reactor, 0.01)  # type: ignore[arg-type]

        self.assertEqual(shown(await traced(delivery)), [])
        self.assertEqual(
            [(one.root.kind, one.root.name) for one in told], [("worker", "upload")] * 3
        )
        await self.check()

    async def test_it_empties_the_queue_at_its_start(self) -> None:
        await self.deliver(23)
        uploader = self.uploader(metrics=UploadMetrics(self.registry))
        uploader.startService()
        await self.check()
        self.assertEqual(uploader.status.uploaded, 23)
        self.assertEqual(self.world.objects.written, 23)
        self.assertEqual(
            self.registry.get_sample_value("sora_s3_upload_attempts_total", {"result": "success"}),
            23,
        )

    async def test_a_poke_wakes_it(self) -> None:
        uploader = self.uploader()
        uploader.startService()
        await self.deliver(1)
        self.assertEqual(await self.staged(), 1)
        uploader.poke()
        await self.check()

    async def test_it_wakes_by_itself(self) -> None:
        uploader = self.uploader()
        uploader.startService()
        await self.deliver(3)
        self.world.clock.advance(12.5)
        await self.check()

    async def test_an_outage_costs_no_attempts_and_no_hammering(self) -> None:
        """G5"""
        await self.deliver(20)
        self.world.objects.down = True
        uploader = self.uploader()
        uploader.startService()
        self.assertLessEqual(self.world.objects.written, 4)
        self.assertFalse(uploader.status.store_reachable)
        for _ in range(100):
            self.world.clock.advance(12.5)
        self.assertLessEqual(self.world.objects.written, 105)
        self.assertEqual(await self.staged(), 20)
        attempts = {entry.attempts for entry in self.world.storage.tables.objects.values()}
        self.assertEqual(attempts, {0})
        self.world.objects.down = False
        for _ in range(3):
            self.world.clock.advance(20)
        await self.check()
        self.assertTrue(uploader.status.store_reachable)

    async def test_what_the_store_refuses_is_counted_and_stays_readable(self) -> None:
        """G5, G6"""
        refused: Counter[UUID] = Counter()

        class Refusing(MemoryObjects):
            @deferred
            async def put(self, name: UUID, open_body: Any, size: int, hash: bytes) -> str:
                refused[name] += 1
                raise StoreRefused("too large for this store")

        await self.deliver(1)
        uploader = self.uploader(Refusing())
        with capturedLogs() as events:
            uploader.startService()
            for _ in range(400):
                self.world.clock.advance(12.5)
        self.assertGreater(len([e for e in events if e["log_level"] is LogLevel.error]), 3)
        [(_, times)] = refused.items()
        self.assertGreaterEqual(times, 4)
        self.assertLessEqual(times, 8)
        [place] = await self.world.places()
        self.assertTrue(place.staged)
        [entry] = self.world.storage.tables.objects.values()
        self.assertEqual(entry.attempts, times)

    async def test_two_uploaders_share_the_queue(self) -> None:
        """Nothing is PUT twice, and nothing is left."""
        slow = _Slow()
        self.world.objects = slow
        await self.deliver(40)
        first, second = self.uploader(), self.uploader()
        first.startService()
        second.startService()
        while await self.staged():
            slow.go_on()
        await self.check()
        self.assertEqual(slow.written, 40)
        self.assertEqual(first.status.uploaded + second.status.uploaded, 40)
        self.assertGreater(min(first.status.uploaded, second.status.uploaded), 5)

    async def test_workers_are_bounded(self) -> None:
        slow = _Slow()
        self.world.objects = slow
        await self.deliver(40)
        uploader = self.uploader()
        uploader.startService()
        for _ in range(10):
            uploader.poke()
            self.assertEqual(len(slow.waiting), 4)
            slow.go_on()
        while slow.waiting:
            slow.go_on()
        await self.check()

    async def test_one_that_died_is_followed_by_another(self) -> None:
        slow = _Slow()
        await self.deliver(3)
        dead = self.uploader(slow, lease=60.0)
        dead.startService()
        self.assertEqual(len(slow.waiting), 3)
        dead._timer.cancel()  # as if its machine had gone
        dead._timer = None
        other = self.uploader()
        other.startService()
        self.assertEqual(self.world.objects.written, 0)
        for _ in range(6):
            self.world.clock.advance(12.5)
        await self.check()
        while slow.waiting:
            slow.go_on()
        await self.check()

    async def test_what_the_database_could_not_be_told_of_goes_on_when_it_is_back(self) -> None:
        """G14: and not only when the lease ends, which is for those who died."""
        for lost in (OutcomeUnknown(), Unavailable()):
            await self.deliver(3, first=10 * bool(isinstance(lost, OutcomeUnknown)))
            uploads = Forgetful(self.world.storage.uploads, lost)
            uploader = self.uploader(uploads=uploads, lease=3600.0, wake_interval=10.0)
            uploader.startService()
            self.assertEqual(await self.staged(), 3)
            self.world.clock.advance(12.5)
            self.assertEqual(await self.staged(), 3)
            uploads.lost = None
            for _ in range(4):
                self.world.clock.advance(12.5)
            await self.check()
            await uploader.stopService()

    async def test_stopping_finishes_what_is_on_its_way_and_gives_back_the_rest(self) -> None:
        slow = _Slow()
        await self.deliver(5)
        uploader = self.uploader(slow, workers=1)
        uploader.startService()
        stopped = uploader.stopService()
        self.assertFalse(stopped.called)
        while slow.waiting:
            slow.go_on()
        await stopped
        self.assertEqual((slow.written, await self.staged()), (1, 4))
        self.assertEqual(self.world.clock.getDelayedCalls(), [])
        other = self.uploader(slow)
        self.world.clock.advance(0.001)
        other.startService()
        self.assertEqual(len(slow.waiting), 4)
        while slow.waiting:
            slow.go_on()

    async def test_a_damaged_staged_body_is_not_uploaded(self) -> None:
        await self.deliver(1)
        [content] = self.world.storage.tables.contents.values()
        content.pieces = [b"something else"]
        with capturedLogs() as events:
            self.uploader().startService()
        self.assertTrue(any("damaged" in str(event.get("error")) for event in events))
        self.assertEqual(self.world.objects.objects, {})
        self.assertEqual(await self.staged(), 1)

    async def test_the_age_of_the_oldest_alarms(self) -> None:
        """G10"""
        await self.deliver(2)
        self.world.objects.down = True
        uploader = self.uploader(warn_after=60.0, metrics=UploadMetrics(self.registry))
        with capturedLogs() as events:
            uploader.startService()
            for _ in range(60):
                self.world.clock.advance(12.5)
        warnings = [e for e in events if "oldest" in e.get("log_format", "")]
        self.assertIn(len(warnings), (2, 3))
        self.assertEqual(uploader.status.contents, 2)
        self.assertGreater(uploader.status.oldest, 700)
        lag = self.registry.get_sample_value(
            "sora_queue_processing_lag_seconds", {"queue_type": "s3_upload"}
        )
        self.assertGreater(lag or 0, 700)


class SeaweedOutageTests(_UploaderTestCase):
    """A real store that goes away and comes back."""

    timeout = 120

    def clock(self) -> Any:
        return reactor

    async def test_deliveries_go_on_and_are_uploaded_when_it_is_back(self) -> None:
        server = seaweedfs(self)
        objects = S3Objects(
            S3Client(server.config, reactor, self.threads),
            name="main",
            prefix="uploader/",
            clock=reactor,
            random=Random(1),
            delays=Delays(first=0.01, longest=0.05, attempts=1),
            failures=2,
            breaker_delays=Delays(first=0.05, longest=0.2),
        )
        self.addCleanup(objects.stop)
        for _ in range(2):
            self.uploader(
                objects, wake_interval=0.1, unreachable=Delays(first=0.05, longest=0.2)
            ).startService()
        await self.deliver(10)
        server.stop()
        self.addCleanup(server.start)
        await self.deliver(30, first=10)
        bodies = Bodies([ObjectStore("main", objects)], self.world.storage.uploads, self.threads)
        await deferLater(reactor, 0.5, lambda: None)
        waiting = [place for place in await self.world.places() if place.staged]
        self.assertGreaterEqual(len(waiting), 30)
        found = await bodies.read_many(waiting)
        self.assertTrue(all(isinstance(each, bytes) for each in found))
        server.start()
        while await self.staged():
            await deferLater(reactor, 0.05, lambda: None)
        await self.check(objects)
        attempts = {entry.attempts for entry in self.world.storage.tables.objects.values()}
        self.assertEqual(attempts, {0})


class _Slow(MemoryObjects):
    """PUTs that wait for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[None]] = []

    @deferred
    async def put(self, name: UUID, open_body: Any, size: int, hash: bytes) -> str:
        gate: Deferred[None] = Deferred()
        self.waiting.append(gate)
        await gate
        return await MemoryObjects.put(self, name, open_body, size, hash)

    def go_on(self) -> None:
        self.waiting.pop(0).callback(None)
