"""index: RFC 5260 §6."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import errors_of, holds

OCTETS = (
    b"Received: third; Mon, 26 Feb 2007 12:00:00 +0000\r\n"
    b"Received: second; Mon, 26 Feb 2007 11:00:00 +0000\r\n"
    b"Received: first; Mon, 26 Feb 2007 10:00:00 +0000\r\n"
    b"To: one@example.com, two@example.com\r\n"
    b"Cc: three@example.com\r\n"
    b"\r\n"
)


class IndexTests(SynchronousTestCase):
    def test_one_field_of_several(self) -> None:
        for test, expected in (
            ('header :index 1 :contains "received" "third"', True),
            ('header :index 2 :contains "received" "third"', False),
            ('header :index 3 :contains "received" "first"', True),
            ('header :index 4 :contains "received" ""', False),
            ('header :last :index 1 :contains "received" "first"', True),
            ('header :index 3 :last :contains "received" "third"', True),
            ('header :index 4 :last :contains "received" ""', False),
            ('date :index 2 :zone "+0000" "received" "hour" "11"', True),
            ('date :index 1 :last :zone "+0000" "received" "hour" "10"', True),
            # Fields are counted, not addresses; those of all names together, in their order.
            ('address :index 1 "to" "two@example.com"', True),
            ('address :index 2 "to" "two@example.com"', False),
            ('address :index 2 ["to", "cc"] "three@example.com"', True),
            ('address :index 2 ["cc", "to"] "two@example.com"', True),
            ('address :index 1 :last ["to", "cc"] "three@example.com"', True),
        ):
            self.assertIs(holds(test, OCTETS, "index date"), expected, test)

    def test_wrong_usage(self) -> None:
        for test, expected in (
            ('header :last "to" "x"', "1:29: ':last' needs ':index'"),
            ('header :index 0 "to" "x"', "1:29: ':index' counts from 1"),
            ('header :index "1" "to" "x"', "1:36: ':index' must be a number, not a string"),
            ('exists :index 1 "to"', "1:29: 'exists' has no ':index'"),
        ):
            self.assertEqual(errors_of(f'require "index";  if {test} {{}}'), [expected])
