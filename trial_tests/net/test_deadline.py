from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.net.deadline import Deadline


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.rung: list[float] = []
        self.deadline = Deadline(self.clock, self.ring)

    def ring(self) -> None:
        if not self.deadline.rings_later():
            self.rung.append(self.clock.seconds())

    @property
    def timers(self) -> list[float]:
        return [call.getTime() for call in self.clock.getDelayedCalls()]

    def test_rings_when_the_wait_has_lasted(self) -> None:
        self.deadline.set(60)
        self.clock.advance(59)
        self.assertEqual(self.rung, [])
        self.clock.advance(1)
        self.assertEqual((self.rung, self.timers), ([60], []))

    def test_many_waits_have_one_timer(self) -> None:
        """It is set anew when it rings too early."""
        for _ in range(10):
            self.deadline.set(60)
            self.clock.advance(5)
        self.assertEqual(self.timers, [60])
        self.clock.advance(10)
        self.assertEqual((self.rung, self.timers), ([], [105]))
        self.clock.advance(45)
        self.assertEqual(self.rung, [105])

    def test_a_shorter_wait_is_not_rung_too_late(self) -> None:
        self.deadline.set(1800)
        self.deadline.set(10)
        self.assertEqual(self.timers, [10])

    def test_moving_it_leaves_the_timer_alone(self) -> None:
        self.deadline.set(60)
        self.clock.advance(30)
        self.deadline.move(self.deadline.timeout)
        self.assertEqual((self.deadline.moment, self.timers), (90, [60]))
        self.clock.advance(30)
        self.clock.advance(30)
        self.assertEqual(self.rung, [90])

    def test_is_never_behind_the_time_by_which_all_must_end(self) -> None:
        """G59"""
        self.deadline.must_end_by = 100
        self.deadline.set(60)
        self.clock.advance(55)
        self.deadline.move(60)
        self.assertEqual(self.deadline.moment, 100)
        self.clock.advance(45)
        self.assertEqual(self.rung, [100])
        self.deadline.set(60)
        self.assertEqual(self.timers, [100])

    def test_who_waits_no_more_lets_it_ring_in_vain(self) -> None:
        rung: list[float] = []
        deadline = Deadline(self.clock, lambda: rung.append(self.clock.seconds()))
        deadline.set(60)
        self.clock.advance(50)
        deadline.move(60)
        self.clock.advance(10)
        self.assertEqual((rung, self.timers), ([60], []))

    def test_stops(self) -> None:
        self.deadline.stop()
        self.deadline.set(60)
        self.deadline.stop()
        self.deadline.stop()
        self.assertEqual(self.timers, [])
