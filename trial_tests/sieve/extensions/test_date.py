"""date: RFC 5260 §4 and §5."""

from datetime import datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import errors_of, holds, ran

OCTETS = (
    b"Received: from a by b; Mon, 26 Feb 2007 17:00:00 +0000\r\n"
    b"Received: from c by a; Mon, 26 Feb 2007 08:59:00 -0800\r\n"
    b"Date: Mon, 26 Feb 2007 09:00:05 -0800\r\n"
    b"X-Date: Thu, 30 Feb 2007 09:00:05 -0800\r\n"
    b"\r\n"
)
HERE = timezone(timedelta(hours=1))
NOW = datetime(2007, 7, 1, 23, 30, tzinfo=HERE)


class DateTests(SynchronousTestCase):
    def test_dates_of_fields(self) -> None:
        for test, expected in (
            # §4.1: the local zone, a given one, that of the field.
            ('date "date" "hour" "18"', True),
            ('date "DATE" "HOUR" "18"', True),
            ('date :zone "-0500" "date" "hour" "12"', True),
            ('date :originalzone "date" "hour" "09"', True),
            ('date "date" "zone" "+0100"', True),
            ('date :zone "-0500" "date" "zone" "-0500"', True),
            ('date :originalzone "date" "zone" "-0800"', True),
            ('date :zone "+0000" "date" "iso8601" "2007-02-26T17:00:05Z"', True),
            # §4: the first field, what follows the semicolon; no field, or no date: false.
            ('date :zone "+0000" "received" "time" "17:00:00"', True),
            ('date "resent-date" "year" "2007"', False),
            ('date :matches "resent-date" "year" "*"', False),
            ('date :matches "x-date" "year" "*"', False),
            # §4.2
            ('date "date" "weekday" "1"', True),
            ('date "date" "julian" "54157"', True),
            ('date :matches "date" "std11" "Mon, 26 Feb 2007 *"', True),
        ):
            self.assertIs(holds(test, OCTETS, "date", now=NOW), expected, test)

    def test_now(self) -> None:
        for test, expected in (
            ('currentdate "date" "2007-07-01"', True),
            ('currentdate :zone "+0300" "date" "2007-07-02"', True),
            ('currentdate "weekday" "0"', True),
            ('currentdate "iso8601" "2007-07-01T23:30:00+01:00"', True),
            ('currentdate :matches "std11" "Sun, 01 Jul 2007 23:30:00 +0100"', True),
            ('currentdate :contains "year" "07"', True),
        ):
            self.assertIs(holds(test, OCTETS, "date", now=NOW), expected, test)

    def test_the_first_and_the_last_years(self) -> None:
        octets = b"Date: Fri, 31 Dec 9998 23:00:00 -0800\r\n\r\n"
        late = 'date :zone "+2359" :matches "date" "year" "*"'
        self.assertTrue(holds(late, octets, "date", now=NOW))

    def test_wrong_usage(self) -> None:
        for test, expected in (
            ('date :zone "0100" "date" "hour" "1"', '"0100" is not a time zone'),
            ('date :zone "+0100" :originalzone "date" "hour" "1"', "exclude each other"),
            ('date "date" "hours" "1"', "\"hours\" is not a part of a date; did you mean 'hour'?"),
            ('date ["date"] "hour" "1"', None),
            ('date ["date", "x"] "hour" "1"', "must be a string"),
            ('currentdate :originalzone "hour" "1"', "has no ':originalzone'"),
            ('currentdate "1"', "takes 2 arguments (part, keys), not 1"),
        ):
            found = errors_of(f'require "date"; if {test} {{}}')
            self.assertEqual(len(found), 1, test)
            if expected:
                self.assertIn(expected, found[0])

    def test_what_is_known_only_at_run_time(self) -> None:
        for given, expected in (("hours", "not a part"), ("+0", "not a time zone")):
            set_it = f'require ["date", "variables"]; set "x" "{given}"; '
            test = '"${x}"' if given == "hours" else ':zone "${x}" "hour"'
            outcome = ran(f'{set_it} if currentdate {test} "1" {{}}')
            assert outcome.error is not None
            self.assertIn(expected, outcome.error.text)
