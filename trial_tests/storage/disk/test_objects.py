"""sora.storage.disk.objects"""

import os
from uuid import UUID, uuid4

from blake3 import blake3
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from sora.errors import StorageFull, StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.storage.disk.objects import LEFTOVER_AGE, MARK, DiskObjects
from sora.threads import Threads
from trial_tests.storage.contracts.objects import SMALL, ObjectsContract, opener


class _DiskTestCase(TestCase):
    def setUp(self) -> None:
        self.threads = Threads(reactor, 4, "disk")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)

    def files(self, path: str) -> list[str]:
        """All files below `path` but the mark."""
        return [
            os.path.join(place, name)
            for place, _, names in os.walk(path)
            for name in names
            if name != MARK
        ]


class DiskObjectsTests(ObjectsContract, _DiskTestCase):
    """The contract, in a directory."""

    async def setUp(self) -> None:
        super().setUp()
        self.reactor = reactor
        self.path = self.mktemp()
        os.mkdir(self.path)
        self.registry = CollectorRegistry()
        metrics = ObjectMetrics(self.registry)
        self.objects = DiskObjects(self.path, self.threads, metrics=metrics)
        await self.objects.prepare()

    async def test_nothing_but_the_object_is_left(self) -> None:
        name, _ = await self.keep(SMALL)
        with self.assertRaises(StoreRefused):
            await self.objects.put(uuid4(), opener(b"wrong"), 5, blake3(b"right").digest())
        for status in ("success", "refused"):
            labels = {"store": "filesystem", "operation": "put", "status": status}
            count = self.registry.get_sample_value("sora_s3_operations_total", labels)
            self.assertEqual(count, 1, status)
        self.assertEqual(self.files(self.path), [os.path.join(self.path, str(name)[:3], str(name))])

    async def test_what_was_just_written_is_at_hand(self) -> None:
        name, _ = await self.keep(SMALL)
        data = SMALL
        if self.objects.at_hand(name, len(data)) is None:
            raise SkipTest("RWF_NOWAIT does not work on this file system")
        self.assertEqual(self.objects.at_hand(name, len(data)), data)
        self.assertIsNone(self.objects.at_hand(name, len(data) - 1))
        self.assertIsNone(self.objects.at_hand(uuid4(), len(data)))

    async def test_nothing_but_the_objects_is_left_of_many(self) -> None:
        """Also of those that were refused."""
        bodies = [(uuid4(), b"%d" % n, blake3(b"%d" % (n % 20)).digest()) for n in range(25)]
        found = await self.objects.put_many(bodies)
        self.assertEqual([isinstance(each, str) for each in found], [True] * 20 + [False] * 5)
        self.assertEqual(
            sorted(self.files(self.path)),
            sorted(os.path.join(self.path, str(name)[:3], str(name)) for name, _, _ in bodies[:20]),
        )

    async def test_when_names_cannot_be_given_nothing_is_told_as_stored(self) -> None:
        names = [uuid4() for _ in range(10)]
        os.mkdir(os.path.join(self.path, str(names[4])[:3], str(names[4])))
        body = b"x"
        found = await self.objects.put_many([(each, body, blake3(body).digest()) for each in names])
        self.assertEqual({type(each) for each in found}, {Unavailable})
        left = [path for path in self.files(self.path) if ".put-" in path]
        self.assertEqual(left, [])

    async def test_objects_are_private(self) -> None:
        name, _ = await self.keep(SMALL)
        mode = os.stat(os.path.join(self.path, str(name)[:3], str(name))).st_mode
        self.assertEqual(mode & 0o077, 0)

    async def test_a_second_start_keeps_everything_but_old_leftovers(self) -> None:
        name, _ = await self.keep(SMALL)
        directory = os.path.join(self.path, "abc")
        old, new, foreign = (
            os.path.join(directory, text)
            for text in (f".put-{uuid4().hex}", f".put-{uuid4().hex}", ".put-by-hand")
        )
        for path in (old, new, foreign):
            with open(path, "wb") as file:
                file.write(b"half a bo")
        for path in (old, foreign):
            long_ago = os.stat(path).st_mtime - LEFTOVER_AGE - 60
            os.utime(path, (long_ago, long_ago))
        again = DiskObjects(self.path, self.threads)
        self.assertEqual(await again.prepare(), 1)
        self.assertFalse(os.path.exists(old))
        self.assertTrue(os.path.exists(new))
        self.assertTrue(os.path.exists(foreign))
        self.assertEqual(await again.get(name, 0, len(SMALL)), SMALL)

    async def test_a_disk_that_is_not_mounted_is_no_proof_of_loss(self) -> None:
        """G6: absence of evidence means alive."""
        name, _ = await self.keep(SMALL)
        elsewhere = self.path + "-unmounted"
        os.rename(self.path, elsewhere)
        os.mkdir(self.path)
        for call in (
            self.objects.get(name, 0, 1),
            self.objects.exists(name),
            self.objects.delete(name),
            self.objects.probe(),
        ):
            with self.assertRaises(Unavailable):
                await call
        [found] = await self.objects.get_many([(name, 1)])
        self.assertIsInstance(found, Unavailable)


class DiskStartTests(_DiskTestCase):
    """What is wrong with the directory is said at the start, with the mend."""

    async def refusal(self, path: str) -> str:
        with self.assertRaises(Unavailable) as caught:
            await DiskObjects(path, self.threads).prepare()
        return caught.exception.text

    async def test_a_missing_directory(self) -> None:
        path = os.path.abspath(self.mktemp())
        text = await self.refusal(path)
        self.assertIn(f"{path} does not exist", text)
        self.assertIn("install -d", text)

    async def test_a_file_in_place_of_a_directory(self) -> None:
        path = self.mktemp()
        with open(path, "wb"):
            pass
        self.assertIn("is not a directory", await self.refusal(path))

    async def test_a_read_only_directory(self) -> None:
        path = "/sys/kernel"  # read-only for root, too
        if not os.path.isdir(path):
            raise SkipTest("there is no /sys on this machine")
        text = await self.refusal(path)
        self.assertIn(f"{path} is read-only", text)
        self.assertIn("install -d", text)


class FullDiskTests(_DiskTestCase):
    """A full disk, with the device that is always full."""

    async def test_a_full_disk_is_storage_full(self) -> None:
        if not os.path.exists("/dev/full"):
            raise SkipTest("there is no /dev/full on this machine")
        path = self.mktemp()
        os.mkdir(path)
        objects = DiskObjects(path, self.threads)
        await objects.prepare()

        class Full:
            """A body whose disk is full: reading it writes to /dev/full."""

            def read(self, size: int) -> bytes:
                descriptor = os.open("/dev/full", os.O_WRONLY)
                try:
                    os.write(descriptor, b"x")
                finally:
                    os.close(descriptor)
                return b""

            def close(self) -> None:
                pass

        with self.assertRaises(StorageFull):
            await objects.put(UUID(int=1), Full, 1, blake3(b"x").digest())
        self.assertEqual(self.files(path), [])
