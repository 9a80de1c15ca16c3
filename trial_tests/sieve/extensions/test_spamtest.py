"""spamtest, spamtestplus and virustest: RFC 5235."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.extensions.spamtest import Score
from trial_tests.sieve.filters import errors_of, holds, ran

SPAM = Score("X-Spam-Score", most=10)
STARS = Score("X-Spam-Status", r"score=(-?[0-9.]+)", most=5)
LEVELS = Score("X-Virus", r"[a-z]+", texts={"clean": 0, "suspicious": 0.6, "infected": 1})
REQUIRES = "spamtestplus virustest relational comparator-i;ascii-numeric"


class SpamTests(SynchronousTestCase):
    def spam(self, test: str, field: bytes, score: Score = SPAM) -> bool:
        return holds(test, field + b"\r\n\r\n", REQUIRES, settings={"spamtest": score})

    def test_from_1_to_10(self) -> None:
        """§3.2.1"""
        for value, expected in (
            (b"-3", "1"),
            (b"0", "1"),
            (b"0.9", "1"),
            (b"3.4", "4"),
            (b"5", "5"),
            (b"9.99", "9"),
            (b"10", "10"),
            (b"100", "10"),
            (b"7.5 (bayes)", "7"),
        ):
            test = f'spamtest :comparator "i;ascii-numeric" "{expected}"'
            self.assertTrue(self.spam(test, b"X-Spam-Score: " + value), value)

    def test_percent(self) -> None:
        """§3.2.2"""
        for value, expected in ((b"0", "0"), (b"3.7", "37"), (b"5", "50"), (b"11", "100")):
            test = f'spamtest :percent "{expected}"'
            self.assertTrue(self.spam(test, b"X-Spam-Score: " + value), value)

    def test_not_tested(self) -> None:
        """§3.1, §3.2.1: the value is 0, and so is the count."""
        for field in (b"Subject: x", b"X-Spam-Score: unknown", b"X-Spam-Score:"):
            self.assertTrue(self.spam('spamtest "0"', field), field)
            self.assertTrue(self.spam('spamtest :percent "0"', field), field)
            self.assertTrue(self.spam('spamtest :count "eq" "0"', field), field)
        self.assertTrue(self.spam('spamtest :count "eq" "1"', b"X-Spam-Score: 0"))
        self.assertTrue(holds('spamtest "0"', b"X-Spam-Score: 5\r\n\r\n", REQUIRES))

    def test_patterns(self) -> None:
        field = b"X-Spam-Status: Yes, score=4.2 required=5 tests=x"
        self.assertTrue(self.spam('spamtest :percent "84"', field, STARS))
        self.assertTrue(self.spam('spamtest "0"', b"X-Spam-Status: Yes", STARS))
        self.assertTrue(self.spam('spamtest "0"', b"X-Spam-Status: score=1.2.3", STARS))

    def test_the_first_field_counts(self) -> None:
        """It was added last: nobody who wrote the message can be before it."""
        self.assertTrue(self.spam('spamtest "10"', b"X-Spam-Score: 10\r\nX-Spam-Score: 0"))

    def test_edits_do_not_count(self) -> None:
        outcome = ran(
            'require ["spamtest", "editheader"]; deleteheader "X-Spam-Score";'
            'if spamtest "10" { discard; }',
            b"X-Spam-Score: 10\r\n\r\n",
            settings={"spamtest": SPAM},
        )
        self.assertIsNone(outcome.keep)

    def test_comparisons(self) -> None:
        for relation, key, expected in (("ge", "3", True), ("lt", "37", True), ("gt", "9", False)):
            test = f'spamtest :value "{relation}" :comparator "i;ascii-numeric" "{key}"'
            self.assertIs(self.spam(test, b"X-Spam-Score: 4"), expected)

    def test_wrong_usage(self) -> None:
        for requires, test, expected in (
            ("spamtest", 'spamtest :percent "1"', "':percent' needs: require \"spamtestplus\";"),
            ("spamtest", 'spamtest ["1", "2"]', "must be a string, not a list of strings"),
            ("spamtest", 'virustest "1"', "'virustest' needs: require \"virustest\";"),
            ("virustest", 'virustest :percent "1"', "has no ':percent'"),
        ):
            found = errors_of(f'require "{requires}"; if {test} {{}}')
            self.assertEqual(len(found), 1)
            self.assertIn(expected, found[0])


class VirusTests(SynchronousTestCase):
    def test_from_0_to_5(self) -> None:
        """§3.3"""
        for field, expected in (
            (b"Subject: x", "0"),
            (b"X-Virus: clean", "1"),
            (b"X-Virus: Suspicious", "3"),
            (b"X-Virus: infected with x", "5"),
            (b"X-Virus: something", "0"),
        ):
            test = f'virustest "{expected}"'
            octets = field + b"\r\n\r\n"
            self.assertTrue(holds(test, octets, REQUIRES, settings={"virustest": LEVELS}), field)
