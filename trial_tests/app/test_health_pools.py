"""What is found about the database's pools and about bodies, with what to do about it."""

from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.app.health_bodies import REMEMBERED, MissingKeys, look_at_backlog, look_at_s3
from sora.app.health_database import RUNS, look_at_primary, look_at_replica, remedy_of
from sora.app.liveness import DatabaseLiveness
from sora.breaker import Breaker
from sora.deferreds import gather
from sora.errors import Unavailable
from sora.health import Finding, Status
from sora.metrics.database import DatabaseMetrics
from sora.storage.postgres.connection import Connection, Server
from sora.storage.postgres.hosts import Standing
from sora.storage.postgres.pool import Limits, Pool
from sora.storage.postgres.replicas import Marks, Replica
from sora.storage.rows import Backlog
from sora.workers.backlog import BacklogWatch
from trial_tests.mailbox.bodies_world import message
from trial_tests.mailbox.test_copies import ONE, TWO, _TwoStoresTestCase
from trial_tests.support.postgres import DatabaseTestCase


class PrimaryTests(DatabaseTestCase):
    """A pool of one connection."""

    async def test_an_exhausted_pool_is_told_of_for_a_minute(self) -> None:
        """G23. Whoever asks at the same time has the same answer, from one statement."""
        database = await self.new_database(
            limits=Limits(minimum=0, maximum=1, acquire_timeout=0.05)
        )
        clock = reactor
        liveness = DatabaseLiveness(database, clock, 5.0)
        later = 0.0
        look = look_at_primary(database, liveness, lambda: clock.seconds() + later)  # type: ignore[attr-defined]
        first, ready, second = await gather(look(), liveness.is_ready(), look())
        self.assertEqual((first.status, ready, second.status), (Status.HEALTHY, True, first.status))
        self.assertEqual(first.facts["most"], 1)
        self.assertEqual(first.facts["primary"], database.hosts.present.where)  # type: ignore[union-attr]
        self.assertEqual(database.statements["health"], 1)

        taken = await database.pool.acquire()
        with self.assertRaises(Unavailable):
            await database.run("one", lambda tx: tx.value("SELECT 1"), write=False)
        database.pool.release(taken)
        found = await look()
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertIn("All 1 connections of the database pool primary", found.text)
        self.assertIn("max_conns", found.remedy)
        later = 61.0
        self.assertEqual((await look()).status, Status.HEALTHY)

    async def test_a_database_that_is_away_is_not_ready_and_says_why(self) -> None:
        away = Server(host="/nonexistent", user="sora")
        database = self.open(away, limits=Limits(minimum=0, maximum=1, acquire_timeout=0.2))
        liveness = DatabaseLiveness(database, reactor, 5.0)
        self.assertFalse(await liveness.is_ready())
        look = look_at_primary(database, liveness, reactor.seconds)  # type: ignore[attr-defined]
        found = await look()
        self.assertEqual((found.status, found.remedy), (Status.UNHEALTHY, RUNS))
        self.assertIn("/nonexistent", found.text)

    def test_the_mend_follows_from_what_postgresql_says(self) -> None:
        for said, mend in (
            ('FATAL: password authentication failed for user "mail"', "password_file"),
            ('FATAL: role "mail" does not exist', "createuser"),
            ('FATAL: database "mail" does not exist', "createdb"),
            ('FATAL: no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
            ("FATAL: sorry, too many clients already", "max_connections"),
            ('FATAL: too many connections for role "mail"', "CONNECTION LIMIT"),
            ("FATAL: the database system is starting up", "Wait"),
            ("server does not support SSL, but SSL was required", "ssl = on"),
            ("Connection refused", "database status"),
        ):
            self.assertIn(mend, remedy_of(said))


class ReplicaTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        random = Random(1)

        async def refuse() -> Any:
            raise Unavailable("nobody is there")

        pool: Pool[Connection] = Pool(
            refuse,
            Limits(minimum=0, maximum=4),
            clock=self.clock,
            random=random,
            metrics=DatabaseMetrics(CollectorRegistry()),
            role="db2:5432",
        )
        breaker = Breaker("database pool db2:5432", refuse, clock=self.clock, random=random)
        self.replica = Replica(Server("db2"), pool, breaker, 10.0)
        self.addCleanup(lambda: Deferred.fromCoroutine(breaker.stop()))

    def look(self) -> Deferred[Finding]:
        return Deferred.fromCoroutine(look_at_replica(self.replica, self.clock)())  # type: ignore[arg-type]

    def found(self) -> Finding:
        return self.successResultOf(self.look())

    def seen(self, position: int) -> None:
        """At a moment at which the primary has written up to 300."""
        marks = Marks()
        for at, there in ((0.0, 100), (20.0, 300)):
            marks.add(at, Standing(False, there, 1, 7))
        self.replica.seen(Standing(True, position, 1, 7), marks, 20.0)

    def test_the_first_look_is_waited_for(self) -> None:
        looking = self.look()
        self.assertNoResult(looking)
        self.seen(300)
        self.clock.advance(1)
        self.assertEqual(self.successResultOf(looking).status, Status.HEALTHY)

    def test_a_lag_beyond_the_limit(self) -> None:
        self.seen(300)
        self.assertEqual(self.found().status, Status.HEALTHY)
        self.seen(150)
        found = self.found()
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertIn("20.0 s behind, more than max_replica_lag", found.text)
        self.assertIn("database status", found.remedy)
        self.assertEqual(found.facts["lag"], 20.0)

    def test_a_replica_that_is_lost_and_an_open_breaker(self) -> None:
        self.replica.lost("The database at db2:5432 cannot be reached: refused")
        self.assertIn("cannot be reached", self.found().text)
        for _ in range(5):
            self.replica.breaker.failed(Unavailable("refused"))
        found = self.found()
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertRegex(
            found.text, "circuit breaker of the database pool db2:5432 is open: .*refused"
        )

    def test_a_pool_that_is_exhausted(self) -> None:
        self.seen(300)
        self.replica.pool.exhausted_at = self.clock.seconds()
        self.assertIn("All 4 connections", self.found().text)
        self.clock.advance(61)
        self.assertEqual(self.found().status, Status.HEALTHY)


class BodiesTests(SynchronousTestCase):
    def test_a_store_that_is_read_and_not_written(self) -> None:
        well = ("closed", "")
        self.assertEqual(look_at_s3("s3", {"get": well}, {}, "").status, Status.HEALTHY)
        away = {"get": well, "put": ("open", "503 SlowDown"), "delete": ("half-open", "")}
        found = look_at_s3("s3", away, {"delete": "AccessDenied"}, "the clock is wrong")
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertIn("circuit breaker of put, delete is open: 503 SlowDown", found.text)
        self.assertEqual(found.facts["circuit breaker of put"], "open")

    def test_a_store_that_refuses_and_a_clock_that_is_wrong(self) -> None:
        found = look_at_s3("s3", {}, {"delete": "403 AccessDenied"}, "the clock is wrong")
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertEqual(found.text, "The object store s3 refuses to delete: 403 AccessDenied")
        found = look_at_s3("s3", {}, {}, "the clock is wrong")
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertEqual(
            found.text, "The clock is wrong; requests are signed with the store's time"
        )
        self.assertIn("NTP", found.remedy)

    def test_a_backlog_is_asked_for_once(self) -> None:
        """G10: its age is what alarms. What the worker has just asked is not asked again."""
        clock = Clock()
        asked: list[float] = []
        oldest = 5.0

        async def ask() -> Backlog:
            asked.append(clock.seconds())
            return Backlog(3, 300, oldest)

        watch = BacklogWatch(ask, "s3", clock, 900.0, None)
        look = look_at_backlog(watch, "bodies wait", 900.0)

        def found() -> Finding:
            return self.successResultOf(Deferred.fromCoroutine(look()))  # type: ignore[arg-type]

        self.successResultOf(Deferred.fromCoroutine(watch.look()))
        clock.advance(10)
        self.assertEqual((found().status, asked), (Status.HEALTHY, [0.0]))
        clock.advance(40)
        oldest = 901.0
        self.assertEqual((found().status, asked), (Status.DEGRADED, [0.0, 50.0]))
        self.assertIn("3 bodies wait, the oldest for 901 seconds", found().text)
        self.assertIn("uploader status", found().remedy)


class MissingKeysTests(_TwoStoresTestCase):
    async def test_objects_whose_key_is_not_configured(self) -> None:
        """Found by sampling, and remembered for an hour."""
        self.configure(ONE)
        for number in range(5):
            await self.deliver(message(number, 3000))
        clock = Clock()

        def keys(*names: str) -> MissingKeys:
            return MissingKeys(self.world.storage.copies, names, Random(3), clock.seconds)

        self.assertEqual((await keys("one", "two").look()).status, Status.HEALTHY)
        missing = keys(TWO[0])
        while (found := await missing.look()).status is Status.HEALTHY:
            pass  # the sample began after all of the few there are
        self.assertEqual(found.status, Status.UNHEALTHY)
        self.assertIn(f"not configured: {ONE[0]}", found.text)
        self.assertIn("[[s3.encryption_keys]]", found.remedy)
        self.world.storage.tables.contents.clear()
        self.assertEqual((await missing.look()).status, Status.UNHEALTHY)
        clock.advance(REMEMBERED)
        self.assertEqual((await missing.look()).status, Status.HEALTHY)
