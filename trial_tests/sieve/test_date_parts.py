"""Moments and their parts: RFC 5260 §4, RFC 3339 §5.6."""

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.date_parts import PARTS, moment, sent, shifted, zone

WEST = timezone(timedelta(hours=-5))
MONDAY = datetime(2007, 2, 26, 9, 0, 5, tzinfo=WEST)


class PartTests(SynchronousTestCase):
    def test_parts(self) -> None:
        """RFC 5260 §4.2."""
        expected = {
            "year": "2007",
            "month": "02",
            "day": "26",
            "date": "2007-02-26",
            "julian": "54157",
            "hour": "09",
            "minute": "00",
            "second": "05",
            "time": "09:00:05",
            "iso8601": "2007-02-26T09:00:05-05:00",
            "std11": "Mon, 26 Feb 2007 09:00:05 -0500",
            "zone": "-0500",
            "weekday": "1",
        }
        self.assertEqual({name: part(MONDAY) for name, part in PARTS.items()}, expected)

    def test_no_offset(self) -> None:
        """Zulu is "Z" in ISO 8601, and has a positive sign elsewhere."""
        at = MONDAY.astimezone(UTC)
        self.assertEqual(PARTS["iso8601"](at), "2007-02-26T14:00:05Z")
        self.assertEqual(PARTS["zone"](at), "+0000")

    def test_sunday_is_zero(self) -> None:
        self.assertEqual(PARTS["weekday"](MONDAY - timedelta(days=1)), "0")
        self.assertEqual(PARTS["weekday"](MONDAY - timedelta(days=2)), "6")

    def test_julian(self) -> None:
        """Day 0 is 17 November 1858; the samples of RFC 5260 Appendix A give the same."""
        for day, expected in ((datetime(1858, 11, 17), "0"), (datetime(2000, 1, 1), "51544")):
            self.assertEqual(PARTS["julian"](day.replace(tzinfo=UTC)), expected)


class ReadingTests(SynchronousTestCase):
    def test_zones(self) -> None:
        for text, minutes in (("+0000", 0), ("-0000", 0), ("+0530", 330), ("-2359", -1439)):
            self.assertEqual(zone(text), timezone(timedelta(minutes=minutes)), text)
        for text in ("", "0000", "+000", "+00:00", "+0060", "+2400", "+00000", "UTC", "+٠٠٠٠"):
            self.assertIsNone(zone(text), text)

    def test_moments(self) -> None:
        for text in (
            "2007-02-26T09:00:05-05:00",
            "2007-02-26T14:00:05Z",
            "2007-02-26t14:00:05z",
            "2007-02-26T14:00:05.25Z",
            "2007-02-26T09:00:05-0500",
        ):
            found = moment(text)
            assert found is not None
            self.assertEqual(found.replace(microsecond=0), MONDAY, text)
        for text in (
            "",
            "2007-02-26",
            "2007-02-26 14:00:05Z",
            "2007-02-26T14:00:05",
            "2007-02-30T14:00:05Z",
            "2007-02-26T25:00:05Z",
            "2007-02-26T14:00:05+24:00",
            "0000-02-26T14:00:05Z",
        ):
            self.assertIsNone(moment(text), text)

    def test_fields(self) -> None:
        """RFC 5260 §4: the whole field, or what follows its last semicolon."""
        for field in (
            b"Mon, 26 Feb 2007 09:00:05 -0500",
            b"26 Feb 2007 09:00:05 EST (a comment)",
            b"from a.example by b.example; with x;\t Mon, 26 Feb 2007 14:00:05 GMT",
        ):
            self.assertEqual(sent(field), MONDAY, field)
        for field in (
            b"",
            b"tomorrow",
            b"Mon, 32 Jan 2007 09:00:00 -0500",
            b"Thu, 29 Feb 2007 09:00:00 -0500",
            b"Mon, 26 Feb 2007 25:00:00 -0500",
            b"Mon, 26 Feb 2007",
            b"Mon, 26 Feb 2007 09:00:00 -0500; something",
        ):
            self.assertIsNone(sent(field), field)

    def test_the_end_of_time(self) -> None:
        late = datetime(9999, 12, 31, 23, tzinfo=UTC)
        self.assertIsNone(shifted(late, timezone(timedelta(hours=5))))
        self.assertEqual(shifted(MONDAY, UTC), MONDAY)
