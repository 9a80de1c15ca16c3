"""sora.mailbox.bodies"""

from typing import Any
from uuid import UUID, uuid4

from attrs import evolve
from blake3 import blake3
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.mailbox.bodies import Bodies
from sora.storage.disk.cache import DiskCache
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import BodyPlace, ObjectPlace
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from trial_tests.mailbox.bodies_world import World, message

MB = 1024 * 1024


class _BodiesTestCase(TestCase):
    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "bodies")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads).open()
        self.objects = self.world.objects
        self.bodies = Bodies(
            [ObjectStore("main", self.objects)], self.world.storage.uploads, self.threads
        )

    async def stored(self, data: bytes, mode: str = "direct") -> BodyPlace:
        """A message whose body is an object, or staged; where it is."""
        at_most = 10 * MB if mode == "staged" else -1
        arrivals = self.world.arrivals(mode, staging_max_size=at_most)
        await self.world.deliver(arrivals, data)
        return (await self.world.places())[-1]

    async def upload(self, place: BodyPlace) -> ObjectPlace:
        """Move a staged body, as an uploader of another node would."""
        uploads = self.world.storage.uploads
        pieces = await uploads.staged(place.content_id, 0, 1000)
        name = uuid4()
        self.objects.objects[name] = b"".join(pieces)
        [upload] = await uploads.claim("main", 1, _lease())
        self.objects.objects[upload.object_id] = self.objects.objects.pop(name)
        await uploads.finish(upload, place.size, "", None)
        _, [copy] = await uploads.place_of(place.content_id)
        return copy

    async def streamed(self, place: BodyPlace, start: int, end: int) -> bytes:
        pieces: list[bytes] = []

        def deliver(piece: bytes) -> Deferred[None]:
            pieces.append(piece)
            taken: Deferred[None] = Deferred()
            reactor.callLater(0, taken.callback, None)
            return taken

        await self.bodies.stream(place, start, end, deliver)
        return b"".join(pieces)


class ReadingTests(_BodiesTestCase):
    """Wherever the bytes are."""

    async def test_every_range_from_a_store_and_from_staging(self) -> None:
        data = message(1, 3 * MB // 2)
        for mode in ("direct", "staged"):
            self.world.storage.tables.live.clear()
            place = await self.stored(data, mode)
            self.assertEqual(place.staged, mode == "staged")
            for start, end in (
                (0, len(data)),
                (0, 10**9),
                (0, 1),
                (262_143, 262_145),
                (262_144, 524_288),
                (100, 1_400_000),
                (len(data) - 1, len(data)),
                (5, 5),
                (len(data), len(data) + 10),
            ):
                self.assertEqual(await self.bodies.read(place, start, end), data[start:end])
                self.assertEqual(await self.streamed(place, start, end), data[start:end])

    async def test_an_upload_may_move_it_in_between(self) -> None:
        for size in (1000, 2 * MB):
            data = message(size, size)
            place = await self.stored(data, "staged")
            await self.upload(place)
            self.assertTrue(place.staged and not place.objects, "an old answer of storage")
            self.assertEqual(await self.bodies.read(place, 0, place.size), data)
            self.assertEqual(await self.streamed(place, 0, place.size), data)

    async def test_an_upload_may_move_it_in_the_middle_of_a_stream(self) -> None:
        data = message(1, 3 * MB)
        place = await self.stored(data, "staged")
        pieces: list[bytes] = []

        def deliver(piece: bytes) -> Deferred[None] | None:
            pieces.append(piece)
            if len(pieces) != 2:
                return None
            return Deferred.fromCoroutine(self.upload(place)).addCallback(lambda _: None)

        await self.bodies.stream(place, 0, place.size, deliver)
        self.assertEqual(b"".join(pieces), data)

    async def test_a_second_copy_serves_when_the_first_cannot(self) -> None:
        data = message(1, 5000)
        place = await self.stored(data)
        second = MemoryObjects()
        second.objects[UUID(int=7)] = data
        self.objects.down = True
        bodies = Bodies(
            [ObjectStore("main", self.objects), ObjectStore("second", second)],
            self.world.storage.uploads,
            self.threads,
        )
        place = evolve(
            place,
            objects=(*place.objects, ObjectPlace(UUID(int=7), "second", None, len(data))),
        )
        self.assertEqual(await bodies.read(place, 0, place.size), data)
        self.assertEqual(await bodies.read_many([place]), [data])

    async def test_what_is_not_available_is_never_an_empty_body(self) -> None:
        """G8"""
        place = await self.stored(message(1, 5000))
        for break_it in (self._down, self._lose):
            break_it()
            for start, end in ((0, place.size), (10, 20)):
                with self.assertRaises(Unavailable):
                    await self.bodies.read(place, start, end)
                with self.assertRaises(Unavailable):
                    await self.streamed(place, start, end)
            [answer] = await self.bodies.read_many([place])
            self.assertIsInstance(answer, Unavailable)

    def _down(self) -> None:
        self.objects.down = True

    def _lose(self) -> None:
        self.objects.down = False
        self.objects.objects.clear()

    async def test_a_damaged_object_is_never_served_whole(self) -> None:
        for size in (5000, 3 * MB):
            data = message(size, size)
            place = await self.stored(data)
            name = place.objects[0].id
            self.objects.objects[name] = b"x" + data[1:]
            with self.assertRaises(Unavailable):
                await self.bodies.read(place, 0, place.size)
            pieces: list[bytes] = []
            with self.assertRaises(Unavailable):
                await self.bodies.stream(place, 0, place.size, pieces.append)
            self.assertLess(sum(map(len, pieces)), place.size)
            [answer] = await self.bodies.read_many([place])
            self.assertIsInstance(answer, Unavailable)
        self.assertGreaterEqual(len(self.flushLoggedErrors()), 0)

    async def test_many_at_once_in_their_order(self) -> None:
        data = [message(number, 1000 + number) for number in range(30)]
        for number, each in enumerate(data):
            await self.stored(each, "staged" if number % 3 == 0 else "direct")
        places = await self.world.places()
        lost = places[7].objects[0].id
        del self.objects.objects[lost]
        found = await self.bodies.read_many(places)
        self.assertIsInstance(found.pop(7), Unavailable)
        self.assertEqual(found, data[:7] + data[8:])

    async def test_an_empty_content(self) -> None:
        place = await self.stored(b"")
        self.assertEqual(await self.bodies.read(place, 0, 10), b"")
        self.assertEqual(await self.bodies.read_many([place]), [b""])
        self.assertEqual(await self.streamed(place, 0, 10), b"")

    async def test_the_takers_failure_ends_a_stream_as_it_is(self) -> None:
        for mode in ("direct", "staged"):
            place = await self.stored(message(1, 2 * MB), mode)

            def deliver(piece: bytes) -> None:
                raise Unavailable("the client hung up")

            with self.assertRaises(Unavailable) as caught:
                await self.bodies.stream(place, 0, place.size, deliver)
            self.assertEqual(caught.exception.text, "the client hung up")
            self.world.storage.tables.live.clear()

    async def test_a_stream_holds_no_more_than_a_few_pieces(self) -> None:
        """Bounded memory: nothing is read ahead of a slow taker."""
        place = await self.stored(message(1, 4 * MB), "staged")
        stuck: Deferred[None] = Deferred()
        self.world.storage.tables.statements.clear()
        streaming = Deferred.fromCoroutine(
            self.bodies.stream(place, 0, place.size, lambda piece: stuck)
        )
        self.assertFalse(streaming.called)
        self.assertEqual(sum(self.world.storage.tables.statements.values()), 1)
        stuck.callback(None)
        await streaming


class CachedTests(_BodiesTestCase):
    """With the cache of the disk in front."""

    async def setUp(self) -> None:
        await super().setUp()
        self.cache = DiskCache(
            self.mktemp(), capacity=4 * MB, max_object_size=MB, threads=self.threads
        )
        await self.cache.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cache.stop()))
        self.bodies = Bodies(
            [ObjectStore("main", self.objects)],
            self.world.storage.uploads,
            self.threads,
            self.cache,
        )

    async def test_the_second_time_it_is_near(self) -> None:
        data = message(1, 5000)
        place = await self.stored(data)
        self.assertEqual(await self.bodies.read(place, 0, place.size), data)
        await self.cache.stop()
        self.objects.down = True
        self.assertEqual(await self.bodies.read(place, 0, place.size), data)
        self.assertEqual(await self.bodies.read(place, 100, 200), data[100:200])
        self.assertEqual(await self.bodies.read_many([place, place]), [data, data])
        self.assertEqual(await self.streamed(place, 0, place.size), data)

    async def test_reading_many_fills_it(self) -> None:
        places = [await self.stored(message(number)) for number in range(10)]
        await self.bodies.read_many(places)
        await self.cache.stop()
        self.assertEqual(self.cache.status.objects, 10)

    async def test_a_little_of_a_large_one_does_not_fetch_all_of_it(self) -> None:
        data = message(1, MB - 5000)
        place = await self.stored(data)
        self.assertEqual(await self.bodies.read(place, 0, 100), data[:100])
        await self.cache.stop()
        self.assertEqual(self.cache.status.objects, 0)

    async def test_larger_ones_go_past_it(self) -> None:
        data = message(1, 2 * MB)
        place = await self.stored(data)
        self.assertEqual(await self.streamed(place, 0, place.size), data)
        self.assertEqual(self.cache.status.objects, 0)

    async def test_what_is_damaged_in_a_store_does_not_get_into_it(self) -> None:
        data = message(1, 5000)
        place = await self.stored(data)
        self.objects.objects[place.objects[0].id] = bytes(len(data))
        with self.assertRaises(Unavailable):
            await self.bodies.read(place, 0, place.size)
        self.assertIsNone((await self.cache.get_many([(blake3(data).digest(), len(data))]))[0])


class FreshPlaceTests(_BodiesTestCase):
    """The place is asked for anew, a few times."""

    async def test_it_gives_up(self) -> None:
        class Counting:
            asked = 0

            @deferred
            async def place_of(self, content_id: int) -> Any:
                self.asked += 1
                return False, ()

        uploads = Counting()
        bodies = Bodies([], uploads, self.threads)  # type: ignore[arg-type]
        with self.assertRaises(Unavailable):
            await bodies.read(BodyPlace(1, bytes(32), 10, False, ()), 0, 10)
        self.assertEqual(uploads.asked, 2)


def _lease() -> Any:
    from datetime import timedelta

    return timedelta(minutes=1)
