"""sora.storage.disk.sharing: processes that have one directory for their caches."""

import os
import subprocess
import sys
from random import Random

from blake3 import blake3
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.deferreds import gather
from sora.storage.disk.cache import DiskCache
from sora.storage.disk.sharing import ABANDONED, MOST, Share
from sora.threads import Threads

ANOTHER_PROCESS = """
import sys
from sora.storage.disk.sharing import Share
share = Share(sys.argv[1], 900, lambda: 0.0)
share.take()
print(share.number, share.grant(0), flush=True)
sys.stdin.read()
"""


class ShareTests(SynchronousTestCase):
    """Who comes takes what is left, until the others have made room."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = self.mktemp()

    def share(self, capacity: int = 900) -> Share:
        share = Share(self.path, capacity, self.clock.seconds)
        share.take()
        self.addCleanup(share.release)
        return share

    def test_grants_are_never_more_than_the_capacity(self) -> None:
        """Each has an equal part in the end."""
        first = self.share()
        self.assertEqual((first.number, first.grant(0), first.directory), (0, 900, self.path))
        second = self.share()
        self.assertEqual((second.number, second.grant(0)), (1, 0))
        # It has 700, and is to make room: until it says that it has, nothing is free.
        self.assertEqual(first.grant(700), 450)
        self.assertEqual(second.grant(0), 200)
        self.assertEqual(first.grant(450), 450)
        self.assertEqual(second.grant(200), 450)
        third = self.share()
        self.assertEqual((third.number, third.grant(0)), (2, 0))
        self.assertEqual((first.grant(300), second.grant(300), third.grant(0)), (300, 300, 300))

    def test_who_comes_back_finds_what_was_there(self) -> None:
        first, second = self.share(), self.share()
        first.grant(900)
        first.release()
        # Its files are still there.
        self.assertEqual(second.grant(0), 0)
        again = self.share()
        self.assertEqual((again.number, again.grant(900)), (0, 450))

    def test_what_is_left_behind_is_removed_after_a_while(self) -> None:
        first, second = self.share(), self.share()
        first.grant(900)
        for share in (first, second):
            os.mkdir(f"{share.directory}/ab")
            with open(f"{share.directory}/ab/file", "wb") as file:
                file.write(b"x")
        first.release()
        second.grant(0)
        self.clock.advance(ABANDONED - 1)
        second.clear_abandoned()
        self.assertEqual(second.grant(0), 0)
        self.clock.advance(1)
        second.clear_abandoned()
        self.assertEqual(second.grant(0), 900)
        self.assertFalse(os.path.exists(f"{self.path}/ab"))
        self.assertTrue(os.path.exists(f"{second.directory}/ab/file"))

    def test_a_process_that_is_killed_lets_go(self) -> None:
        first = self.share()
        first.grant(400)
        self.assertEqual(first.grant(400), 900)
        other = subprocess.Popen(
            [sys.executable, "-c", ANOTHER_PROCESS, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert other.stdout is not None
            self.assertEqual(other.stdout.readline(), b"1 0\n")
            self.assertEqual(first.grant(0), 450)
        finally:
            other.kill()
            other.communicate()
        self.assertEqual(first.grant(0), 900)
        self.assertEqual(self.share().number, 1)

    def test_too_many_are_told_so(self) -> None:
        for _ in range(MOST):
            self.share()
        with self.assertRaises(OSError) as caught:
            self.share()
        self.assertIn(f"{MOST} processes", str(caught.exception))


class SharedCacheTests(TestCase):
    async def test_two_caches_keep_to_one_capacity(self) -> None:
        """At all times; each serves what it has, and both have an equal part in the end."""
        threads = Threads(reactor, 4, "cache")
        threads.startService()
        self.addCleanup(threads.stopService)
        path, random = self.mktemp(), Random(5)
        caches = []
        for _ in range(2):
            cache = DiskCache(path, capacity=20_000, max_object_size=4_000, threads=threads)
            await cache.start()
            self.addCleanup(lambda cache=cache: Deferred.fromCoroutine(cache.stop()))
            caches.append(cache)
            bodies = [random.randbytes(random.randrange(1, 2_000)) for _ in range(40)]
            for turn in range(4):
                for one in caches:
                    await gather(
                        *[one.put(blake3(body).digest(), body) for body in bodies[turn::4]]
                    )
                    self.assertLessEqual(on_disk(path), 20_000)
                    await one.settle()
                    self.assertLessEqual(on_disk(path), 20_000)
        first, second = caches
        self.assertEqual((first.number, second.number), (0, 1))
        self.assertEqual((first.status.capacity, second.status.capacity), (10_000, 10_000))
        self.assertGreater(second.status.octets, 5_000)
        for cache in caches:
            found = await cache.get_many([(blake3(body).digest(), len(body)) for body in bodies])
            self.assertTrue(
                all(one in (None, body) for one, body in zip(found, bodies, strict=True))
            )
            self.assertGreater(cache.status.hits, 0)
        await first.stop()
        again = DiskCache(path, capacity=20_000, max_object_size=4_000, threads=threads)
        await again.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.stop()))
        self.assertEqual(again.status.octets, first.status.octets)


def on_disk(path: str) -> int:
    """Octets of all bodies."""
    return sum(
        os.path.getsize(os.path.join(place, name))
        for place, _, names in os.walk(path)
        for name in names
        if not name.endswith(".lock")
    )
