"""Delays grow, are bounded, and are drawn from the upper half of their bound."""

from random import Random

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.retry import Delays, pause


class DelaysTests(SynchronousTestCase):
    def test_bounds_grow_to_the_longest(self) -> None:
        delays = Delays(first=0.5, longest=3.0)
        self.assertEqual([delays.bound(n) for n in range(5)], [0.5, 1.0, 2.0, 3.0, 3.0])

    def test_a_far_attempt_costs_no_more_than_a_near_one(self) -> None:
        self.assertEqual(Delays(first=0.5, longest=3.0).bound(10**9), 3.0)

    def test_delays_lie_in_the_upper_half_and_differ(self) -> None:
        drawn = [Delays(first=8, longest=8).delay(0, Random(seed)) for seed in range(50)]
        self.assertTrue(all(4 <= delay <= 8 for delay in drawn))
        self.assertGreater(len(set(drawn)), 40)

    def test_the_schedule_ends_after_its_attempts(self) -> None:
        schedule = list(Delays(first=1, longest=9, attempts=3).schedule(Random(1)))
        self.assertEqual(len(schedule), 3)


class PauseTests(SynchronousTestCase):
    def test_waits_as_long_as_asked(self) -> None:
        clock = Clock()
        waited = pause(clock, 2)
        clock.advance(1.9)
        self.assertNoResult(waited)
        clock.advance(0.1)
        self.successResultOf(waited)

    def test_cancelling_leaves_no_timer(self) -> None:
        clock = Clock()
        waited = pause(clock, 2)
        waited.cancel()
        self.failureResultOf(waited, CancelledError)
        self.assertEqual(clock.getDelayedCalls(), [])
