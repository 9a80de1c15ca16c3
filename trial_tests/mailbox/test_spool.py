"""sora.mailbox.spool"""

import os

from blake3 import blake3
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from sora.errors import StorageFull
from sora.mailbox.spool import DEFAULT_THRESHOLD, Spool, SpoolFile, Spools

PIECES = [b"From: a@example.com\r\n", b"\r\n", b"x" * 1000, b"", b"y" * 5000]
WHOLE = b"".join(PIECES)


class SpoolTests(SynchronousTestCase):
    """In memory, and in a file: nobody sees the difference."""

    def filled(self, threshold: int) -> Spool:
        spool = Spool(threshold, self.directory)
        self.addCleanup(spool.close)
        for piece in PIECES:
            spool.write(piece)
        return spool

    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)

    def test_small_ones_stay_in_memory_and_large_ones_do_not(self) -> None:
        self.assertTrue(self.filled(len(WHOLE)).in_memory)
        self.assertFalse(self.filled(len(WHOLE) - 1).in_memory)

    def test_size_hash_and_data(self) -> None:
        for threshold in (0, 500, 100_000):
            spool = self.filled(threshold)
            self.assertEqual((spool.size, len(spool)), (len(WHOLE), len(WHOLE)))
            self.assertEqual(spool.hash, blake3(WHOLE).digest())
            self.assertEqual(bytes(spool.data()), WHOLE)
            self.assertEqual(bytes(spool.data()), WHOLE)

    def test_readers_are_independent_and_begin_at_the_beginning(self) -> None:
        for threshold in (0, 100_000):
            spool = self.filled(threshold)
            first, second = spool.open(), spool.open()
            self.assertEqual(first.read(7), WHOLE[:7])
            self.assertEqual(second.read(100_000), WHOLE)
            self.assertEqual(first.read(5), WHOLE[7:12])
            self.assertEqual(second.read(1), b"")
            first.close()
            first.close()
            self.assertEqual(spool.open().read(3), WHOLE[:3])

    def test_a_reader_outlives_the_spool(self) -> None:
        for threshold in (0, 100_000):
            spool = self.filled(threshold)
            reader = spool.open()
            spool.close()
            self.assertEqual(reader.read(100_000), WHOLE)
            reader.close()

    def test_an_empty_one(self) -> None:
        spool = Spool()
        self.assertEqual((spool.data(), spool.hash), (b"", blake3(b"").digest()))
        self.assertEqual(spool.open().read(1), b"")

    def test_the_file_has_no_name(self) -> None:
        self.filled(0)
        self.assertEqual(os.listdir(self.directory), [])

    def test_nothing_is_left_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        spool = self.filled(0)
        reader = spool.open()
        bytes(spool.data())
        spool.close()
        spool.close()
        reader.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertTrue(spool.closed)

    def test_a_closed_one_is_not_written_and_not_read(self) -> None:
        spool = self.filled(0)
        spool.close()
        for use in (lambda: spool.write(b"x"), spool.open, spool.data):
            with self.assertRaises(ValueError):
                use()

    def test_a_directory_that_cannot_be_written_is_storage_full(self) -> None:
        if not os.path.isdir("/sys/kernel"):
            raise SkipTest("there is no /sys on this machine")
        spool = Spool(0, "/sys/kernel")
        with self.assertRaises(StorageFull):
            spool.write(b"x")


class SeveralTests(SynchronousTestCase):
    """The spools of one command."""

    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.spools = Spools(10_000, self.directory)
        self.addCleanup(self.spools.close)

    def filled(self, count: int, size: int = 5_000) -> list[bytes]:
        bodies = [bytes((number % 256,)) * (size + number) for number in range(count)]
        for body in bodies:
            spool = self.spools.new()
            spool.write(body[:1000])
            spool.write(body[1000:])
        return bodies

    def test_they_keep_no_more_in_memory_than_they_may(self) -> None:
        bodies = self.filled(5)
        in_memory = [spool.in_memory for spool in self.spools]
        self.assertEqual(in_memory, [True, False, False, False, False])
        self.assertEqual(self.spools.size, sum(map(len, bodies)))

    def test_each_has_its_own_octets(self) -> None:
        bodies = self.filled(7)
        for spool, body in zip(self.spools, bodies, strict=True):
            reader = spool.open()
            self.assertEqual(reader.read(7) + reader.read(100_000), body)
            reader.close()
            self.assertEqual(bytes(spool.data()), body)
            spool.unmap()
            self.assertEqual(spool.hash, blake3(body).digest())

    def test_hundreds_need_one_descriptor(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        self.filled(300)
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before + 1)
        self.spools.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertEqual(len(self.spools), 0)

    def test_a_spool_is_complete_when_the_next_one_begins(self) -> None:
        file = SpoolFile(self.directory)
        self.addCleanup(file.close)
        first, second = (Spool(0, shared=file) for _ in range(2))
        first.write(b"one")
        second.write(b"two")
        self.assertEqual((bytes(first.data()), bytes(second.data())), (b"one", b"two"))
        third = Spool(0, shared=file)
        third.write(b"three")
        with self.assertRaises(ValueError):
            second.unmap()
            second.write(b"more")
        self.assertEqual(bytes(third.data()), b"three")

    def test_a_small_one_alone_needs_no_file(self) -> None:
        spool = Spools().new()
        spool.write(b"x" * DEFAULT_THRESHOLD)
        self.assertTrue(spool.in_memory)
