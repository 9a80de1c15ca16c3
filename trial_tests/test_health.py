"""sora.health"""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import Unavailable
from sora.health import KEPT, Check, Finding, Health, Status
from sora.metrics.health import HealthMetrics

WELL = Finding(Status.HEALTHY, "all is well")
SLOW = Finding(Status.DEGRADED, "it is slow", "Look at the disk")


class HealthTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.finding = WELL
        self.events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def health(self, *checks: Check) -> Health:
        health = Health(
            checks, clock=self.clock, interval=30.0, metrics=HealthMetrics(self.registry)
        )
        health.startService()
        self.addCleanup(health.stopService)
        return health

    def told(self) -> Check:
        async def look() -> Finding:
            return self.finding

        return Check("disk", look)

    def levels(self) -> list[object]:
        return [one["log_level"] for one in self.events if "component" in one]

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def test_it_looks_when_it_starts_and_then_regularly(self) -> None:
        health = self.health(self.told())
        (disk,) = health.components
        self.assertEqual((disk.finding, disk.checks), (WELL, 1))
        self.clock.pump([10.0] * 6)
        self.assertEqual(disk.checks, 3)
        self.assertEqual(health.status, Status.HEALTHY)
        self.assertEqual(self.levels(), [])

    def test_a_change_is_told_once_with_the_remedy(self) -> None:
        health = self.health(self.told())
        for self.finding in (SLOW, SLOW, WELL, WELL):
            self.clock.advance(30.0)
        self.assertEqual(self.levels(), [LogLevel.warn, LogLevel.info])
        self.assertIn("Look at the disk", str([one.get("remedy") for one in self.events]))
        (disk,) = health.components
        self.assertEqual(
            [one.finding.status for one in disk.changes], ["healthy", "degraded", "healthy"]
        )
        self.assertEqual([one.at for one in disk.changes], [0.0, 30.0, 90.0])
        self.assertEqual(disk.since, 90.0)

    def test_what_cannot_be_reached_is_unhealthy(self) -> None:
        async def look() -> Finding:
            raise Unavailable("The store cannot be reached")

        health = self.health(Check("store", look, remedy="Mend the network"), self.told())
        store, disk = health.components
        self.assertEqual(store.finding.status, Status.UNHEALTHY)
        self.assertEqual(store.finding.text, "The store cannot be reached")
        self.assertEqual(store.finding.remedy, "Mend the network")
        self.assertEqual(disk.finding.status, Status.HEALTHY)
        self.assertEqual(health.status, Status.UNHEALTHY)
        self.assertEqual(self.levels(), [LogLevel.error])
        labels = {"component": "store", "status": "unhealthy"}
        self.assertEqual(self.value("sora_component_health_status", **labels), 1)
        self.assertEqual(self.value("sora_component_health_checks_total", **labels), 1)

    def test_one_that_hangs_is_late_and_is_not_asked_again(self) -> None:
        asked: list[Deferred[Finding]] = []

        async def look() -> Finding:
            asked.append(Deferred())
            return await asked[-1]

        health = self.health(Check("database", look, timeout=5.0))
        self.assertEqual(health.components, [])
        self.clock.advance(5.0)
        (database,) = health.components
        self.assertIn("within 5 seconds", database.finding.text)
        self.clock.pump([25.0, 30.0])
        self.assertEqual((len(asked), database.checks), (1, 3))
        asked[0].callback(WELL)
        self.clock.pump([30.0])
        asked[1].callback(WELL)
        self.assertEqual(database.finding, WELL)

    def test_a_check_that_fails_itself_says_so(self) -> None:
        async def look() -> Finding:
            raise ZeroDivisionError("division by zero")

        health = self.health(Check("sums", look))
        self.assertEqual(health.status, Status.UNHEALTHY)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_what_is_remembered_is_bounded(self) -> None:
        health = self.health(self.told())
        for number in range(200):
            self.finding = SLOW if number % 2 else WELL
            self.clock.advance(30.0)
        self.assertEqual(len(health.components[0].changes), KEPT)


class StandingTests(SynchronousTestCase):
    """Parts that stand on another one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.findings = {"database": WELL, "schema": WELL, "uploads": WELL}
        self.registry = CollectorRegistry()
        self.looked: list[str] = []
        self.events: list[str] = []
        globalLogPublisher.addObserver(self.heard)
        self.addCleanup(globalLogPublisher.removeObserver, self.heard)
        self.health = Health(
            [
                Check("uploads", self.look("uploads"), stands_on="schema"),
                Check("database", self.look("database")),
                Check("schema", self.look("schema"), stands_on="database"),
            ],
            clock=self.clock,
            interval=30.0,
            metrics=HealthMetrics(self.registry),
        )
        self.health.startService()
        self.addCleanup(self.health.stopService)

    def heard(self, event: dict[str, object]) -> None:
        if "component" in event:
            self.events.append(f"{event['component']} {event.get('status', 'healthy')}")

    def look(self, name: str) -> Callable[[], Awaitable[Finding]]:
        async def look() -> Finding:
            self.looked.append(name)
            return self.findings[name]

        return look

    def found(self) -> list[tuple[str, str]]:
        return [(one.finding.status.value, one.finding.follows) for one in self.health.components]

    def turn(self, **findings: Finding) -> list[str]:
        """What is looked at next."""
        self.findings.update(findings)
        self.looked.clear()
        self.clock.advance(30.0)
        return self.looked

    def test_what_a_part_stands_on_is_looked_at_before_it(self) -> None:
        self.assertEqual(self.looked, ["database", "schema", "uploads"])
        self.assertEqual(self.found(), [("healthy", "")] * 3)

    def test_what_stands_on_an_ill_part_is_not_looked_at_and_not_told(self) -> None:
        """Each names the culprit, however far away it is; log and alerts tell of that one alone."""
        gone = Finding(Status.UNHEALTHY, "Connection refused")
        self.assertEqual(self.turn(database=gone), ["database"])
        uploads, database, schema = self.health.components
        self.assertEqual((database.finding, self.health.status), (gone, Status.UNHEALTHY))
        self.assertEqual(
            self.found(),
            [("unhealthy", "database"), ("unhealthy", ""), ("unhealthy", "database")],
        )
        self.assertIn("stands on schema", uploads.finding.text)
        self.assertEqual(uploads.finding.remedy, "Mend database first")
        self.assertEqual((uploads.checks, schema.failures), (2, 1))
        for name, value in (("database", 1), ("schema", 0), ("uploads", 0)):
            labels = {"component": name, "status": "unhealthy"}
            found = self.registry.get_sample_value("sora_component_health_status", labels)
            self.assertEqual(found, value, name)
        self.turn(database=WELL)
        self.assertEqual(self.found(), [("healthy", "")] * 3)
        self.assertEqual(self.events, ["database unhealthy", "database healthy"])

    def test_a_part_that_is_slow_is_stood_on(self) -> None:
        self.assertEqual(len(self.turn(database=SLOW)), 3)
        self.assertEqual(self.found()[2], ("healthy", ""))

    def test_an_illness_of_ones_own_is_told_whatever_was_before(self) -> None:
        gone = Finding(Status.UNHEALTHY, "Connection refused")
        old = Finding(Status.UNHEALTHY, "bodies wait for long")
        self.turn(database=gone)
        self.turn(database=WELL, uploads=old)
        self.turn(database=gone)
        self.turn(database=WELL, uploads=WELL)
        self.assertEqual(
            self.events,
            [
                "database unhealthy",
                "database healthy",
                "uploads unhealthy",
                "database unhealthy",
                "database healthy",
                "uploads healthy",
            ],
        )
        uploads = self.health.components[0]
        self.assertEqual(
            [one.finding.follows for one in uploads.changes], ["", "database", "", "database", ""]
        )

    def test_one_that_is_late_says_what_is_known_of_it(self) -> None:
        known: Finding | None = None

        def hang() -> "Deferred[Finding]":
            return Deferred()

        check = Check("database", hang, timeout=5.0, why_late=lambda: known)
        health = Health(
            [check], clock=self.clock, interval=30.0, metrics=HealthMetrics(CollectorRegistry())
        )
        health.startService()
        self.addCleanup(health.stopService)
        self.clock.advance(5.0)
        self.assertIn("within 5 seconds", health.components[0].finding.text)
        known = Finding(Status.UNHEALTHY, "Connection refused", "Start it")
        self.clock.advance(30.0)
        self.assertEqual(health.components[0].finding, known)
