"""sora.app.health: the checks of the cleaner, of deletions and of disks."""

import os
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.health import look_at_cleaner, look_at_deletions, look_at_disks
from sora.config.config import Config
from sora.health import Status
from sora.metrics.surroundings import DiskMetrics
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import DeletionRun
from trial_tests.support.transcript import ThreadsHere

HOUR = 3600.0


class CleanerCheckTests(SynchronousTestCase):
    def test_rounds_that_fail_for_long_are_told_with_their_error(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        tables: Any = memory_storage(clock)
        look = look_at_cleaner(Config(), tables, clock.seconds)

        def status() -> tuple[Status, str]:
            finding = self.successResultOf(Deferred.fromCoroutine(look()))  # type: ignore[arg-type]
            return finding.status, finding.text

        def ended(node: str, error: str = "") -> None:
            began = datetime.fromtimestamp(clock.seconds(), UTC)
            self.successResultOf(tables.cleaning.note(node, began, {}, error))

        self.assertEqual(status()[0], Status.HEALTHY)
        ended("one")
        clock.advance(3 * HOUR)
        self.assertEqual(status()[0], Status.HEALTHY)
        clock.advance(2 * HOUR)
        ended("two", "the disk is full")
        self.assertEqual(status()[0], Status.DEGRADED)
        self.assertIn("two: the disk is full", status()[1])
        ended("two")
        self.assertEqual(status()[0], Status.HEALTHY)


class DisksCheckTests(SynchronousTestCase):
    def test_metrics_tell_what_was_seen(self) -> None:
        """Of places that are there; what is not is the finding's."""
        registry, here = CollectorRegistry(), self.mktemp()
        os.mkdir(here)
        places = {"the cache": here, "the object store": f"{here}/nowhere"}
        look = look_at_disks(places, ThreadsHere(), DiskMetrics(registry))  # type: ignore[arg-type]
        finding = self.successResultOf(Deferred.fromCoroutine(look()))  # type: ignore[arg-type]
        self.assertEqual(finding.status, Status.UNHEALTHY)
        free, size = (
            registry.get_sample_value(f"sora_disk_{what}_bytes", {"place": "the cache"}) or 0
            for what in ("free", "size")
        )
        self.assertTrue(0 < free <= size)
        elsewhere = {"place": "the object store"}
        self.assertIsNone(registry.get_sample_value("sora_disk_free_bytes", elsewhere))


class DeletionsCheckTests(SynchronousTestCase):
    def test_an_unusual_run_is_told_of_for_a_day(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        storage = memory_storage(clock)
        tables: Any = storage
        look = look_at_deletions(tables, clock.seconds)

        def status() -> tuple[Status, str]:
            finding = self.successResultOf(Deferred.fromCoroutine(look()))  # type: ignore[arg-type]
            return finding.status, finding.text

        self.assertEqual(status()[0], Status.HEALTHY)
        now = storage.tables.now()
        run = DeletionRun(
            account_id=1,
            address="ann@example.com",
            began_at=now,
            last_at=now,
            messages=700,
            habit=3,
            remaining=2,
            noticed_at=now,
            extended=True,
        )
        storage.tables.deletion_runs[1] = [run]
        self.assertEqual(status()[0], Status.DEGRADED)
        self.assertIn("ann@example.com 700 messages, with 2 left", status()[1])
        clock.advance(25 * HOUR)
        self.assertEqual(status()[0], Status.HEALTHY)
