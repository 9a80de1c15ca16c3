"""Moments that others name."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from sora.times import in_utc, moment_of


class MomentTests(SynchronousTestCase):
    """Whatever is a time can be asked of a database."""

    def test_a_zone_is_taken_into_account(self) -> None:
        """RFC 3339 §4.2 has zones up to 23:59; PostgreSQL has none beyond 15:59."""
        expected = datetime(2026, 1, 30, 12, 1, tzinfo=UTC)
        for text in ("2026-01-31T12:00:00+23:59", "2026-01-30T12:01:00Z"):
            found = moment_of(text)
            self.assertEqual((found, found.tzinfo), (expected, UTC))

    def test_the_ends_of_time(self) -> None:
        """A zone can lead beyond what a calendar has."""
        first = datetime.min.replace(tzinfo=UTC)
        last = datetime.max.replace(tzinfo=UTC)
        self.assertEqual(moment_of("0001-01-01T00:00:00+23:59"), first)
        self.assertEqual(moment_of("9999-12-31T23:59:59-23:59"), last)

    def test_without_a_zone_it_has_none_until_it_is_asked_for(self) -> None:
        """Then it is this machine's, also where that leads beyond the calendar."""
        self.assertIsNone(moment_of("2026-01-31").tzinfo)
        for text in ("0001-01-01", "2026-01-31", "9999-12-31T23:59:59"):
            self.assertEqual(in_utc(moment_of(text)).tzinfo, UTC)

    def test_what_is_no_time(self) -> None:
        self.assertRaises(ValueError, moment_of, "yesterday")
        self.assertRaises(TypeError, moment_of, 5)
