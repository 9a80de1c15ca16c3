"""sora.mailbox.copies, and what is encrypted on its way through a mailbox"""

from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.errors import Unavailable
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import Mirror, ObjectCopies
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import BodyPlace
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import sealed_size
from sora.storage.sealed.objects import SealedObjects
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from trial_tests.mailbox.bodies_world import World, message, spooled

ONE, TWO = ("one", b"1" * 32), ("two", b"2" * 32)
LARGE = 1_200_000


class _TwoStoresTestCase(TestCase):
    """A first and a second store; `keys` are those of a configuration, the first encrypts."""

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "copies")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads).open()
        self.first, self.second = self.world.objects, MemoryObjects()
        self.configure()

    def configure(self, *keys: tuple[str, bytes], encrypts: bool = True) -> None:
        """As if Sora had been started with these keys."""
        ring = Keyring(keys) if keys else None
        self.stores = [
            ObjectStore(
                name,
                objects,
                is_remote=True,
                sealed=None if ring is None else SealedObjects(objects, ring, self.threads),
                key_id=ring.first.id if ring is not None and encrypts else None,
            )
            for name, objects in (("main", self.first), ("second", self.second))
        ]
        storage = self.world.storage
        self.bodies = Bodies(self.stores, storage.uploads, self.threads)
        self.copies = ObjectCopies(self.stores, storage.uploads, storage.copies, self.bodies)
        self.mirror = Mirror(self.copies, storage.uploads, "second")

    def arrivals(self, mode: str = "direct", **other: Any) -> Arrivals:
        arrivals = self.world.arrivals(mode, store=self.stores[0], **other)
        self.addCleanup(lambda: Deferred.fromCoroutine(arrivals.stop()))
        return arrivals

    async def deliver(self, data: bytes, **other: Any) -> BodyPlace:
        arrivals = self.arrivals(**other)
        await self.world.deliver(arrivals, data)
        await arrivals.stop()
        return (await self.world.places())[-1]

    async def read(self, place: BodyPlace) -> bytes:
        """By each of the ways in which bodies are read."""
        [one] = await self.bodies.read_many([place])
        pieces: list[bytes] = []
        await self.bodies.stream(place, 0, place.size, pieces.append)
        self.assertEqual(one, await self.bodies.read(place, 0, place.size))
        self.assertEqual(one, b"".join(pieces))
        assert isinstance(one, bytes)
        return one


class KeyTests(_TwoStoresTestCase):
    """What the row says of a key holds, whatever is configured now."""

    async def test_plain_and_encrypted_objects_live_side_by_side(self) -> None:
        """Before there was a key, with one, with a newer one, and with encryption off."""
        places = [await self.deliver(message(0, 5000))]
        self.configure(ONE)
        places.append(await self.deliver(message(1, 5000)))
        self.configure(TWO, ONE)
        places.append(await self.deliver(message(2, 200_000)))
        self.configure(TWO, ONE, encrypts=False)
        places.append(await self.deliver(message(3, 5000)))
        keys = [place.objects[0].key_id for place in places]
        self.assertEqual(keys, [None, "one", "two", None])
        sizes = [place.objects[0].stored_size for place in places]
        plain = [place.size for place in places]
        self.assertEqual(sizes, [plain[0], sealed_size(plain[1]), sealed_size(plain[2]), plain[3]])
        for place, size in zip(places, sizes, strict=True):
            self.assertEqual(len(self.first.objects[place.objects[0].id]), size)
        bodies = [message(n, size) for n, size in enumerate((5000, 5000, 200_000, 5000))]
        self.assertEqual([await self.read(place) for place in places], bodies)
        self.assertEqual(await self.bodies.read_many(places), bodies)
        self.assertEqual(
            await self.bodies.read(places[2], 70_000, 70_010), bodies[2][70_000:70_010]
        )

    async def test_a_key_that_is_gone_is_no_empty_body_and_no_loss(self) -> None:
        """G8, G6"""
        self.configure(ONE)
        place = await self.deliver(message(1, 5000))
        for keys in ((TWO,), ()):
            self.configure(*keys)
            with self.assertRaises(Unavailable):
                await self.bodies.read(place, 0, place.size)
            [found] = await self.bodies.read_many([place])
            self.assertIsInstance(found, Unavailable)
        self.configure(TWO, ONE)
        self.assertEqual(await self.read(place), message(1, 5000))

    async def test_a_row_that_names_a_key_takes_no_plain_object(self) -> None:
        """Who has the bucket cannot put other bytes there by leaving them plain."""
        self.configure(ONE)
        place = await self.deliver(message(1, 5000))
        self.first.objects[place.objects[0].id] = message(2, 5000).ljust(sealed_size(place.size))
        with self.assertRaises(Unavailable):
            await self.bodies.read(place, 10, 20)


class CopyingTests(_TwoStoresTestCase):
    """One more object of a content."""

    async def anew(self) -> BodyPlace:
        return (await self.world.places())[-1]

    async def test_a_copy_serves_when_the_first_store_is_away(self) -> None:
        """G6: and when the object was destroyed there."""
        for size in (3000, LARGE):
            place = await self.deliver(message(size, size))
            name = await self.copies.copy(place.content_id, place.hash, place.size, "second")
            place = await self.anew()
            self.assertEqual([each.store for each in place.objects], ["main", "second"])
            self.assertEqual(place.objects[1].id, name)
            self.first.down = True
            self.assertEqual(await self.read(place), message(size, size))
            self.first.down = False
            del self.first.objects[place.objects[0].id]
            self.assertEqual(await self.read(place), message(size, size))

    async def test_a_copy_is_encrypted_under_its_own_name(self) -> None:
        self.configure(ONE)
        place = await self.deliver(message(1, 3000))
        await self.copies.copy(place.content_id, place.hash, place.size, "second")
        place = await self.anew()
        one, two = place.objects
        self.assertEqual(two.key_id, "one")
        self.assertNotEqual(self.first.objects[one.id], self.second.objects[two.id])
        self.first.down = True
        self.assertEqual(await self.read(place), message(1, 3000))

    async def test_a_new_key_takes_the_place_of_an_old_one(self) -> None:
        """Never in place: the old object is there until the cleaner deletes it."""
        self.configure(ONE)
        old = await self.deliver(message(1, LARGE))
        self.configure(TWO, ONE)
        await self.copies.copy(
            old.content_id, old.hash, old.size, "main", replaces=old.objects[0].id
        )
        new = await self.anew()
        self.assertEqual([each.key_id for each in new.objects], ["two"])
        self.assertIn(old.objects[0].id, self.first.objects)
        # Who has looked before reads on, and finds the new one when the old one is gone.
        self.assertEqual(await self.read(old), message(1, LARGE))
        del self.first.objects[old.objects[0].id]
        self.configure(TWO)
        self.assertEqual(await self.read(new), message(1, LARGE))
        self.assertEqual(await self.bodies.read(old, 0, old.size), message(1, LARGE))

    async def test_a_lost_object_is_made_again_from_a_copy(self) -> None:
        place = await self.deliver(message(1, 3000))
        await self.copies.copy(place.content_id, place.hash, place.size, "second")
        lost = (await self.anew()).objects[0].id
        del self.first.objects[lost]
        made = await self.copies.copy(
            place.content_id, place.hash, place.size, "main", source="second", replaces=lost
        )
        place = await self.anew()
        self.assertEqual({each.id for each in place.objects} & {made, lost}, {made})
        self.second.down = True
        self.assertEqual(await self.read(place), message(1, 3000))

    async def test_what_is_not_wanted_leaves_nothing(self) -> None:
        place = await self.deliver(message(1, 3000))
        await self.copies.copy(place.content_id, place.hash, place.size, "second")
        again = await self.copies.copy(place.content_id, place.hash, place.size, "second")
        self.assertIsNone(again)
        self.assertEqual(len(self.second.objects), 1)

    async def test_damaged_bytes_are_not_copied(self) -> None:
        """G4"""
        place = await self.deliver(message(1, 3000))
        self.first.objects[place.objects[0].id] = bytes(place.size)
        with self.assertRaises(Unavailable):
            await self.copies.copy(place.content_id, place.hash, place.size, "second")
        self.assertEqual(self.second.objects, {})


class MirrorTests(_TwoStoresTestCase):
    """`mode = "sync"`: an upload ends when both have it."""

    async def test_a_large_message_is_in_both_when_it_is_acknowledged(self) -> None:
        place = await self.deliver(
            message(1, LARGE), mode="staged", staging_max_size=0, mirror=self.mirror
        )
        self.assertEqual({each.store for each in place.objects}, {"main", "second"})
        self.first.down = True
        self.assertEqual(await self.read(place), message(1, LARGE))

    async def test_without_the_second_it_is_staged(self) -> None:
        """G5: and nothing of it is left in the first."""
        self.second.down = True
        place = await self.deliver(
            message(1, LARGE), mode="staged", staging_max_size=0, mirror=self.mirror
        )
        self.assertTrue(place.staged)
        self.assertEqual((place.objects, self.first.objects), ((), {}))
        self.second.down, self.first.down = False, True
        place = await self.deliver(
            message(2, LARGE), mode="staged", staging_max_size=0, mirror=self.mirror
        )
        self.assertTrue(place.staged)
        self.assertEqual(self.second.objects, {})

    async def test_a_duplicate_leaves_nothing_in_either(self) -> None:
        """G2"""
        for _ in range(2):
            arrivals = self.arrivals("staged", staging_max_size=0, mirror=self.mirror)
            arrivals._recent.clear()
            await self.world.deliver(arrivals, message(1, LARGE))
            await arrivals.stop()
        self.assertEqual((len(self.first.objects), len(self.second.objects)), (1, 1))

    async def test_what_has_its_copy_gets_no_other(self) -> None:
        """A worker died between the two."""
        place = await self.deliver(message(1, 3000), mode="staged")
        spool = spooled(message(1, 3000))
        self.addCleanup(spool.close)
        await self.mirror.write(place.content_id, spool)
        await self.mirror.write(place.content_id, spool)
        [copy] = (await self.world.places())[0].objects
        self.assertEqual((copy.store, set(self.second.objects)), ("second", {copy.id}))
        # The staged body goes; the copy alone has it.
        self.assertEqual(
            await self.read(evolve(place, staged=False, objects=(copy,))), message(1, 3000)
        )
