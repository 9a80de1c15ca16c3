"""How well the parts are, over HTTP."""

from prometheus_client import CollectorRegistry

from sora.errors import Unavailable
from sora.health import Check, Finding, Health, Status
from sora.metrics.health import HealthMetrics
from trial_tests.protocols.http.desk import DeskTestCase


class HealthTests(DeskTestCase):
    """What the overview tells."""

    def test_overview(self) -> None:
        """Each part with its remedy, its figures and its history; the whole is as its worst."""

        async def well() -> Finding:
            return Finding(Status.HEALTHY, "It answers", facts={"lag": 0.5})

        async def ill() -> Finding:
            raise Unavailable("It is away")

        self.health = Health(
            [Check("database", well), Check("object store s3", ill, remedy="Look at the network")],
            clock=self.clock,
            interval=30.0,
            metrics=HealthMetrics(CollectorRegistry()),
        )
        self.health.startService()
        self.addCleanup(self.health.stopService)
        answer = self.ask("GET", "/admin/health/overview")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.json["status"], "unhealthy")
        database, store = answer.json["components"]
        self.assertEqual(database["facts"], {"lag": "0.5"})
        self.assertEqual((store["text"], store["remedy"]), ("It is away", "Look at the network"))
        self.assertEqual([one["status"] for one in store["history"]], ["unhealthy"])

    def test_where_nothing_is_looked_at(self) -> None:
        """Nothing is known."""
        answer = self.ask("GET", "/admin/health/overview")
        self.assertEqual(answer.json, {"status": "unknown", "components": []})
