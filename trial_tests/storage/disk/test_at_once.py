"""sora.storage.disk.at_once"""

import os

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from sora.storage.disk.at_once import LARGEST, PATIENCE, REST, SLOW, AtOnce


class AtOnceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.takes = 0.0
        self.path = self.mktemp()
        with open(self.path, "wb") as file:
            file.write(b"twelve bytes")
        self.files = AtOnce(self.seconds)
        if self.files.read(self.path, 12) is None:
            raise SkipTest("RWF_NOWAIT does not work on this file system")

    def seconds(self) -> float:
        self.now += self.takes
        return self.now

    def test_a_file_in_memory_is_read(self) -> None:
        self.assertEqual(self.files.read(self.path, 12), b"twelve bytes")

    def test_what_is_not_there_or_too_short_or_too_large_is_left_to_a_thread(self) -> None:
        self.assertIsNone(self.files.read(self.path + "x", 12))
        self.assertIsNone(self.files.read(self.path, 13))
        self.assertIsNone(self.files.read(self.path, 11))
        self.assertIsNone(self.files.read(self.path, LARGEST + 1))

    def test_a_disk_that_was_slow_is_left_to_threads_for_a_while(self) -> None:
        self.takes = SLOW * 2
        for _ in range(PATIENCE):
            self.assertEqual(self.files.read(self.path, 12), b"twelve bytes")
        self.takes = 0.0
        self.assertIsNone(self.files.read(self.path, 12))
        self.now += REST
        self.assertEqual(self.files.read(self.path, 12), b"twelve bytes")

    def test_who_merely_waited_for_a_turn_goes_on(self) -> None:
        for takes in (SLOW * 2, 0.0, SLOW * 2, 0.0, SLOW * 2):
            self.takes = takes
            self.assertEqual(self.files.read(self.path, 12), b"twelve bytes")
        self.takes = 0.0
        self.assertEqual(self.files.read(self.path, 12), b"twelve bytes")

    def test_no_descriptor_is_left_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        self.files.read(self.path, 12)
        self.files.read(self.path, 13)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
