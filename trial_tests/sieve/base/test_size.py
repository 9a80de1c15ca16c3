"""`size` (RFC 5228 §5.9)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import holds


class Size(SynchronousTestCase):
    def test_exact(self) -> None:
        """Neither over nor under its own size."""
        octets = b"Subject: x\r\n\r\n".ljust(4000, b"x")
        for test, expected in (
            ("size :over 4000", False),
            ("size :under 4000", False),
            ("size :over 3999", True),
            ("size :under 4001", True),
            ("size :over 0", True),
            ("size :under 1G", True),
        ):
            self.assertEqual(holds(test, octets), expected, test)
