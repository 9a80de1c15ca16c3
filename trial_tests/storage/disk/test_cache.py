"""sora.storage.disk.cache"""

import os
from random import Random

from blake3 import blake3
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.deferreds import gather
from sora.errors import Unavailable
from sora.metrics.bodies import CacheMetrics
from sora.storage.disk.cache import DiskCache
from sora.threads import Threads
from trial_tests.support.traces import shown, traced


def digest(data: bytes) -> bytes:
    return blake3(data).digest()


class DiskCacheTests(TestCase):
    """Bounded, verified, rebuilt."""

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 4, "cache")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.path = self.mktemp()
        self.registry = CollectorRegistry()
        self.cache = await self.new(metrics=CacheMetrics(self.registry))

    async def new(self, **other: object) -> DiskCache:
        options = {"capacity": 10_000, "max_object_size": 4_000, **other}
        cache = DiskCache(self.path, threads=self.threads, **options)
        await cache.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(cache.stop()))
        return cache

    def on_disk(self) -> int:
        """Octets of all files."""
        return sum(
            os.path.getsize(os.path.join(place, name))
            for place, _, names in os.walk(self.path)
            for name in names
            if not name.endswith(".lock")
        )

    def file(self, data: bytes) -> str:
        text = digest(data).hex()
        return os.path.join(self.path, text[:2], text)

    async def test_what_was_found_is_in_the_trace(self) -> None:
        """How much, and what not."""
        data = b"a body" * 100
        await self.cache.put(digest(data), data)
        wanted = [(digest(data), len(data)), (digest(b"other"), 5), (digest(b"third"), 5)]
        trace = await traced(lambda: self.cache.get_many(wanted))
        self.assertEqual(shown(trace)[0], "cache get")
        self.assertEqual(trace.spans[0].facts, {"sora.cache.hits": 1, "sora.cache.misses": 2})

    async def test_what_was_put_is_found(self) -> None:
        data = b"a body" * 100
        self.assertIsNone(await self.cache.get(digest(data), len(data)))
        await self.cache.put(digest(data), data)
        self.assertEqual(await self.cache.get(digest(data), len(data)), data)
        status = self.cache.status
        self.assertEqual((status.objects, status.octets), (1, len(data)))
        self.assertEqual((status.hits, status.misses), (1, 1))

    async def test_it_is_found_before_it_is_written(self) -> None:
        data = b"soon"
        written = self.cache.put(digest(data), data)
        self.assertEqual(await self.cache.get(digest(data), len(data)), data)
        await written

    async def test_what_is_at_hand_is_whole(self) -> None:
        """G9"""
        data = b"a body" * 100
        self.assertIsNone(self.cache.at_hand(digest(data), len(data)))
        written = self.cache.put(digest(data), data)
        self.assertEqual(self.cache.at_hand(digest(data), len(data)), data)
        await written
        self.assertIn(self.cache.at_hand(digest(data), len(data)), (data, None))
        with open(self.file(data), "wb") as file:
            file.write(b"x" * 600)
        self.assertIsNone(self.cache.at_hand(digest(data), len(data)))

    async def test_the_capacity_holds_also_with_many_puts_at_once(self) -> None:
        random = Random(4)
        bodies = [random.randbytes(random.randrange(1, 4_500)) for _ in range(60)]
        for start in range(0, 60, 20):
            await gather(
                *[self.cache.put(digest(data), data) for data in bodies[start : start + 20]]
            )
            self.assertLessEqual(self.on_disk(), 10_000)
            self.assertEqual(self.on_disk(), self.cache.status.octets)
        for data in bodies:
            found = await self.cache.get(digest(data), len(data))
            self.assertIn(found, (None, data))
            if len(data) > 4_000:
                self.assertIsNone(found)
        self.assertGreater(self.cache.status.hits, 2)

    async def test_a_damaged_file_is_a_miss_and_goes(self) -> None:
        """G9"""
        for damage in (b"x" * 600, b"short", b"a body" * 100 + b"more", b""):
            data = b"a body" * 100
            await self.cache.put(digest(data), data)
            with open(self.file(data), "wb") as file:
                file.write(damage)
            self.assertIsNone(await self.cache.get(digest(data), len(data)))
            self.assertFalse(os.path.exists(self.file(data)))
            self.assertEqual(self.cache.status.octets, 0)

    async def test_a_removed_file_is_a_miss(self) -> None:
        data = b"gone"
        await self.cache.put(digest(data), data)
        os.unlink(self.file(data))
        self.assertIsNone(await self.cache.get(digest(data), len(data)))
        self.assertEqual(self.cache.status.objects, 0)

    async def test_a_wrong_size_is_a_miss(self) -> None:
        data = b"a body"
        await self.cache.put(digest(data), data)
        self.assertIsNone(await self.cache.get(digest(data), len(data) + 1))

    async def test_the_next_start_finds_what_is_there(self) -> None:
        bodies = [bytes([number]) * 900 for number in range(8)]
        for data in bodies:
            await self.cache.put(digest(data), data)
        leftover = os.path.join(self.path, "00", ".new-" + "0" * 32)
        with open(leftover, "wb") as file:
            file.write(b"half")
        await self.cache.stop()
        again = await self.new()
        self.assertFalse(os.path.exists(leftover))
        self.assertEqual(again.status.octets, 7200)
        found = await again.get_many([(digest(data), len(data)) for data in bodies])
        self.assertEqual(found, bodies)

    async def test_a_smaller_capacity_holds_from_the_start(self) -> None:
        for number in range(8):
            data = bytes([number]) * 900
            await self.cache.put(digest(data), data)
        await self.cache.stop()
        again = await self.new(capacity=2_000)
        self.assertLessEqual(self.on_disk(), 2_000)
        self.assertEqual(self.on_disk(), again.status.octets)

    async def test_purging_removes_everything(self) -> None:
        data = b"a body"
        await self.cache.put(digest(data), data)
        self.assertEqual(await self.cache.purge(), (1, 6))
        self.assertEqual((self.on_disk(), self.cache.status.octets), (0, 0))

    async def test_what_is_read_and_kept_during_a_purge_is_right(self) -> None:
        """Each answer is a miss or the body, the capacity holds, and nothing is said to be
        damaged. G9"""
        bodies = [bytes([number]) * 900 for number in range(11)]
        for _ in range(3):
            await gather(*[self.cache.put(digest(data), data) for data in bodies])
            purging = self.cache.purge()
            writing = [self.cache.put(digest(data), data) for data in bodies]
            wanted = [(digest(data), len(data)) for data in bodies]
            for _ in range(5):
                found = await self.cache.get_many(wanted)
                for data, one in zip(bodies, found, strict=True):
                    self.assertIn(one, (None, data))
                self.assertLessEqual(self.on_disk(), 10_000)
            await purging
            await gather(*writing)
            self.assertEqual(self.on_disk(), self.cache.status.octets)
        self.assertEqual(self.cache.status.damaged, 0)

    async def test_what_cannot_be_purged_still_counts(self) -> None:
        data = b"a body"
        await self.cache.put(digest(data), data)
        os.unlink(self.file(data))
        os.mkdir(self.file(data))
        with self.assertRaises(Unavailable) as caught:
            await self.cache.purge()
        self.assertIn(self.path, caught.exception.text)
        self.assertEqual(self.cache.status.objects, 1)

    async def test_what_waits_to_be_written_is_bounded(self) -> None:
        await self.cache.stop()
        cache = await self.new(max_waiting=1_000)
        first, second = b"1" * 800, b"2" * 800
        await gather(cache.put(digest(first), first), cache.put(digest(second), second))
        self.assertEqual(cache.status.objects, 1)

    async def test_it_counts(self) -> None:
        data = b"a body"
        await self.cache.get(digest(data), 6)
        await self.cache.put(digest(data), data)
        await self.cache.get(digest(data), 6)

        def count(operation: str, result: str) -> float | None:
            return self.registry.get_sample_value(
                "sora_cache_operations_total", {"operation": operation, "result": result}
            )

        self.assertEqual((count("get", "miss"), count("get", "hit")), (1, 1))
        self.assertEqual(count("put", "success"), 1)
        status = self.cache.status
        self.assertEqual((status.written, status.evicted, status.damaged), (1, 0, 0))
        self.assertEqual(status.hit_ratio, 0.5)
        self.assertEqual(self.registry.get_sample_value("sora_cache_size_bytes"), 6)

    async def test_a_place_that_cannot_be_used_is_named(self) -> None:
        cache = DiskCache("/sys/kernel/cache", capacity=1, max_object_size=1, threads=self.threads)
        with self.assertRaises(Unavailable) as caught:
            await cache.start()
        self.assertIn("/sys/kernel/cache", caught.exception.text)
