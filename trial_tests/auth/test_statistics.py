"""sora.auth.statistics: what it knows of the last day, in bounded memory."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.auth.statistics import DAY, MOST_NAMES, LoginStatistics


class LoginStatisticsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.statistics = LoginStatistics(self.clock)

    def test_what_is_older_than_a_day_is_forgotten(self) -> None:
        for _ in range(30):
            self.statistics.note("imap", "failed", "a@b", "192.0.2.1")
            self.clock.advance(3600)
        found = self.statistics.of_last(10 * DAY)
        self.assertEqual(found.window, DAY)
        self.assertIn(found.results["failed"], (24, 25))

    def test_who_fails_often_is_not_lost_among_many(self) -> None:
        """A hundred thousand addresses fail once, one of them a thousand times."""
        for number in range(100_000):
            self.statistics.note("imap", "failed", f"u{number}@b", f"10.0.{number}")
            if number % 100 == 0:
                self.statistics.note("imap", "blocked", "target@b", "192.0.2.66")
        found = self.statistics.of_last(DAY)
        self.assertEqual(found.results, {"failed": 100_000, "blocked": 1_000})
        self.assertEqual(found.users[0][0], "target@b")
        self.assertGreaterEqual(found.addresses[0][1], 1_000)
        (span,) = self.statistics._spans
        self.assertEqual((len(span.users), len(span.addresses)), (MOST_NAMES, MOST_NAMES))

    def test_names_of_who_logged_in_are_not_kept(self) -> None:
        self.statistics.note("imap", "ok", "ann@b", "192.0.2.1")
        found = self.statistics.of_last(60)
        self.assertEqual((found.results, found.users, found.addresses), ({"ok": 1}, (), ()))
