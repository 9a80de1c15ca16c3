"""sora.workers.copier"""

from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from sora.deferreds import deferred
from sora.errors import StoreRefused
from sora.mail.flags import parse_flags
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import Mirror, ObjectCopies
from sora.metrics.bodies import UploadMetrics
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import FlagChange
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers.cleaner import Cleaner, Graces
from sora.workers.copier import Copier
from sora.workers.uploader import Uploader
from trial_tests.mailbox.bodies_world import World, message


class Refusing(MemoryObjects):
    """Takes no object while it is full of them."""

    refuses = True

    @deferred
    async def put(self, *arguments: Any) -> str:
        if self.refuses:
            raise StoreRefused("no")
        return await super().put(*arguments)


class CopierTests(TestCase):
    """With storage in memory and a clock that is ours."""

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "copier")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads, Clock()).open()
        self.second = MemoryObjects()
        self.registry = CollectorRegistry()
        self.metrics = UploadMetrics(self.registry)

    def copier(self, second: MemoryObjects | None = None, **other: Any) -> Copier:
        storage = self.world.storage
        self.second = second or self.second
        stores = [
            ObjectStore("main", self.world.objects, is_remote=True),
            ObjectStore("second", self.second, is_remote=True),
        ]
        self.bodies = Bodies(stores, storage.uploads, self.threads)
        self.copying = ObjectCopies(stores, storage.uploads, storage.copies, self.bodies)
        copier = Copier(
            storage.copies,
            self.copying,
            to="second",
            clock=self.world.clock,
            random=Random(3),
            metrics=self.metrics,
            **{"batch_size": 5, **other},
        )
        self.addCleanup(lambda: copier.stopService() if copier.running else None)
        return copier

    async def deliver(self, *numbers: int) -> None:
        arrivals = self.world.arrivals("direct")
        for number in numbers:
            await self.world.deliver(arrivals, message(number, 2000))
        await arrivals.stop()

    async def stores(self) -> list[list[str]]:
        """The stores of each message's body."""
        places = await self.world.places()
        return [sorted(each.store for each in place.objects) for place in places]

    async def test_what_was_there_and_what_comes_is_copied(self) -> None:
        await self.deliver(*range(12))
        copier = self.copier()
        copier.startService()
        self.assertEqual(await self.stores(), [["main", "second"]] * 12)
        await self.deliver(*range(12, 19))
        self.world.clock.advance(10)
        self.assertEqual(await self.stores(), [["main", "second"]] * 19)
        self.assertEqual(copier.status.copied, 19)
        self.world.objects.down = True
        for number, place in enumerate(await self.world.places()):
            found = await self.bodies.read(place, 0, place.size)
            self.assertEqual(found, message(number, 2000))

    async def test_two_of_them_copy_each_once(self) -> None:
        copiers = [self.copier(), self.copier()]
        for copier in copiers:
            copier.startService()
        await self.deliver(*range(23))
        self.world.clock.advance(20)
        self.assertEqual(await self.stores(), [["main", "second"]] * 23)
        self.assertEqual(self.second.written, 23)

    async def test_a_store_that_is_away_costs_nothing_but_time(self) -> None:
        """G5, G10: nothing is counted; the age of the oldest is told."""
        copier = self.copier(warn_after=60.0)
        copier.startService()
        self.second.down = True
        await self.deliver(1, 2, 3)
        with capturedLogs() as logs:
            for _ in range(45):
                self.world.clock.advance(10)
        self.assertFalse(copier.status.store_reachable)
        warned = [each for each in logs if each["log_level"] is LogLevel.warn]
        self.assertEqual([each.get("count") for each in warned], [None, 3, 3])
        value = self.registry.get_sample_value
        lag = value("sora_queue_processing_lag_seconds", {"queue_type": "s3_copy"})
        self.assertGreater(lag, 200)
        self.second.down = False
        for _ in range(10):
            self.world.clock.advance(10)
        self.assertEqual(await self.stores(), [["main", "second"]] * 3)
        self.assertEqual(value("sora_queue_depth", {"queue_type": "s3_copy"}), 0)

    async def test_what_is_refused_is_tried_less_and_less(self) -> None:
        copier = self.copier(Refusing())
        copier.startService()
        await self.deliver(1)
        for _ in range(60):
            self.world.clock.advance(10)
        self.assertIn(copier.status.refused, range(2, 8))
        self.second.refuses = False  # type: ignore[attr-defined]
        for _ in range(700):
            self.world.clock.advance(10)
        self.assertEqual(await self.stores(), [["main", "second"]])

    async def test_a_content_that_is_deleted_goes_from_both(self) -> None:
        """G3, G6: also while its copy waits."""
        copier = self.copier()
        copier.startService()
        await self.deliver(1)
        self.world.clock.advance(10)
        await copier.stopService()
        await self.deliver(2)
        storage = self.world.storage
        await self.expunge_all()
        cleaner = Cleaner(
            storage.cleaning,
            {"main": self.world.objects, "second": self.second},
            clock=self.world.clock,
            random=Random(1),
            graces=Graces(0.0, 0.0),
        )
        cleaning = Deferred.fromCoroutine(cleaner.clean())
        for _ in range(200):
            self.world.clock.advance(1)
        await cleaning
        self.assertEqual((self.world.objects.objects, self.second.objects), ({}, {}))
        copier.startService()
        self.world.clock.advance(10)
        self.assertEqual(self.second.objects, {})

    async def expunge_all(self) -> None:
        messages = self.world.storage.messages
        change = FlagChange("add", parse_flags(["\\Deleted"]))
        everything = NumberSet(((1, 1000),))
        await messages.store(self.world.inbox, everything, change, self.world.operation())
        await messages.expunge(self.world.inbox, None, self.world.operation())

    async def test_an_uploader_with_a_mirror_leaves_nothing_to_it(self) -> None:
        """`mode = "sync"`: an upload ends when both have it; without the second it waits (G5)."""
        storage = self.world.storage
        copier = self.copier()
        await storage.copies.copy_to(["second"])
        uploader = Uploader(
            storage.uploads,
            ObjectStore("main", self.world.objects, is_remote=True),
            clock=self.world.clock,
            random=Random(3),
            mirror=Mirror(self.copying, storage.uploads, "second"),
        )
        self.addCleanup(uploader.stopService)
        arrivals = self.world.arrivals("staged", staging_max_size=1 << 20)
        for number in range(3):
            await self.world.deliver(arrivals, message(number, 2000))
        self.second.down = True
        uploader.startService()
        self.world.clock.advance(5)
        self.assertEqual(await self.stores(), [[]] * 3)
        self.second.down = False
        for _ in range(5):
            self.world.clock.advance(20)
        self.assertEqual(await self.stores(), [["main", "second"]] * 3)
        self.assertEqual((await storage.copies.backlog("second")).contents, 0)
        self.assertEqual(copier.status.copied, 0)
