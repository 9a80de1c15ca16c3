"""environment (RFC 5183)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import holds

ITEMS = {"domain": "example.com", "remote-host": "", "location": "MDA"}


class Environment(SynchronousTestCase):
    def test_table(self) -> None:
        numeric = ':comparator "i;ascii-numeric"'
        for test, expected in (
            ('environment "domain" "EXAMPLE.com"', True),
            ('environment :matches "Domain" "*.com"', True),
            ('environment "name" "Sora"', True),
            ('environment "location" "MDA"', True),
            ('environment "phase" "during"', True),
            # An item that does not exist fails whatever is asked of it.
            ('environment :contains "item" ""', False),
            (f'environment :count "eq" {numeric} "item" "0"', False),
            ('environment :contains "remote-host" ""', True),
            (f'environment :count "eq" {numeric} "remote-host" "0"', True),
            (f'environment :count "eq" {numeric} "domain" "1"', True),
        ):
            requires = "environment relational comparator-i;ascii-numeric"
            self.assertEqual(holds(test, requires=requires, environment=ITEMS), expected, test)
