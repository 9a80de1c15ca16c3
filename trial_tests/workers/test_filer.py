"""sora.workers.filer"""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown, StoreRefused
from sora.mailbox.bodies import Bodies
from sora.metrics.bodies import UploadMetrics
from sora.storage.memory.objects import MemoryObjects
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import sealed_size
from sora.storage.sealed.objects import SealedObjects
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers import filer
from sora.workers.filer import GATHER, Filer
from trial_tests.mailbox.bodies_world import World, message
from trial_tests.workers.forgetful import Forgetful

LATER = 12.5
"""seconds after which it has waked up"""


class FilerTests(TestCase):
    async def setUp(self) -> None:
        threads = Threads(reactor, 1, "filer")
        threads.startService()
        self.addCleanup(threads.stopService)
        self.clock = Clock()
        self.world = await World(threads, self.clock).open()
        self.arrivals = self.world.arrivals("filed")
        self.bodies = Bodies(
            [ObjectStore("main", self.world.objects)], self.world.storage.uploads, threads
        )
        self.statements = self.world.storage.tables.statements
        self.registry = CollectorRegistry()

    def filer(self, objects: Any = None, uploads: Any = None, **other: Any) -> Filer:
        made = Filer(
            uploads or self.world.storage.uploads,
            ObjectStore("main", objects or self.world.objects),
            clock=self.clock,
            random=Random(3),
            **{"batch_size": 10, **other},
        )
        self.addCleanup(lambda: made.stopService() if made.running else None)
        return made

    async def deliver(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            await self.world.deliver(self.arrivals, message(number, 2000))

    async def staged(self) -> int:
        return sum(place.staged for place in await self.world.places())

    async def check(self) -> None:
        """Every body is in the store, and is what was delivered."""
        places = await self.world.places()
        self.assertTrue(all(place.objects and not place.staged for place in places))
        for place in places:
            await self.bodies.read(place, 0, place.size)

    def attempts(self) -> set[int]:
        return {entry.attempts for entry in self.world.storage.tables.objects.values()}

    async def test_what_it_files_is_encrypted(self) -> None:
        """With a key; the rows name it."""
        threads, objects = self.world.threads, self.world.objects
        sealed = SealedObjects(objects, Keyring([("k", bytes(32))]), threads)
        store = ObjectStore("main", objects, sealed=sealed, key_id="k")
        await self.deliver(5)
        filer = Filer(self.world.storage.uploads, store, clock=self.clock, random=Random(3))
        self.addCleanup(filer.stopService)
        filer.startService()
        self.bodies = Bodies([store], self.world.storage.uploads, threads)
        await self.check()
        for place in await self.world.places():
            [copy] = place.objects
            self.assertEqual((copy.key_id, copy.stored_size), ("k", sealed_size(place.size)))
            self.assertTrue(objects.objects[copy.id].startswith(b"SORAE"))

    async def test_at_its_start_it_files_what_is_there(self) -> None:
        await self.deliver(25)
        self.filer(metrics=UploadMetrics(self.registry)).startService()
        await self.check()
        sample = self.registry.get_sample_value
        self.assertEqual(sample("sora_s3_upload_attempts_total", {"result": "success"}), 25)

    async def test_what_gathers_is_filed_by_three_statements(self) -> None:
        self.filer().startService()
        made = self.filer(batch_size=100)
        made.startService()
        await self.deliver(40)
        for _ in range(40):
            made.poke()
        self.statements.clear()
        self.clock.advance(GATHER / 2)
        self.assertEqual(await self.staged(), 40)
        self.statements.clear()
        self.clock.advance(GATHER / 2)
        self.assertEqual(
            dict(self.statements),
            {"uploads.claim": 1, "uploads.staged_bodies": 1, "uploads.finish_many": 1},
        )
        await self.check()

    async def test_it_wakes_by_itself(self) -> None:
        self.filer().startService()
        await self.deliver(3)
        self.clock.advance(LATER)
        await self.check()

    async def test_large_ones_are_read_in_groups(self) -> None:
        self.patch(filer, "TOGETHER", 5000)
        await self.deliver(10)
        self.statements.clear()
        self.filer(batch_size=100).startService()
        self.assertEqual(self.statements["uploads.staged_bodies"], 5)
        await self.check()

    async def test_a_full_disk_costs_no_attempts_and_no_hammering(self) -> None:
        """G5"""
        await self.deliver(20)
        self.world.objects.down = True
        made = self.filer()
        with capturedLogs() as events:
            made.startService()
            for _ in range(100):
                made.poke()
                self.clock.advance(LATER)
        warnings = [each for each in events if each["log_level"] is LogLevel.warn]
        self.assertLess(len(warnings), 60)
        self.assertLessEqual(self.world.objects.written, 60 * 10)
        self.assertEqual((await self.staged(), self.attempts()), (20, {0}))
        self.world.objects.down = False
        for _ in range(8):
            self.clock.advance(LATER)
        await self.check()

    async def test_a_body_that_is_refused_does_not_keep_the_others(self) -> None:
        await self.deliver(5)
        content = next(iter(self.world.storage.tables.contents.values()))
        content.pieces = [b"something else"]
        with capturedLogs() as events:
            self.filer().startService()
        errors = [each for each in events if each["log_level"] is LogLevel.error]
        self.assertEqual(len(errors), 1)
        self.assertEqual((await self.staged(), len(self.world.objects.objects)), (1, 4))
        self.assertEqual(self.attempts(), {0, 1})

    async def test_what_somebody_else_has_in_hand_is_finished_alone(self) -> None:
        await self.deliver(5)
        uploads = self.world.storage.uploads
        asked: list[int] = []

        class Holding:
            def __getattr__(self, name: str) -> Any:
                return getattr(uploads, name)

            @deferred
            async def finish_many(
                self, stored: Sequence[Any], key_id: str | None
            ) -> Sequence[UUID]:
                asked.append(len(stored))
                return await uploads.finish_many(stored[1:], key_id)

        made = Filer(
            Holding(),  # type: ignore[arg-type]
            ObjectStore("main", self.world.objects),
            clock=self.clock,
            random=Random(3),
        )
        self.addCleanup(made.stopService)
        made.startService()
        self.assertEqual(asked, [5])
        await self.check()

    async def test_two_share_the_queue(self) -> None:
        slow = _Slow()
        self.world.objects = slow
        self.bodies = Bodies(
            [ObjectStore("main", slow)], self.world.storage.uploads, self.world.threads
        )
        await self.deliver(40)
        for _ in range(2):
            self.filer(slow).startService()
        self.assertEqual(len(slow.waiting), 2)
        while slow.waiting:
            slow.go_on()
        await self.check()
        self.assertEqual(slow.written, 40)

    async def test_one_that_died_is_followed_by_another(self) -> None:
        slow = _Slow()
        await self.deliver(3)
        dead = self.filer(slow, lease=60.0)
        dead.startService()
        dead._timer.cancel()  # type: ignore[union-attr]  # as if its process had gone
        dead._timer = None
        self.filer().startService()
        self.assertEqual(self.world.objects.written, 0)
        for _ in range(6):
            self.clock.advance(LATER)
        await self.check()
        slow.go_on()
        await self.check()

    async def test_what_the_database_could_not_be_told_of_goes_on_when_it_is_back(self) -> None:
        """G14: and not only when the lease ends, which is for those who died."""
        await self.deliver(3)
        uploads = Forgetful(self.world.storage.uploads, OutcomeUnknown())
        self.filer(uploads=uploads, lease=3600.0).startService()
        self.clock.advance(LATER)
        self.assertEqual(await self.staged(), 3)
        uploads.lost = None
        self.clock.advance(LATER)
        await self.check()
        self.assertEqual(self.attempts(), {0})

    async def test_stopping_finishes_what_is_on_its_way_and_gives_back_the_rest(self) -> None:
        self.patch(filer, "TOGETHER", 5000)
        slow = _Slow()
        await self.deliver(10)
        made = self.filer(slow)
        made.startService()
        stopped = made.stopService()
        self.assertFalse(stopped.called)
        slow.go_on()
        await stopped
        self.assertEqual((slow.written, await self.staged()), (2, 8))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(0.001)
        self.filer().startService()
        await self.check_staged_are_gone()

    async def check_staged_are_gone(self) -> None:
        self.assertEqual(await self.staged(), 0)

    async def test_the_age_of_the_oldest_alarms(self) -> None:
        """G10"""
        await self.deliver(2)

        class Refusing(MemoryObjects):
            @deferred
            async def put(self, name: UUID, open_body: Any, size: int, hash: bytes) -> str:
                raise StoreRefused("not here")

        with capturedLogs() as events:
            self.filer(Refusing(), warn_after=60.0).startService()
            for _ in range(60):
                self.clock.advance(LATER)
        warnings = [each for each in events if "oldest" in each.get("log_format", "")]
        self.assertIn(len(warnings), (2, 3))


class _Slow(MemoryObjects):
    """PUTs that wait for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[None]] = []

    @deferred
    async def put_many(
        self, bodies: Sequence[tuple[UUID, bytes, bytes]]
    ) -> Sequence[str | Exception]:
        gate: Deferred[None] = Deferred()
        self.waiting.append(gate)
        await gate
        return await MemoryObjects.put_many(self, bodies)

    def go_on(self) -> None:
        self.waiting.pop(0).callback(None)
