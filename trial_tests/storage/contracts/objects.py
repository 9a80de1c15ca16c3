"""What every object store does: the contract of IObjects."""

from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from blake3 import blake3
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from sora.deferreds import gather
from sora.errors import ObjectMissing, StoreRefused, Unavailable
from sora.storage.interfaces import IObjects

SMALL = b"From: alice@example.com\r\nSubject: small\r\n\r\nHello.\r\n" * 40
LARGE = bytes(range(256)) * 12_001  # 3 MB, not a multiple of any block


def opener(data: bytes) -> Any:
    """What `put` reads a body from."""
    return lambda: BytesIO(data)


class ObjectsContract:
    """Mixed into a twisted.trial TestCase that sets `self.objects`."""

    objects: Any

    def keep(self, data: bytes, name: UUID | None = None) -> Any:
        """PUT `data`; gives (name, checksum)."""

        async def put() -> tuple[UUID, str]:
            uuid = name or uuid4()
            return uuid, await self.objects.put(
                uuid, opener(data), len(data), blake3(data).digest()
            )

        return put()

    def test_it_has_all_methods_of_the_interface(self: Any) -> None:
        verifyObject(IObjects, self.objects)

    async def test_what_was_put_is_read_back(self: Any) -> None:
        for data in (b"x", SMALL, LARGE):
            name, checksum = await self.keep(data)
            self.assertIsInstance(checksum, str)
            self.assertEqual(await self.objects.get(name, 0, len(data)), data)
            self.assertEqual(await self.objects.exists(name), len(data))

    async def test_an_empty_object_is_an_object(self: Any) -> None:
        name, _ = await self.keep(b"")
        self.assertEqual(await self.objects.exists(name), 0)
        self.assertEqual(await self.objects.get(name, 0, 0), b"")

    async def test_many_are_put_with_errors_in_their_places(self: Any) -> None:
        """As many as one round trip of the disk is shared by, and a few."""
        for count in (0, 2, 30):
            bodies = [b"%d %d" % (count, number) * (number + 1) for number in range(count)]
            wanted = [(uuid4(), body, blake3(body).digest()) for body in bodies]
            damaged = (uuid4(), b"not what was promised", blake3(b"other").digest())
            found = await self.objects.put_many([damaged, *wanted])
            self.assertIsInstance(found[0], StoreRefused)
            self.assertTrue(all(isinstance(checksum, str) for checksum in found[1:]))
            self.assertIsNone(await self.objects.exists(damaged[0]))
            for name, body, _ in wanted:
                self.assertEqual(await self.objects.get(name, 0, len(body)), body)
            # The same names serve all attempts.
            again = await self.objects.put_many(wanted)
            self.assertEqual(list(again), list(found[1:]))

    async def test_a_range_is_half_open(self: Any) -> None:
        name, _ = await self.keep(LARGE)
        for start, end in ((0, 1), (5, 300_005), (len(LARGE) - 3, len(LARGE)), (7, 7)):
            self.assertEqual(await self.objects.get(name, start, end), LARGE[start:end])

    async def test_more_than_there_is_is_never_answered_short(self: Any) -> None:
        """G8: too few octets are an error, not a short body."""
        name, _ = await self.keep(SMALL)
        with self.assertRaises(Unavailable):
            await self.objects.get(name, 0, len(SMALL) + 1)

    async def test_many_are_read_in_their_order_with_errors_in_their_places(self: Any) -> None:
        first, _ = await self.keep(SMALL)
        second, _ = await self.keep(b"second")
        found = await self.objects.get_many(
            [(second, 6), (uuid4(), 10), (first, len(SMALL)), (second, 6)]
        )
        self.assertEqual(found[0], b"second")
        self.assertIsInstance(found[1], ObjectMissing)
        self.assertEqual(found[2], SMALL)
        self.assertEqual(found[3], b"second")
        self.assertEqual(list(await self.objects.get_many([])), [])

    async def test_a_stream_delivers_pieces_and_waits_for_each(self: Any) -> None:
        name, _ = await self.keep(LARGE)
        pieces: list[bytes] = []
        waiting: list[Deferred[None]] = []

        def deliver(piece: bytes) -> Deferred[None]:
            self.assertEqual(waiting, [], "a piece was delivered before the last was taken")
            pieces.append(piece)
            taken: Deferred[None] = Deferred()
            waiting.append(taken)
            self.reactor.callLater(0, take)
            return taken

        def take() -> None:
            waiting.pop().callback(None)

        await self.objects.stream(name, 10, len(LARGE) - 10, deliver)
        self.assertEqual(b"".join(pieces), LARGE[10:-10])

    async def test_a_stream_ends_when_its_taker_fails(self: Any) -> None:
        name, _ = await self.keep(LARGE)

        def deliver(piece: bytes) -> None:
            raise ConnectionAbortedError("the client hung up")

        with self.assertRaises(ConnectionAbortedError):
            await self.objects.stream(name, 0, len(LARGE), deliver)

    async def test_a_missing_object_is_missing_for_certain(self: Any) -> None:
        self.assertIsNone(await self.objects.exists(uuid4()))
        with self.assertRaises(ObjectMissing):
            await self.objects.get(uuid4(), 0, 1)
        with self.assertRaises(ObjectMissing):
            await self.objects.stream(uuid4(), 0, 1, lambda piece: None)

    async def test_deleting_is_repeatable(self: Any) -> None:
        """G12: a missing object is no error for DELETE."""
        name, _ = await self.keep(SMALL)
        await self.objects.delete(name)
        await self.objects.delete(name)
        self.assertIsNone(await self.objects.exists(name))

    async def test_a_body_that_is_not_what_was_promised_is_refused(self: Any) -> None:
        """G4: length and hash are verified before the PUT counts as done."""
        good = blake3(SMALL).digest()
        for data, size in ((SMALL[:-1], len(SMALL)), (SMALL + b"x", len(SMALL)), (SMALL, 1)):
            name = uuid4()
            with self.assertRaises(StoreRefused):
                await self.objects.put(name, opener(data), size, good)
            self.assertIsNone(await self.objects.exists(name))
        name = uuid4()
        with self.assertRaises(StoreRefused):
            await self.objects.put(name, opener(SMALL[::-1]), len(SMALL), good)
        self.assertIsNone(await self.objects.exists(name))

    async def test_the_same_object_can_be_put_again(self: Any) -> None:
        name, first = await self.keep(SMALL)
        _, second = await self.keep(SMALL, name)
        self.assertEqual(first, second)
        self.assertEqual(await self.objects.get(name, 0, len(SMALL)), SMALL)

    async def test_the_body_is_closed(self: Any) -> None:
        opened: list[BytesIO] = []

        def open_body() -> BytesIO:
            opened.append(BytesIO(SMALL))
            return opened[-1]

        await self.objects.put(uuid4(), open_body, len(SMALL), blake3(SMALL).digest())
        self.assertTrue(opened)
        self.assertTrue(all(body.closed for body in opened))

    async def test_many_puts_at_once(self: Any) -> None:
        bodies = [SMALL + str(number).encode() for number in range(40)]
        names = await gather(*[self.keep(body) for body in bodies])
        found = await self.objects.get_many(
            [(name, len(body)) for (name, _), body in zip(names, bodies, strict=True)]
        )
        self.assertEqual(list(found), bodies)

    async def test_it_answers_a_probe(self: Any) -> None:
        self.assertIsNone(await self.objects.probe())

    async def test_names_of_all_that_is_there(self: Any) -> None:
        """Ascending, with their sizes, page by page to an empty one."""
        put = {}
        for number in range(7):
            name, _ = await self.keep(b"x" * (number + 1))
            put[name] = number + 1
        gone = min(put)
        await self.objects.delete(gone)
        del put[gone]
        found, after = [], None
        while page := await self.objects.names(after, 4):
            self.assertLessEqual(len(page), 4)
            found += page
            after = page[-1].name
        self.assertEqual([one.name for one in found], sorted(put))
        self.assertEqual({one.name: one.size for one in found}, put)
        self.assertTrue(all(one.modified.tzinfo for one in found))
        self.assertEqual(await self.objects.names(max(put), 4), [])
