"""G65: new logins wait before running sessions suffer."""

from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.auth.pacing import Pacing
from sora.auth.pressure import FADING, LATE, STEP, Pressure
from sora.errors import Unavailable
from sora.metrics.authentication import PacingMetrics


class PacingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.pressure = ""
        self.registry = CollectorRegistry()
        self.pacing = Pacing(
            self.clock,
            "read",
            most=2,
            pressure=lambda: self.pressure,
            metrics=PacingMetrics(self.registry),
            queue=3,
            patience=20.0,
        )
        self.begun: list[int] = []
        self.ends: dict[int, Deferred[int]] = {}
        self.logins: dict[int, Deferred[int]] = {}

    def come(self, *numbers: int) -> None:
        """Logins come, each of which ends when it is told to."""
        for number in numbers:
            self.ends[number] = Deferred()

            async def work(number: int = number) -> int:
                self.begun.append(number)
                return await self.ends[number]

            self.logins[number] = Deferred.fromCoroutine(self.pacing.run(work))

    def end(self, number: int) -> None:
        self.ends[number].callback(number)
        self.assertEqual(self.successResultOf(self.logins[number]), number)

    def metric(self, name: str) -> Any:
        return self.registry.get_sample_value(f"sora_logins_{name}", {"step": "read"})

    def test_so_many_at_a_time_in_the_order_in_which_they_came(self) -> None:
        self.come(1, 2, 3, 4)
        self.assertEqual(self.begun, [1, 2])
        self.assertEqual((self.metric("running"), self.metric("waiting")), (2, 2))
        self.end(2)
        self.assertEqual(self.begun, [1, 2, 3])
        self.end(1)
        self.end(3)
        self.end(4)
        self.assertEqual((self.metric("running"), self.metric("waiting")), (0, 0))
        self.assertEqual(self.metric("delayed_total"), 2)

    def test_under_pressure_one_and_afterwards_as_many_as_before(self) -> None:
        self.pressure = "turns come late"
        self.come(1, 2, 3)
        self.assertEqual(self.begun, [1])
        self.end(1)
        self.assertEqual(self.begun, [1, 2])
        self.pressure = ""
        self.come(4)  # who comes lets in whoever came before, and does not overtake
        self.assertEqual(self.begun, [1, 2, 3])
        self.end(2)
        self.assertEqual(self.begun, [1, 2, 3, 4])

    def test_the_queue_is_bounded_in_length(self) -> None:
        """G55"""
        self.come(1, 2, 3, 4, 5, 6)
        self.failureResultOf(self.logins[6], Unavailable)
        self.assertEqual(self.metric("refused_total"), 1)
        self.clock.advance(3)
        waiting = self.pacing.waiting
        self.assertEqual((waiting.count, waiting.longest, waiting.refused), (3, 3.0, 3.0))

    def test_and_in_time(self) -> None:
        self.come(1, 2, 3)
        self.clock.advance(20)
        self.failureResultOf(self.logins[3], Unavailable)
        self.end(1)
        self.end(2)
        self.assertEqual(self.begun, [1, 2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_leaves_leaves_the_queue(self) -> None:
        self.come(1, 2, 3, 4)
        self.logins[3].addErrback(lambda _: None)
        self.logins[3].cancel()
        self.end(1)
        self.assertEqual(self.begun, [1, 2, 4])
        self.end(2)
        self.end(4)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_failure_gives_its_turn_back(self) -> None:
        self.come(1, 2, 3)
        self.ends[1].errback(Unavailable())
        self.failureResultOf(self.logins[1], Unavailable)
        self.assertEqual(self.begun, [1, 2, 3])


class LateClock(Clock):
    """One whose turns can come late."""

    def late(self, seconds: float) -> None:
        self.rightNow += seconds


class PressureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = LateClock()
        self.waiting = 0
        self.pressure = Pressure(self.clock, lambda: self.waiting)
        self.pressure.startService()

    def test_a_late_turn_counts_for_a_while(self) -> None:
        self.clock.pump([STEP] * 5)
        self.assertEqual(self.pressure.reason, "")
        self.clock.late(1.0)
        self.clock.advance(STEP)
        self.assertIn("turns of the reactor come 1.0 s late", self.pressure.reason)
        looks = 0
        while self.pressure.reason:
            self.clock.advance(STEP)
            looks += 1
        self.assertLess(1.0 * FADING**looks, LATE)
        self.assertGreater(looks, 3)

    def test_who_waits_for_the_database(self) -> None:
        self.waiting = 4
        self.assertIn("4 wait for one", self.pressure.reason)

    def test_it_ends(self) -> None:
        self.successResultOf(self.pressure.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
