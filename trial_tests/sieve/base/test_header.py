"""`header` and `exists` (RFC 5228 §5.7, §5.5)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import MESSAGE, holds


class Header(SynchronousTestCase):
    def test_empty_key(self) -> None:
        """RFC 5228 §5.7"""
        for test, expected in (
            ('header :is ["X-Caffeine"] [""]', False),
            ('header :contains ["X-Caffeine"] [""]', True),
            ('header :contains ["X-Absent"] [""]', False),
            ('header :is "X-Absent" ""', False),
            ('not header :matches "Cc" "?*"', False),
            ('not header :matches "Bcc" "?*"', True),
        ):
            self.assertEqual(holds(test), expected, test)

    def test_any_combination(self) -> None:
        for test, expected in (
            ('header :contains ["To", "Cc"] ["me@example.com", "elmer"]', True),
            ('header :contains ["X-A", "Subject"] ["nothing", "PRESENT"]', True),
            ('header :contains ["X-A", "Subject"] ["nothing", "at all"]', False),
            ('header :is "Subject:" "I have a present for you"', False),
            ('header :is "not valid" "x"', False),
        ):
            self.assertEqual(holds(test), expected, test)

    def test_decoded(self) -> None:
        """RFC 5228 §2.7.2"""
        octets = b"Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IMOk?=\r\n\r\n"
        self.assertTrue(holds('header :is "subject" "Grüße ä"', octets))
        self.assertFalse(holds('header :contains "subject" "=?"', octets))

    def test_folded(self) -> None:
        octets = b"Subject: a\r\n b\r\n\tc \r\n\r\n"
        self.assertTrue(holds('header :comparator "i;octet" "subject" "a b\tc"', octets))

    def test_eight_bit_in_scripts(self) -> None:
        """Strings may have octets that are no UTF-8 (RFC 5228 §2.4.2)."""
        octets = "Subject: ä\r\n\r\n".encode()
        self.assertTrue(holds('header :contains "subject" "ä"', octets))


class Exists(SynchronousTestCase):
    def test_all_must(self) -> None:
        for test, expected in (
            ('exists "from"', True),
            ('exists ["From", "SUBJECT"]', True),
            ('exists ["From", "Date"]', False),
            ('not exists ["From","Date"]', True),
        ):
            self.assertEqual(holds(test, MESSAGE), expected, test)
