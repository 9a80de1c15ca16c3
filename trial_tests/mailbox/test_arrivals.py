"""sora.mailbox.arrivals and sora.mailbox.reserve"""

from typing import Any
from uuid import UUID

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.deferreds import deferred, gather
from sora.errors import OutcomeUnknown, StorageFull, StoreRefused, Unavailable
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.reserve import MAX_AGE, STOCK
from sora.storage.rows import Fate
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from trial_tests.mailbox.bodies_world import World, message, spooled

MB = 1024 * 1024


class _ArrivalsTestCase(TestCase):
    mode: Any

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "arrivals")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads).open()
        self.statements = self.world.storage.tables.statements

    def count(self, name: str) -> int:
        """How many statements of this name there were."""
        return sum(count for key, count in self.statements.items() if key.endswith(name))


class DirectTests(_ArrivalsTestCase):
    """With a store in a directory: the object is written first."""

    async def setUp(self) -> None:
        await super().setUp()
        self.arrivals = self.world.arrivals("direct")

    async def test_the_bytes_are_an_object_and_the_message_is_bound_to_it(self) -> None:
        data = message(1, 3000)
        placement = await self.world.deliver(self.arrivals, data)
        self.assertIs(placement.placed[0].fate, Fate.PLACED)
        [place] = await self.world.places()
        self.assertFalse(place.staged)
        [copy] = place.objects
        self.assertEqual((copy.store, copy.stored_size), ("main", len(data)))
        self.assertEqual(self.world.objects.objects, {copy.id: data})

    async def test_a_delivery_is_one_round_trip(self) -> None:
        """docs/architecture.md: APPEND is one; names of objects come from a stock."""
        await self.world.deliver(self.arrivals, message(0))
        self.statements.clear()
        for number in range(1, 20):
            await self.world.deliver(self.arrivals, message(number))
        self.assertEqual(sum(self.statements.values()), 19)

    async def test_a_message_is_read_while_it_is_written_and_placed_when_it_is_durable(
        self,
    ) -> None:
        slow = _Slow(self.world.objects)
        read: list[int] = []

        def reading(data: Any) -> Any:
            read.append(len(slow.waiting))
            return derive(data)

        arrivals = Arrivals(
            self.world.storage.messages,
            self.world.storage.uploads,
            ObjectStore("main", slow, is_remote=False),  # type: ignore[arg-type]
            derive=reading,
            threads=self.threads,
            clock=self.world.clock,
            staging_max_size=-1,
        )
        delivered = Deferred.fromCoroutine(self.world.deliver(arrivals, message(1)))
        self.assertEqual(read, [1])
        self.assertEqual(self.count("place"), 0)
        slow.waiting.pop().callback(None)
        placement = await delivered
        self.assertTrue(placement.used_object)

    async def test_the_stock_is_filled_before_it_is_empty(self) -> None:
        for number in range(STOCK * 3):
            await self.world.deliver(self.arrivals, message(number))
        self.assertLessEqual(self.count("reserve"), 6)
        self.assertEqual(len(set(self.world.objects.objects)), STOCK * 3)

    async def test_an_old_reservation_is_not_used(self) -> None:
        """The cleaner removes a reservation after a day: what is used is never near it."""
        await self.world.deliver(self.arrivals, message(1))
        old = set(self.world.storage.tables.objects)
        self.world.clock.advance(MAX_AGE + 1)
        await self.world.deliver(self.arrivals, message(2))
        places = await self.world.places()
        self.assertNotIn(places[1].objects[0].id, old)

    async def test_a_duplicate_touches_no_object(self) -> None:
        """G2"""
        for _ in range(5):
            placement = await self.world.deliver(self.arrivals, message(1))
            self.assertIs(placement.placed[0].fate, Fate.PLACED)
        self.assertEqual(self.world.objects.written, 1)
        self.assertEqual(len(await self.world.places()), 5)

    async def test_a_content_that_went_meanwhile_is_written_again(self) -> None:
        await self.world.deliver(self.arrivals, message(1))
        self.world.storage.tables.live.clear()
        placement = await self.world.deliver(self.arrivals, message(1))
        self.assertIs(placement.placed[0].fate, Fate.PLACED)
        self.assertEqual(self.world.objects.written, 2)

    async def test_two_at_the_same_time_leave_one_object(self) -> None:
        other = self.world.arrivals("direct")
        await gather(
            self.world.deliver(self.arrivals, message(1)), self.world.deliver(other, message(1))
        )
        await self.arrivals.stop()
        await other.stop()
        places = await self.world.places()
        self.assertEqual(len(places), 2)
        self.assertEqual(places[0].objects, places[1].objects)
        self.assertEqual(set(self.world.objects.objects), {places[0].objects[0].id})

    async def test_several_messages_are_one_round_trip(self) -> None:
        """RFC 3502; one with bytes that are known is asked for without them (G2)."""
        await self.world.deliver(self.arrivals, message(0))
        self.statements.clear()
        bodies = [message(1, 3000), message(0), message(2), message(1, 3000)]
        appended = await self.world.append(self.arrivals, *bodies)
        self.assertEqual([one.uid for one in appended.placed], [2, 3, 4, 5])
        self.assertEqual(dict(self.statements), {"messages.append": 1, "uploads.place_of": 1})
        stored = [
            self.world.objects.objects[place.objects[0].id] for place in await self.world.places()
        ]
        self.assertEqual(stored[1:], bodies)
        self.assertEqual(len(self.world.objects.objects), 3)

    async def test_a_content_that_went_meanwhile_is_brought_again_for_all(self) -> None:
        await self.world.deliver(self.arrivals, message(0))
        self.world.storage.tables.live.clear()
        appended = await self.world.append(self.arrivals, message(0), message(1))
        self.assertEqual([one.uid for one in appended.placed], [2, 3])

    async def test_an_unknown_outcome_removes_nothing(self) -> None:
        """G1: the commit may have happened."""
        for happened in (True, False):
            arrivals = self.world.arrivals(
                "direct", messages=_Lost(self.world.storage.messages, happened)
            )
            with self.assertRaises(OutcomeUnknown):
                await self.world.deliver(arrivals, message(happened))
            await arrivals.stop()
        self.assertEqual(len(self.world.objects.objects), 2)
        [place] = await self.world.places()
        self.assertIn(place.objects[0].id, self.world.objects.objects)

    async def test_a_full_disk_is_told_and_nothing_is_placed(self) -> None:
        self.world.objects.down = True
        with self.assertRaises(Unavailable):
            await self.world.deliver(self.arrivals, message(1))
        self.assertEqual(await self.world.places(), [])
        self.assertEqual(self.count("place"), 0)

    async def test_many_targets_are_one_object(self) -> None:
        spool = spooled(message(1))
        targets = [self.world.target() for _ in range(50)]
        placement = await self.arrivals.place(
            self.world.scope_id, spool, targets, self.world.operation()
        )
        self.assertEqual(len(placement.placed), 50)
        self.assertEqual(self.world.objects.written, 1)


class FiledTests(_ArrivalsTestCase):
    """With a store in a directory: small bodies are there later, large ones before."""

    async def setUp(self) -> None:
        await super().setUp()
        self.arrivals = self.world.arrivals("filed", staging_max_size=MB, staging_total=6 * MB)

    async def test_a_small_body_is_durable_with_its_message_alone(self) -> None:
        await self.world.deliver(self.arrivals, message(0))
        await self.arrivals.stop()
        self.statements.clear()
        await self.world.deliver(self.arrivals, message(1, MB - 1000))
        self.assertEqual(sum(self.statements.values()), 1)
        self.assertTrue((await self.world.places())[1].staged)
        self.assertEqual((self.world.objects.written, self.world.pokes), (0, 2))

    async def test_a_large_one_is_an_object_first_without_a_question(self) -> None:
        self.statements.clear()
        await self.world.deliver(self.arrivals, message(1, 2 * MB))
        [place] = await self.world.places()
        self.assertEqual((place.staged, len(place.objects)), (False, 1))
        self.assertEqual(self.count("known"), 0)

    async def test_a_large_one_is_refused_while_the_disk_is_full(self) -> None:
        self.world.objects.down = True
        with self.assertRaises(Unavailable):
            await self.world.deliver(self.arrivals, message(1, 2 * MB))
        await self.world.deliver(self.arrivals, message(2))
        self.assertEqual(len(await self.world.places()), 1)

    async def test_small_ones_too_once_too_much_waits(self) -> None:
        for number in range(6):
            await self.world.deliver(self.arrivals, message(number, MB - 10))
        with self.assertRaises(StorageFull):
            await self.world.deliver(self.arrivals, message(9, MB - 10))


class StagedTests(_ArrivalsTestCase):
    """With an object store over the network."""

    async def setUp(self) -> None:
        await super().setUp()
        self.arrivals = self.world.arrivals("staged", staging_max_size=MB, staging_total=6 * MB)

    async def test_a_small_body_is_staged_by_the_statement_that_places_it(self) -> None:
        await self.world.deliver(self.arrivals, message(0))
        await self.arrivals.stop()
        self.statements.clear()
        await self.world.deliver(self.arrivals, message(1, MB - 1000))
        self.assertEqual(sum(self.statements.values()), 1)
        place = (await self.world.places())[1]
        self.assertTrue(place.staged)
        self.assertEqual(place.objects, ())
        self.assertEqual(self.world.objects.written, 0)
        self.assertEqual(self.world.pokes, 2)

    async def test_a_large_one_goes_to_the_store_first(self) -> None:
        data = message(1, 2 * MB)
        await self.world.deliver(self.arrivals, data)
        [place] = await self.world.places()
        self.assertFalse(place.staged)
        self.assertEqual(self.world.objects.objects[place.objects[0].id], data)

    async def test_a_large_duplicate_touches_no_object(self) -> None:
        """G2, also for a process that has not seen it before."""
        await self.world.deliver(self.arrivals, message(1, 2 * MB))
        other = self.world.arrivals("staged", staging_max_size=MB)
        await self.world.deliver(other, message(1, 2 * MB))
        self.assertEqual(self.world.objects.written, 1)
        self.assertEqual(len(await self.world.places()), 2)

    async def test_while_the_store_is_away_a_large_one_is_staged_in_pieces(self) -> None:
        self.world.objects.down = True
        data = message(1, 2 * MB)
        await self.world.deliver(self.arrivals, data)
        [place] = await self.world.places()
        self.assertTrue(place.staged)
        pieces = await self.world.storage.uploads.staged(place.content_id, 0, 100)
        self.assertEqual(b"".join(pieces), data)
        self.assertEqual({len(piece) for piece in pieces[:-1]}, {256 * 1024})

    async def test_several_small_bodies_are_staged_by_one_statement(self) -> None:
        await self.world.deliver(self.arrivals, message(99))
        self.statements.clear()
        bodies = [message(number, 200_000) for number in range(8)]
        appended = await self.world.append(self.arrivals, *bodies)
        self.assertEqual([one.uid for one in appended.placed], list(range(2, 10)))
        self.assertEqual(dict(self.statements), {"messages.append": 1})
        self.assertTrue(all(place.staged for place in await self.world.places()))
        self.assertGreater(self.world.pokes, 0)

    async def test_what_is_too_much_for_a_statement_is_prepared_before(self) -> None:
        """Nothing of it is a message before the last statement."""
        bodies = [message(number, MB - 100) for number in range(7)]
        appended = await self.world.append(self.arrivals, *bodies, message(9, 3 * MB))
        self.assertEqual([one.uid for one in appended.placed], list(range(1, 9)))
        self.assertEqual(self.count("messages.append"), 1)
        self.assertGreater(self.count("messages.prepare"), 0)
        for place, body in zip(await self.world.places(), bodies, strict=False):
            pieces = await self.world.storage.uploads.staged(place.content_id, 0, 9)
            self.assertEqual(b"".join(pieces), body)

    async def test_what_the_store_refuses_is_not_staged(self) -> None:
        class Refusing(type(self.world.objects)):  # type: ignore[misc]
            @deferred
            async def put(self, name: UUID, open_body: Any, size: int, hash: bytes) -> str:
                raise StoreRefused("wrong keys")

        self.world.objects = Refusing()
        arrivals = self.world.arrivals("staged", staging_max_size=MB)
        with self.assertRaises(StoreRefused):
            await self.world.deliver(arrivals, message(1, 2 * MB))
        self.assertEqual(await self.world.places(), [])

    async def test_staging_is_bounded(self) -> None:
        self.world.objects.down = True
        for number in range(2):
            await self.world.deliver(self.arrivals, message(number, 2 * MB))
        for size in (3 * MB, MB // 2, MB // 2, MB // 2):
            try:
                await self.world.deliver(self.arrivals, message(size, size))
            except StorageFull:
                continue
        self.assertLessEqual((await self.world.storage.uploads.backlog()).octets, 6 * MB)
        with self.assertRaises(StorageFull) as caught:
            await self.world.deliver(self.arrivals, message(9, 3 * MB))
        self.assertIn("staging_total", caught.exception.text)

    async def test_staging_opens_again_when_uploads_are_done(self) -> None:
        self.world.objects.down = True
        for number in range(2):
            await self.world.deliver(self.arrivals, message(number, 5 * MB // 2))
        with self.assertRaises(StorageFull):
            await self.world.deliver(self.arrivals, message(9, 5 * MB // 2))
        for content in self.world.storage.tables.contents.values():
            content.pieces = None
        self.world.clock.advance(2)
        await self.world.deliver(self.arrivals, message(10, 5 * MB // 2))
        self.assertEqual(len(await self.world.places()), 3)

    async def test_an_unknown_outcome_leaves_what_is_staged(self) -> None:
        """G1"""
        arrivals = self.world.arrivals(
            "staged",
            messages=_Lost(self.world.storage.messages, True),
            staging_max_size=MB,
        )
        self.world.objects.down = True
        for size in (1000, 2 * MB):
            with self.assertRaises(OutcomeUnknown):
                await self.world.deliver(arrivals, message(size, size))
        places = await self.world.places()
        self.assertEqual([place.staged for place in places], [True, True])


class _Slow:
    """Objects of which each PUT waits until it is told to go on."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects
        self.waiting: list[Deferred[None]] = []

    @deferred
    async def put(self, *args: Any) -> Any:
        turn: Deferred[None] = Deferred()
        self.waiting.append(turn)
        await turn
        return await self._objects.put(*args)


class _Lost:
    """Messages whose answer to `place` is lost on the way back."""

    def __init__(self, messages: Any, happened: bool) -> None:
        self._messages = messages
        self._happened = happened

    @deferred
    async def place(self, *args: Any) -> Any:
        if self._happened:
            await self._messages.place(*args)
        raise OutcomeUnknown("the connection broke")
