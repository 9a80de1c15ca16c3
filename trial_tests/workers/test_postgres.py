"""Arrivals, bodies, the uploader and the cleaner together, on a real PostgreSQL."""

from datetime import timedelta
from random import Random
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import deferLater

from sora.deferreds import gather
from sora.mail.flags import DELETED, Flags
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.retry import Delays
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.messages import Messages
from sora.storage.postgres.uploads import Uploads
from sora.storage.rows import FlagChange
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers.cleaner import Cleaner, Graces
from sora.workers.filer import Filer
from sora.workers.uploader import Uploader
from trial_tests.mailbox.bodies_world import World, message
from trial_tests.support.postgres import DatabaseTestCase

MB = 1024 * 1024


@frozen
class _Storage:
    accounts: Accounts
    mailboxes: Mailboxes
    messages: Messages
    uploads: Uploads
    cleaning: Cleaning


class BodiesOnPostgresTests(DatabaseTestCase):
    """From the arrival of bytes to the end of their object."""

    async def prepare(self) -> None:
        self.threads = Threads(reactor, 2, "bodies")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.database = await self.new_database()
        self.world: Any = World(self.threads, reactor)
        self.world.storage = _Storage(
            Accounts(self.database),
            Mailboxes(self.database, reactor),
            Messages(self.database, reactor),
            Uploads(self.database),
            Cleaning(self.database),
        )
        await self.world.open()
        self.bodies = Bodies(
            [ObjectStore("main", self.world.objects)], self.world.storage.uploads, self.threads
        )

    async def deliver(self, arrivals: Any, bodies: list[bytes]) -> None:
        slots = DeferredSemaphore(8)
        await gather(*[slots.run(self.world.deliver, arrivals, data) for data in bodies])

    async def read(self) -> list[bytes]:
        """All bodies, sorted, read one by one and all at once."""
        places = await self.world.places()
        one_by_one = [await self.bodies.read(place, 0, place.size) for place in places]
        self.assertEqual(await self.bodies.read_many(places), one_by_one)
        return sorted(one_by_one)

    def uploader(self) -> Uploader:
        uploader = Uploader(
            self.world.storage.uploads,
            ObjectStore("main", self.world.objects),
            clock=reactor,
            random=Random(2),
            workers=3,
            batch_size=4,
            wake_interval=0.1,
            unreachable=Delays(first=0.05, longest=0.1),
        )
        uploader.startService()
        self.addCleanup(lambda: uploader.stopService() if uploader.running else None)
        return uploader

    async def test_direct_deliveries_of_the_same_bytes_keep_one_object_each(self) -> None:
        """G2, and one round trip each."""
        await self.prepare()
        first, second = self.world.arrivals("direct"), self.world.arrivals("direct")
        self.addCleanup(lambda: Deferred.fromCoroutine(first.stop()))
        self.addCleanup(lambda: Deferred.fromCoroutine(second.stop()))
        bodies = [message(number, 3000) for number in range(20)]
        await gather(self.deliver(first, bodies * 2), self.deliver(second, bodies * 2))
        await first.stop()
        await second.stop()
        self.assertEqual(await self.read(), sorted(bodies * 4))
        self.assertEqual(len(self.world.objects.objects), 20)
        before = sum(self.database.statements.values())
        await self.deliver(first, bodies)
        self.assertEqual(sum(self.database.statements.values()) - before, 20)
        self.assertEqual(len(self.world.objects.objects), 20)

    async def test_staged_deliveries_are_readable_during_an_outage_and_uploaded_after_it(
        self,
    ) -> None:
        """G5, G8: small and large ones; two uploaders share the queue."""
        await self.prepare()
        arrivals = self.world.arrivals("staged", staging_max_size=MB)
        self.addCleanup(lambda: Deferred.fromCoroutine(arrivals.stop()))
        uploaders = [self.uploader(), self.uploader()]
        bodies = [message(number, 2000) for number in range(30)] + [message(99, 3 * MB)]
        self.world.objects.down = True
        await self.deliver(arrivals, bodies)
        self.assertEqual(await self.read(), sorted(bodies))
        self.assertEqual(self.world.objects.objects, {})
        self.world.objects.down = False
        while any(place.staged for place in await self.world.places()):
            self.assertEqual(await self.read(), sorted(bodies))
            await deferLater(reactor, 0.02, lambda: None)
        for each in uploaders:
            await each.stopService()
        self.assertEqual(len(self.world.objects.objects), 31)
        self.assertEqual(await self.read(), sorted(bodies))
        self.assertEqual((await self.world.storage.uploads.backlog()).contents, 0)

    async def test_small_bodies_for_a_directory_are_filed_while_more_come(self) -> None:
        """The same bytes again and again, whose contents deliveries hold; two processes file."""
        await self.prepare()
        arrivals = self.world.arrivals("filed", staging_max_size=MB)
        self.addCleanup(lambda: Deferred.fromCoroutine(arrivals.stop()))
        filers = [
            Filer(
                self.world.storage.uploads,
                ObjectStore("main", self.world.objects),
                clock=reactor,
                random=Random(number),
                batch_size=7,
                gather=0.0,
                wake_interval=0.05,
            )
            for number in range(2)
        ]
        for each in filers:
            each.startService()
            self.addCleanup(lambda filer=each: filer.stopService() if filer.running else None)
        bodies = [message(number, 2000) for number in range(40)]
        await self.deliver(arrivals, bodies * 3)
        while any(place.staged for place in await self.world.places()):
            await deferLater(reactor, 0.02, lambda: None)
        for each in filers:
            await each.stopService()
        self.assertEqual(await self.read(), sorted(bodies * 3))
        self.assertEqual(len(self.world.objects.objects), 40)
        self.assertEqual((await self.world.storage.uploads.backlog()).contents, 0)

    async def test_a_content_that_somebody_holds_is_left_by_the_end_of_many(self) -> None:
        await self.prepare()
        arrivals = self.world.arrivals("filed", staging_max_size=MB)
        self.addCleanup(lambda: Deferred.fromCoroutine(arrivals.stop()))
        await self.deliver(arrivals, [message(number) for number in range(3)])
        uploads = self.world.storage.uploads
        claimed = await uploads.claim("main", 9, timedelta(hours=1))
        stored = [(upload, upload.size, "") for upload in claimed]
        held = claimed[1]

        async def hold(tx: Any) -> Any:
            await tx.do("select from contents where id = %s for share", (held.content_id,))
            return await uploads.finish_many(stored, None)

        done = await self.database.transaction("hold", hold)
        self.assertEqual(set(done), {claimed[0].object_id, claimed[2].object_id})
        await uploads.finish(held, held.size, "", None)
        self.assertEqual((await uploads.backlog()).contents, 0)

    async def test_what_was_expunged_goes_with_its_object_and_nothing_else_does(self) -> None:
        """G3, G6"""
        await self.prepare()
        arrivals = self.world.arrivals("direct")
        self.addCleanup(lambda: Deferred.fromCoroutine(arrivals.stop()))
        bodies = [message(number) for number in range(12)]
        await self.deliver(arrivals, bodies)
        messages, inbox = self.world.storage.messages, self.world.inbox
        change = FlagChange("add", Flags(DELETED))
        await messages.store(inbox, NumberSet(((1, 8),)), change, World.operation())
        await messages.expunge(inbox, None, World.operation())
        cleaners = [
            Cleaner(
                self.world.storage.cleaning,
                {"main": self.world.objects},
                clock=reactor,
                random=Random(2),
                graces=Graces(0.0, 0.0),
                lease=timedelta(0),
                batch=3,
            )
            for _ in range(2)
        ]
        left = await self.read()
        self.world.objects.down = True
        await gather(*[each.clean() for each in cleaners])
        self.assertEqual(len(self.world.objects.objects), 12)
        self.world.objects.down = False
        await gather(*[each.clean() for each in cleaners])
        self.assertEqual(len(self.world.objects.objects), 4)
        self.assertEqual(await self.read(), left)
