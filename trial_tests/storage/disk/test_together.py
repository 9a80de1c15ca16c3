"""sora.storage.disk.together"""

import os
import tempfile
from errno import EIO
from pathlib import Path
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from sora.storage.disk.together import AT_LEAST, SYNC_ALL, Together


class TogetherTests(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="sora-together-")
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name)
        self.synced: list[int] = []

    def write(self, together: Together, count: int) -> None:
        for number in range(count):
            together.write(f"{self.path}/{number}", b"%d" % number * 3)

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def test_many_files_are_waited_for_together_and_a_few_one_by_one(self) -> None:
        for count, waits in ((AT_LEAST, 2), (AT_LEAST - 1, 0)):
            self.synced.clear()
            before = self.descriptors()
            with Together(str(self.path), count, self.synced.append) as together:
                self.write(together, count)
                held = self.descriptors() - before
                self.assertEqual(held, 1 if waits else 1 + count)
                together.sync()
                together.sync_directories({str(self.path)})
            self.assertEqual(len(self.synced), waits)
            self.assertEqual(self.descriptors(), before)
            for number in range(count):
                file = self.path / str(number)
                self.assertEqual(file.read_bytes(), b"%d" % number * 3)
                file.unlink()

    def test_without_such_a_call_each_is_waited_for(self) -> None:
        with Together(str(self.path), AT_LEAST) as together:
            self.write(together, AT_LEAST)
            together.sync()
            together.sync_directories({str(self.path)})
        self.assertEqual(len(list(self.path.iterdir())), AT_LEAST)

    def test_a_failure_of_the_disk_is_told(self) -> None:
        def fail(descriptor: int) -> None:
            raise OSError(EIO, "Input/output error")

        before = self.descriptors()
        with self.assertRaises(OSError), Together(str(self.path), AT_LEAST, fail) as together:
            self.write(together, AT_LEAST)
            together.sync()
        self.assertEqual(self.descriptors(), before)

    def test_a_name_that_is_taken_is_an_error_and_the_file_stays(self) -> None:
        (self.path / "0").write_bytes(b"mine")
        with Together(str(self.path), 1) as together, self.assertRaises(FileExistsError):
            self.write(together, 1)
        self.assertEqual((self.path / "0").read_bytes(), b"mine")

    @skipIf(SYNC_ALL is None, "this system has no syncfs that tells of failures")
    def test_the_call_of_the_system(self) -> None:
        assert SYNC_ALL is not None
        descriptor = os.open(self.path, os.O_RDONLY)
        SYNC_ALL(descriptor)
        os.close(descriptor)
        self.assertRaises(OSError, SYNC_ALL, descriptor)
