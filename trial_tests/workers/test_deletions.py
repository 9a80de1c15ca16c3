"""sora.workers.deletions: habits, on storage in memory, with a clock that makes weeks pass."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import TestCase

from sora.mail.flags import DELETED, Flags
from sora.mail.numbers import NumberSet
from sora.metrics.cleaning import CleaningMetrics
from sora.storage.rows import FlagChange, Unusual
from sora.threads import Threads
from sora.workers.cleaner import Cleaned, Cleaner, Graces
from sora.workers.deletions import DeletionWatch
from trial_tests.mailbox.bodies_world import World, message

DAY = 86400.0


class DeletionWatchTests(TestCase):
    """Four messages in two days are much; twice the habit is beyond it."""

    async def setUp(self) -> None:
        threads = Threads(reactor, 2, "deletions")
        threads.startService()
        self.addCleanup(threads.stopService)
        self.world = await World(threads).open()
        self.clock: Clock = self.world.clock
        self.arrivals = self.world.arrivals("direct")
        self.metrics = CleaningMetrics(CollectorRegistry())
        self.number = 0
        self.warnings: list[Any] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def hear(self, event: Any) -> None:
        if event["log_level"] is LogLevel.warn:
            self.warnings.append((event["address"], event["messages"], event["habit"]))

    async def delete(self, count: int, left: int = 0) -> None:
        """Deliver, and expunge all but some."""
        for _ in range(count + left):
            await self.world.deliver(self.arrivals, message(self.number))
            self.number += 1
        messages, inbox = self.world.storage.messages, self.world.inbox
        uids = sorted(self.world.storage.tables.mailboxes[inbox].messages)[:count]
        which = NumberSet.of(uids)
        change = FlagChange("add", Flags(DELETED))
        await messages.store(inbox, which, change, self.world.operation())
        await messages.expunge(inbox, which, self.world.operation())

    def clean(self) -> Cleaned:
        self.clock.advance(600)
        cleaner = Cleaner(
            self.world.storage.cleaning,
            {"main": self.world.objects},
            clock=self.clock,
            random=Random(5),
            graces=Graces(14 * DAY),
            watch=DeletionWatch(
                self.world.storage.deletions,
                Unusual(4, 0.5, 2),
                clock=self.clock,
                extra=28 * DAY,
                metrics=self.metrics,
            ),
        )
        round_ = Deferred.fromCoroutine(cleaner.clean())
        while not round_.called:
            self.clock.advance(0.01)
        return self.successResultOf(round_)

    def pass_days(self, count: int) -> None:
        self.clock.advance(count * DAY)

    async def test_a_run_is_told_of_once_and_can_be_undone_for_weeks(self) -> None:
        await self.delete(5, left=1)
        self.assertEqual(self.clean().unusual, 1)
        self.assertEqual(self.clean().unusual, 0)
        self.assertEqual(self.warnings, [("alice@example.com", 5, 0)])
        self.assertEqual(self.metrics.unusual._value.get(), 1)
        self.pass_days(41)
        self.assertEqual(self.clean().expunged, 0)
        self.pass_days(2)
        self.assertEqual(self.clean().expunged, 5)

    async def test_a_habit_is_none(self) -> None:
        """A client that deletes what it has fetched, each day."""
        for _ in range(20):
            await self.delete(2)
            self.clean()
            self.pass_days(1)
        self.assertEqual(self.warnings, [("alice@example.com", 4, 0)])
        for _ in range(3):
            await self.delete(2)
            self.clean()
            self.pass_days(1)
        (run,) = self.successResultOf(
            self.world.storage.deletions.runs(datetime.fromtimestamp(0, UTC))
        )
        self.assertLess(run.messages, 20)

    async def test_far_beyond_a_habit(self) -> None:
        for _ in range(10):
            await self.delete(2)
            self.pass_days(1)
            self.clean()
        self.warnings.clear()
        self.pass_days(7)
        await self.delete(4)
        self.assertEqual(self.clean().unusual, 0)
        await self.delete(1)
        self.assertEqual(self.clean().unusual, 1)
        self.assertEqual(self.warnings, [("alice@example.com", 5, 2)])

    async def test_what_was_deleted_while_no_cleaner_ran(self) -> None:
        """It is looked at before anything is removed."""
        await self.delete(5)
        self.pass_days(20)
        cleaned = self.clean()
        self.assertEqual((cleaned.unusual, cleaned.expunged), (1, 0))
