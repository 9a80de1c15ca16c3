"""Any order of what several clients do: each believes what is true (G24 to G30, G16, G39)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.model.machine import InMemory
from trial_tests.model.running import play_lives


class SessionsTests(SynchronousTestCase):
    def test_every_client_believes_what_is_true(self) -> None:
        """About three thousand steps; `trial_tests.model.running` tells how to make it more."""
        play_lives(InMemory, lives=60, steps=50)
        self.assertEqual(self.flushLoggedErrors(), [])
