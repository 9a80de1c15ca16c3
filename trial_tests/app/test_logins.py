"""What health says of logins that wait (G65)."""

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.logins import LATELY, LoginPaces
from sora.auth.pacing import Paces, Pacing
from sora.auth.pressure import Pressure
from sora.errors import Unavailable
from sora.health import Finding, Status
from sora.metrics.authentication import PacingMetrics


class LoginHealthTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.waiting = 0
        pressure = Pressure(self.clock, lambda: self.waiting)
        metrics = PacingMetrics(CollectorRegistry())

        def pacing(step: str) -> Pacing:
            return Pacing(
                self.clock, step, most=1, pressure=lambda: pressure.reason, metrics=metrics
            )

        self.reads, self.hashes = pacing("read"), pacing("hash")
        self.logins = LoginPaces(pressure, Paces(self.reads, self.hashes))
        self.end: Deferred[None] = Deferred()

    def look(self) -> Finding:
        return self.successResultOf(Deferred.fromCoroutine(self.logins.look()))

    def come(self) -> "Deferred[None]":
        async def work() -> None:
            await self.end

        return Deferred.fromCoroutine(self.hashes.run(work))

    def test_it_is_told_when_they_wait_and_no_more_when_they_got_in(self) -> None:
        logins = [self.come() for _ in range(4)]
        self.assertIs(self.look().status, Status.HEALTHY)
        self.waiting = 2
        self.clock.advance(1.5)
        found = self.look()
        self.assertIs(found.status, Status.DEGRADED)
        self.assertIn("3 logins wait, the first for 1.5 seconds: all connections", found.text)
        self.assertIn("[limits] concurrent_logins", found.remedy)
        self.assertEqual((found.facts["waiting"], found.facts["longest"]), (3, 1.5))
        self.end.callback(None)
        for login in logins:
            self.successResultOf(login)
        self.assertIs(self.look().status, Status.HEALTHY)

    def test_who_was_sent_away_is_told_for_a_minute(self) -> None:
        self.come()
        sent_away = self.come()
        self.clock.advance(40)
        self.failureResultOf(sent_away, Unavailable)
        found = self.look()
        self.assertIs(found.status, Status.DEGRADED)
        self.assertIn("come again later", found.text)
        self.clock.advance(LATELY)
        self.assertIs(self.look().status, Status.HEALTHY)
