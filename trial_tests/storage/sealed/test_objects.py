"""sora.storage.sealed.objects, before a store in memory and before a directory"""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from blake3 import blake3
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.errors import KeyMissing, ObjectDamaged, ObjectMissing, SoraError, Unavailable
from sora.storage.disk.objects import DiskObjects
from sora.storage.memory.objects import MemoryObjects
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import CHUNK, HEAD, sealed_size
from sora.storage.sealed.objects import IN_MEMORY, SealedObjects
from sora.threads import Threads
from trial_tests.storage.contracts.objects import LARGE, SMALL, ObjectsContract, opener

ONE, TWO = ("one", b"1" * 32), ("two", b"2" * 32)


class Counting(MemoryObjects):
    """Notes what is read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[int, int]] = []

    def get(self, name: UUID, start: int, end: int) -> "Deferred[bytes]":
        self.reads.append((start, end))
        return super().get(name, start, end)

    def stream(
        self, name: UUID, start: int, end: int, deliver: Callable[[bytes], Any]
    ) -> "Deferred[None]":
        self.reads.append((start, end))
        return super().stream(name, start, end, deliver)


class _SealedTestCase(TestCase):
    def setUp(self) -> None:
        self.reactor = reactor
        self.threads = Threads(reactor, 2, "sealed")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.inner: Any = Counting()
        self.objects = SealedObjects(self.inner, Keyring([ONE]), self.threads)


class SealedObjectsTests(ObjectsContract, _SealedTestCase):
    """The contract, encrypted: above and below what is encrypted in memory."""

    async def test_a_body_beyond_what_is_encrypted_in_memory(self) -> None:
        body = os.urandom(IN_MEMORY + 70_000)
        name, checksum = await self.keep(body)
        self.assertEqual(len(self.inner.objects[name]), sealed_size(len(body)))
        self.assertEqual(await self.objects.get(name, 0, len(body)), body)
        _, again = await self.keep(body, name)
        self.assertEqual(checksum, again)

    async def test_the_store_sees_nothing_of_it(self) -> None:
        for body in (SMALL, LARGE, b"x" * (IN_MEMORY + 1)):
            name, _ = await self.keep(body)
            self.assertNotIn(body[1000:1016], self.inner.objects[name])


class SealedDirectoryTests(ObjectsContract, _SealedTestCase):
    """The contract, in a directory."""

    async def setUp(self) -> None:
        super().setUp()
        path = self.mktemp()
        os.mkdir(path)
        self.inner = DiskObjects(path, self.threads)
        await self.inner.prepare()
        self.objects = SealedObjects(self.inner, Keyring([ONE]), self.threads)


class RangeTests(_SealedTestCase):
    """What is read of the store."""

    async def setUp(self) -> None:
        super().setUp()
        self.name = uuid4()
        await self.objects.put(self.name, opener(LARGE), len(LARGE), blake3(LARGE).digest())
        self.objects = SealedObjects(self.inner, Keyring([TWO, ONE]), self.threads)

    async def test_a_whole_body_is_one_read(self) -> None:
        self.assertEqual(await self.objects.get(self.name, 0, len(LARGE)), LARGE)
        self.assertEqual(self.inner.reads, [(0, sealed_size(len(LARGE)))])

    async def test_a_range_is_its_chunks_and_once_the_head(self) -> None:
        for start in (1_000_000, 2_000_000):
            found = await self.objects.get(self.name, start, start + 1000)
            self.assertEqual(found, LARGE[start : start + 1000])
        head, *ranges = self.inner.reads
        self.assertEqual((head, len(ranges)), ((0, HEAD), 2))
        self.assertTrue(all(end - start <= 2 * (CHUNK + 16) for start, end in ranges))

    async def test_the_beginning_is_at_most_its_chunk(self) -> None:
        self.assertEqual(await self.objects.get(self.name, 10, 500), LARGE[10:500])
        self.assertEqual(self.inner.reads[0], (0, sealed_size(500)))
        self.assertEqual(self.inner.reads[-1][1], HEAD + CHUNK + 16)

    async def test_a_stream_goes_over_its_chunks_alone(self) -> None:
        pieces: list[bytes] = []
        await self.objects.stream(self.name, 70_000, 140_000, pieces.append)
        self.assertEqual(b"".join(pieces), LARGE[70_000:140_000])
        self.assertEqual(self.inner.reads[1], (HEAD + CHUNK + 16, HEAD + 3 * (CHUNK + 16)))


class DamageTests(_SealedTestCase):
    """G8: an error, never an empty body, other octets, or "missing"."""

    async def setUp(self) -> None:
        super().setUp()
        self.name = uuid4()
        await self.objects.put(self.name, opener(LARGE), len(LARGE), blake3(LARGE).digest())

    async def refused(self, objects: SealedObjects) -> list[type]:
        """What each way of reading raises."""

        async def many() -> bytes:
            [found] = await objects.get_many([(self.name, len(LARGE))])
            if isinstance(found, Exception):
                raise found
            return found

        ways: list[Callable[[], Any]] = [
            lambda: objects.get(self.name, 0, len(LARGE)),
            lambda: objects.get(self.name, CHUNK * 2, CHUNK * 2 + 10),
            lambda: objects.stream(self.name, 0, len(LARGE), lambda piece: None),
            many,
        ]
        raised = []
        for way in ways:
            try:
                await way()
            except SoraError as error:
                raised.append(type(error))
            else:
                raised.append(bytes)
        return raised

    async def test_damage(self) -> None:
        octets = bytearray(self.inner.objects[self.name])
        octets[HEAD + 2 * (CHUNK + 16) + 5] ^= 1
        self.inner.objects[self.name] = bytes(octets)
        self.assertEqual(await self.refused(self.objects), [ObjectDamaged] * 4)

    async def test_a_key_that_is_not_configured(self) -> None:
        objects = SealedObjects(self.inner, Keyring([TWO]), self.threads)
        self.assertEqual(await self.refused(objects), [KeyMissing] * 4)

    async def test_an_object_that_is_cut(self) -> None:
        octets = self.inner.objects[self.name]
        self.inner.objects[self.name] = octets[: HEAD + CHUNK + 16]
        self.assertEqual(set(await self.refused(self.objects)), {Unavailable})
        with self.assertRaises(ObjectDamaged):
            self.inner.objects[self.name] = octets[:50]
            await self.objects.exists(self.name)

    async def test_a_store_that_is_down(self) -> None:
        """G6"""
        self.inner.down = True
        self.assertEqual(await self.refused(self.objects), [Unavailable] * 4)

    async def test_an_object_that_is_gone(self) -> None:
        del self.inner.objects[self.name]
        self.assertEqual(await self.refused(self.objects), [ObjectMissing] * 4)
