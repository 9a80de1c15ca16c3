"""envelope (RFC 5228 §5.4)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.message import Envelope
from trial_tests.sieve.filters import holds

BOTH = Envelope("Tim@Example.com", "elmer+list@ACME.example")
NULL = Envelope("", "elmer@acme.example")


class EnvelopeTests(SynchronousTestCase):
    def test_table(self) -> None:
        numeric = ':comparator "i;ascii-numeric"'
        for test, envelope, expected in (
            ('envelope :all :is "from" "tim@example.com"', BOTH, True),
            ('envelope "FROM" "tim@example.com"', BOTH, True),
            ('envelope :domain "to" "acme.example"', BOTH, True),
            ('envelope :localpart ["from", "to"] "elmer+list"', BOTH, True),
            ('envelope :contains "to" "tim"', BOTH, False),
            # The null reverse-path is the empty string, whatever the address part.
            ('envelope "from" ""', NULL, True),
            ('envelope :domain "from" ""', NULL, True),
            ('envelope :localpart :contains "from" ""', NULL, True),
            ('envelope :is "from" ""', BOTH, False),
            # RFC 5231 §4.2
            (f'envelope :count "eq" {numeric} "from" "0"', NULL, True),
            (f'envelope :count "eq" {numeric} ["from", "to"] "2"', BOTH, True),
            # Source routes are dropped.
            (
                'envelope "from" "tim@example.com"',
                Envelope("@a.example,@b.example:tim@example.com"),
                True,
            ),
        ):
            found = holds(
                test, requires="envelope relational comparator-i;ascii-numeric", envelope=envelope
            )
            self.assertEqual(found, expected, (test, envelope))
