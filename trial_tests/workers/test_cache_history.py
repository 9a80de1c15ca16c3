"""sora.workers.cache_history: every few minutes, and a database that is away leaves a gap."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.storage.memory.storage import memory_storage
from sora.storage.rows import CacheSample, CacheStatus
from sora.workers.cache_history import (
    INTERVAL,
    SETTLE_INTERVAL,
    CacheRecorder,
    CacheSettling,
)

BEGAN = 1_700_000_000


class Cache:
    """Has been asked as often as it was looked at."""

    path = "/var/cache/sora"
    looked = 0
    number = 0

    @property
    def status(self) -> CacheStatus:
        self.looked += 1
        return CacheStatus(1, 2, 3, 4, self.looked, 6, 7, 8, 9)

    settled = 0

    def settle(self) -> "Deferred[None]":
        self.settled += 1
        return succeed(None)


class CacheRecorderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(BEGAN)
        self.storage = memory_storage(self.clock)
        self.history: Any = self.storage.cache_history
        self.recorder = CacheRecorder(Cache(), self.history, "mail-1", self.clock)  # type: ignore[arg-type]
        self.recorder.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.recorder.running:
            self.successResultOf(self.recorder.stopService())

    def samples(self) -> Sequence[CacheSample]:
        ever = datetime(2000, 1, 1, tzinfo=UTC)
        found: Sequence[CacheSample] = self.successResultOf(
            self.history.samples(ever, "", 9999, False)
        )
        return found

    def test_at_the_start_and_every_five_minutes(self) -> None:
        self.clock.pump([INTERVAL, INTERVAL])
        samples = self.samples()
        self.assertEqual([one.status.hits for one in samples], [3, 2, 1])
        self.assertEqual({one.instance for one in samples}, {"mail-1"})
        self.assertEqual(
            [one.at.timestamp() - BEGAN for one in samples], [2 * INTERVAL, INTERVAL, 0]
        )
        self.assertEqual({one.began_at.timestamp() for one in samples}, {BEGAN})

    def test_a_month_is_kept(self) -> None:
        self.clock.pump([INTERVAL] * (31 * 288))
        self.assertEqual(len(self.samples()), 30 * 288 + 1)

    def test_it_ends(self) -> None:
        self.stop()
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.samples()), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_process_that_shares_a_path_is_told_apart(self) -> None:
        cache = Cache()
        cache.number = 2
        recorder = CacheRecorder(cache, self.history, "mail-1", self.clock)  # type: ignore[arg-type]
        self.assertEqual(recorder.sample().instance, "mail-1/2")


class CacheSettlingTests(SynchronousTestCase):
    def test_every_ten_seconds(self) -> None:
        clock, cache = Clock(), Cache()
        settling = CacheSettling(cache, clock)  # type: ignore[arg-type]
        settling.startService()
        clock.pump([SETTLE_INTERVAL] * 3)
        self.successResultOf(settling.stopService())
        clock.pump([SETTLE_INTERVAL] * 3)
        self.assertEqual(cache.settled, 3)
