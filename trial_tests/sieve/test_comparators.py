"""Comparators (RFC 4790, RFC 5051)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.comparators import CASEMAP, NUMERIC, OCTET, UNICODE, Comparator, ascii_lower
from trial_tests.sieve.filters import holds


class Comparators(SynchronousTestCase):
    def equal(self, comparator: Comparator, one: str, other: str) -> bool:
        return bool(comparator.form(one) == comparator.form(other))

    def test_equality(self) -> None:
        for comparator, one, other, expected in (
            (OCTET, "a", "A", False),
            (OCTET, "ä", "ä", True),
            (CASEMAP, "ABC xyz", "abc XYZ", True),
            (CASEMAP, "ä", "Ä", False),
            (CASEMAP, "äB", "äb", True),
            (CASEMAP, "İ", "i", False),
            (CASEMAP, "\u212a", "k", False),
            (UNICODE, "ä", "Ä", True),
            (UNICODE, "a\u0308", "Ä", True),
            (UNICODE, "ﬁ", "FI", False),
            (NUMERIC, "12", "012", True),
            (NUMERIC, "12", "12 apples", True),
            (NUMERIC, "1", "2", False),
            (NUMERIC, "", "x", True),
            (NUMERIC, "-1", "x", True),
            (NUMERIC, "9" * 10_000, "0" + "9" * 10_000, True),
        ):
            self.assertEqual(
                self.equal(comparator, one, other), expected, (comparator.name, one, other)
            )

    def test_order(self) -> None:
        for comparator, one, other in (
            (NUMERIC, "9", "10"),
            (NUMERIC, "09", "10"),
            (NUMERIC, "9" * 5000, "x"),
            (OCTET, "B", "a"),
            (OCTET, "\uffff", "\U00010000"),
            (CASEMAP, "a", "B"),
            (CASEMAP, "Z", "_"),
            (UNICODE, "ä", "B"),
        ):
            self.assertLess(comparator.order(one), comparator.order(other), (comparator.name, one))

    @settings(deadline=None)
    @given(st.text())
    def test_lower(self, text: str) -> None:
        """Only A to Z, and nothing changes its place."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        expected = "".join(one.lower() if "A" <= one <= "Z" else one for one in text)
        self.assertEqual(ascii_lower(text), expected)


class InScripts(SynchronousTestCase):
    def test_table(self) -> None:
        octets = "Subject: ÄPFEL and Birnen\r\nX-Number: 0010 apples\r\n\r\n".encode()
        for test, expected in (
            ('header :is :comparator "i;octet" "subject" "ÄPFEL and Birnen"', True),
            ('header :is :comparator "i;octet" "subject" "äpfel and birnen"', False),
            ('header :contains :comparator "i;octet" "subject" "birnen"', False),
            ('header :contains "subject" "BIRNEN"', True),
            ('header :contains "subject" "äpfel"', False),
            ('header :contains :comparator "i;unicode-casemap" "subject" "äpfel"', True),
            ('header :matches :comparator "i;unicode-casemap" "subject" "ä* AND *"', True),
            ('header :is :comparator "i;ascii-numeric" "x-number" "10"', True),
            ('header :is :comparator "i;ascii-numeric" "x-number" "11"', False),
        ):
            requires = "comparator-i;ascii-numeric comparator-i;unicode-casemap comparator-i;octet"
            self.assertEqual(holds(test, octets, requires), expected, test)

    def test_captures_are_of_the_value(self) -> None:
        """What a wildcard stands for is as it is in the message, also where forms are longer."""
        octets = "Subject: ÄÖ\ufb01 Üx\r\n\r\n".encode()
        test = (
            'allof (header :matches :comparator "i;unicode-casemap" "subject" "*ö* *X", '
            'string :comparator "i;octet" "${0}|${1}|${2}|${3}" "ÄÖ\ufb01 Üx|Ä|\ufb01|Ü")'
        )
        self.assertTrue(holds(test, octets, "variables comparator-i;unicode-casemap"))
