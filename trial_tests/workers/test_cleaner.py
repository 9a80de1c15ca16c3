"""sora.workers.cleaner"""

from datetime import timedelta
from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.mail.flags import DELETED, Flags
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import FlagChange
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers.cleaner import Cleaned, Cleaner, Graces
from trial_tests.mailbox.bodies_world import World, message

DAY = 86400.0


class CleanerTests(TestCase):
    """On storage in memory."""

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "cleaner")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads).open()
        self.clock: Clock = self.world.clock
        self.arrivals = self.world.arrivals("direct")

    def cleaner(self, stores: Any = None, **other: Any) -> Cleaner:
        return Cleaner(
            self.world.storage.cleaning,
            {"main": self.world.objects} if stores is None else stores,
            clock=self.clock,
            random=Random(5),
            graces=Graces(14 * DAY),
            **other,
        )

    def clean(self, cleaner: Cleaner | None = None) -> Cleaned:
        """One round; the rests between batches are skipped."""
        round_ = Deferred.fromCoroutine((cleaner or self.cleaner()).clean())
        while not round_.called:
            self.clock.advance(0.1)
        return self.successResultOf(round_)

    async def deliver(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            await self.world.deliver(self.arrivals, message(number))

    async def expunge(self) -> None:
        messages = self.world.storage.messages
        everything = NumberSet(((1, 10**6),))
        change = FlagChange("add", Flags(DELETED))
        await messages.store(self.world.inbox, everything, change, World.operation())
        await messages.expunge(self.world.inbox, None, World.operation())

    async def test_nothing_live_is_touched(self) -> None:
        await self.deliver(5)
        self.clock.advance(100 * DAY)
        self.clean()
        self.assertGreaterEqual(len(self.world.objects.objects), 5)
        bodies = Bodies(
            [ObjectStore("main", self.world.objects)], self.world.storage.uploads, self.threads
        )
        found = await bodies.read_many(await self.world.places())
        self.assertEqual(found, [message(number) for number in range(5)])

    async def test_an_expunged_message_stays_for_its_grace_and_then_goes_with_its_object(
        self,
    ) -> None:
        await self.deliver(25)
        await self.expunge()
        self.clock.advance(13 * DAY)
        self.assertEqual(self.clean().expunged, 0)
        self.assertEqual(len(self.world.objects.objects), 25)
        self.clock.advance(2 * DAY)
        self.assertEqual(self.clean(self.cleaner(batch=10)).expunged, 25)
        self.clock.advance(DAY)
        cleaned = self.clean(self.cleaner(batch=10))
        self.assertEqual(cleaned.condemned, 25)
        self.assertEqual(self.world.objects.objects, {})
        self.assertEqual(self.world.storage.tables.contents, {})

    async def test_an_object_whose_place_failed_goes_after_a_day(self) -> None:
        """G1: the cleaner removes what was written and never bound."""
        from sora.errors import NoSuchMailbox

        class Failing:
            async def place(self, *args: object) -> object:
                raise NoSuchMailbox

        arrivals = self.world.arrivals("direct", messages=Failing())
        with self.assertRaises(NoSuchMailbox):
            await self.world.deliver(arrivals, message(1))
        self.clock.advance(3600)
        self.clean()
        self.assertEqual(len(self.world.objects.objects), 1)
        self.clock.advance(DAY)
        self.clean()
        self.assertEqual(self.world.objects.objects, {})

    async def test_while_a_store_is_away_nothing_is_forgotten(self) -> None:
        """G6"""
        await self.deliver(3)
        await self.expunge()
        self.clock.advance(15 * DAY)
        self.clean()
        self.clock.advance(DAY)
        self.world.objects.down = True
        cleaned = self.clean()
        self.assertEqual(cleaned.deleted, 0)
        self.assertGreaterEqual(cleaned.kept, 3)
        self.assertEqual(len(self.world.objects.objects), 3)
        self.world.objects.down = False
        self.clock.advance(3600)
        self.assertGreaterEqual(self.clean().deleted, 3)
        self.assertEqual(self.world.objects.objects, {})

    async def test_a_store_that_is_not_configured_keeps_its_rows(self) -> None:
        await self.deliver(2)
        await self.expunge()
        self.clock.advance(15 * DAY)
        self.clean()
        self.clock.advance(DAY)
        before = dict(self.world.storage.tables.objects)
        self.clean(self.cleaner({"other": MemoryObjects()}))
        self.assertEqual(self.world.storage.tables.objects, before)

    async def test_the_same_bytes_may_come_back_at_any_moment(self) -> None:
        """G3"""
        await self.deliver(1)
        await self.expunge()
        self.clock.advance(15 * DAY)
        self.clean()
        self.clock.advance(DAY)
        await self.world.storage.cleaning.condemn(timedelta(hours=1), 10)
        await self.deliver(1)
        self.clean()
        [place] = await self.world.places()
        self.assertIn(place.objects[0].id, self.world.objects.objects)

    async def test_it_works_by_itself_on_several_nodes(self) -> None:
        await self.deliver(30)
        await self.expunge()
        cleaners = [self.cleaner(wake_interval=3600.0, batch=7) for _ in range(3)]
        for each in cleaners:
            each.startService()
        for _ in range(17 * 24):
            self.clock.advance(3600)
            for _ in range(30):
                self.clock.advance(0.1)
        self.assertEqual(self.world.objects.objects, {})
        for each in cleaners:
            await each.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
