"""Dates as they are sent."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.dates import parse
from trial_tests.support.properties import SETTINGS


def zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


class DateTests(SynchronousTestCase):
    def test_dates_are_read(self) -> None:
        """RFC 5322 §3.3, §4.3 and appendix A, and what mailers make of it."""
        for value, expected in (
            (
                b"Fri, 21 Nov 1997 09:55:06 -0600",
                datetime(1997, 11, 21, 9, 55, 6, tzinfo=zone(-360)),
            ),
            (b"Tue, 1 Jul 2003 10:52:37 +0200", datetime(2003, 7, 1, 10, 52, 37, tzinfo=zone(120))),
            (b"1 Jul 2003 10:52 +0530 (IST)", datetime(2003, 7, 1, 10, 52, tzinfo=zone(330))),
            (b"21 Nov 97 09:55:06 GMT", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
            (
                b"Thu,\t13\tFeb\t1969 23:32:54 -0330",
                datetime(1969, 2, 13, 23, 32, 54, tzinfo=zone(-210)),
            ),
            (b"Mon, 1 Jan 24 00:00:00 EST", datetime(2024, 1, 1, tzinfo=zone(-300))),
            (b"Mon, 1 Jan 101 00:00:00 Z", datetime(2001, 1, 1, tzinfo=UTC)),
            (b"Mon, 1 Jan 2024 23:59:60 +0000", datetime(2024, 1, 1, 23, 59, 59, tzinfo=UTC)),
            (b"Mon, 1 January 2024 1:02:03 PM XYZ", datetime(2024, 1, 1, 13, 2, 3, tzinfo=UTC)),
            (b"1-Jan-2024 00:00:00 +0100", datetime(2024, 1, 1, tzinfo=zone(60))),
            (b"Mon Jan  1 12:00:00 2024", datetime(2024, 1, 1, 12, tzinfo=UTC)),
            (b"Mon Jan 01 12:00:00 PST 2024", datetime(2024, 1, 1, 12, tzinfo=zone(-480))),
            (b"2024-01-01T12:00:00+01:00", datetime(2024, 1, 1, 12, tzinfo=zone(60))),
            (b"1 Jan 2024", datetime(2024, 1, 1, tzinfo=UTC)),
            (b"1 Jan 2024 25:61:61 +9999", datetime(2024, 1, 1, tzinfo=UTC)),
            (b"1 Jan 2024 10:00:00 +9999", datetime(2024, 1, 1, 10, tzinfo=UTC)),
            (b"31 Feb 2024 10:00:00 +0000", None),
            (b"1 Foo 2024", None),
            (b"1 Jan 99999", None),
            (b"yesterday", None),
            (b"", None),
        ):
            with self.subTest(value):
                sent = parse(value)
                self.assertEqual(sent.at if sent else None, expected)
                if sent is not None and expected is not None:
                    self.assertEqual(sent.at.utcoffset(), expected.utcoffset())

    def test_the_day_disregards_the_zone(self) -> None:
        """RFC 3501 §6.4.4: SENTON compares the date as it stands there."""
        sent = parse(b"Mon, 1 Jan 2024 00:30:00 +1400")
        assert sent is not None
        self.assertEqual(sent.day, date(2024, 1, 1))
        self.assertEqual(sent.at.astimezone(UTC).day, 31)

    @SETTINGS
    @given(
        st.one_of(
            st.binary(max_size=60),
            st.lists(
                st.sampled_from(
                    [
                        b"Mon",
                        b",",
                        b" ",
                        b"1",
                        b"31",
                        b"Feb",
                        b"Dec",
                        b"2024",
                        b"9999",
                        b"00:00",
                        b":59",
                        b"+9959",
                        b"-0000",
                        b"PM",
                        b"(",
                    ]
                ),
                max_size=12,
            ).map(b"".join),
        )
    )
    def test_nothing_raises_and_every_moment_can_be_stored(self, value: bytes) -> None:
        sent = parse(value)
        if sent is not None:
            # PostgreSQL gives moments back in any zone.
            for offset in (-14 * 60, 14 * 60):
                sent.at.astimezone(zone(offset))
