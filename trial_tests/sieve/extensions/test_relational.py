"""relational (RFC 5231)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto
from trial_tests.sieve.filters import holds, ran
from trial_tests.sieve.test_check import warnings_of

MESSAGE = (
    b"received: a\r\nreceived: b\r\nsubject: example\r\n"
    b"to: foo@example.com, baz@example.com\r\ncc: qux@example.com\r\nx-priority: 10\r\n\r\n"
)
NUMERIC = ':comparator "i;ascii-numeric"'


class Relational(SynchronousTestCase):
    def test_examples(self) -> None:
        """RFC 5231 §6"""
        for test, expected in (
            (f'address :count "ge" {NUMERIC} ["to", "cc"] ["3"]', True),
            (
                f'anyof (address :count "ge" {NUMERIC} ["to"] ["3"], '
                f'address :count "ge" {NUMERIC} ["cc"] ["3"])',
                False,
            ),
            (f'header :count "ge" {NUMERIC} ["received"] ["3"]', False),
            (f'header :count "ge" {NUMERIC} ["received", "subject"] ["3"]', True),
            (f'header :count "ge" {NUMERIC} ["to", "cc"] ["3"]', False),
            (f'header :count "eq" {NUMERIC} "x-absent" "0"', True),
        ):
            found = holds(test, MESSAGE, "relational comparator-i;ascii-numeric")
            self.assertEqual(found, expected, test)

    def test_addresses_are_counted_whatever_their_part(self) -> None:
        """RFC 5231 §4.2; what has no domain is none."""
        octets = b"To: a+x@example.com, b@example.com, nodomain\r\n\r\n"
        for part in ("", ":all", ":localpart", ":domain", ":user", ":detail"):
            test = f'address {part} :count "eq" {NUMERIC} "to" "2"'
            requires = "relational subaddress comparator-i;ascii-numeric"
            self.assertTrue(holds(test, octets, requires), part)

    def test_value(self) -> None:
        for relation, key, expected in (
            ("gt", "9", True), ("gt", "10", False), ("ge", "10", True), ("ge", "11", False),
            ("lt", "11", True), ("lt", "10", False), ("le", "10", True), ("le", "9", False),
            ("eq", "010", True), ("eq", "9", False), ("ne", "9", True), ("ne", "10", False),
            ("GT", "9", True), ("gt", "x", False), ("lt", "x", True),
        ):  # fmt: skip
            test = f'header :value "{relation}" {NUMERIC} "x-priority" "{key}"'
            found = holds(test, MESSAGE, "relational comparator-i;ascii-numeric")
            self.assertEqual(found, expected, (relation, key))

    def test_texts(self) -> None:
        """The default comparator orders letters, whatever their case."""
        for relation, key, expected in (
            ("gt", "M", False),
            ("lt", "m", True),
            ("ge", "EXAMPLE", True),
        ):
            test = f'header :value "{relation}" "subject" "{key}"'
            self.assertEqual(holds(test, MESSAGE, "relational"), expected, (relation, key))

    def test_any_pair(self) -> None:
        test = 'address :value "gt" :localpart ["to", "cc"] ["z", "p"]'
        self.assertTrue(holds(test, MESSAGE, "relational"))

    def test_extended_example(self) -> None:
        """RFC 5231 §7"""
        script = f"""
            require ["relational", "comparator-i;ascii-numeric", "fileinto"];
            if header :value "lt" {NUMERIC} ["x-priority"] ["3"] {{ fileinto "Priority"; }}
            elsif address :count "gt" {NUMERIC} ["to"] ["5"] {{ fileinto "SPAM"; }}
            elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] {{ fileinto "From N-Z"; }}
            else {{ fileinto "From A-M"; }}
            if allof (address :count "eq" {NUMERIC} ["to", "cc"] ["1"],
                      address :all :comparator "i;ascii-casemap" ["to", "cc"] ["me@foo.example.com"])
            {{ fileinto "Only me"; }}
        """
        for octets, mailboxes in (
            (b"x-priority: 1\r\n\r\n", ["Priority"]),
            (b"to: a@b.c, a@b.c, a@b.c, a@b.c, a@b.c, a@b.c\r\n\r\n", ["SPAM"]),
            (b"from: zoe@b.c\r\nto: me@foo.example.com\r\n\r\n", ["From N-Z", "Only me"]),
            (b"from: adam@b.c\r\n\r\n", ["From A-M"]),
        ):
            self.assertEqual(ran(script, octets).actions, tuple(map(FileInto, mailboxes)))

    def test_warning(self) -> None:
        self.assertEqual(
            len(warnings_of('require "relational"; if header :count "gt" "a" "1" { }')), 1
        )
        self.assertEqual(warnings_of('require "relational"; if header :count "eq" "a" "1" { }'), [])
