"""Another server becomes the primary, and whoever uses the database goes there by himself."""

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from sora.breaker import State
from sora.deferreds import gather
from sora.errors import OutcomeUnknown, Unavailable
from sora.retry import pause
from sora.storage.postgres.database import Database, Timing, Tx
from sora.storage.postgres.endpoints import Endpoints
from sora.storage.postgres.pool import Limits
from trial_tests.support.postgres import DatabaseTestCase
from trial_tests.support.replication import ReplicatedServer, replicated

INSERT = "INSERT INTO t (n) VALUES (%s)"


class FailoverTests(DatabaseTestCase):
    timeout = 120

    def on(self, *servers: ReplicatedServer, statement: float = 30.0) -> Database:
        """A Database that knows all of them."""
        where = Endpoints([server.tcp() for server in servers], interval=0.2)
        limits = Limits(minimum=1, maximum=8, acquire_timeout=5)
        return self.open(where, limits=limits, timing=Timing(statement=statement, margin=0.5))

    async def insert(self, database: Database, n: int) -> str:
        """`ok`, `no` (it did not happen) or `unknown`."""

        async def work(tx: Tx) -> None:
            await tx.do(INSERT, (n,))

        try:
            await database.run("insert", work, write=True)
        except OutcomeUnknown:
            return "unknown"
        except Unavailable:
            return "no"
        return "ok"

    async def numbers(self, database: Database) -> list[int]:
        rows = await database.run(
            "all", lambda tx: tx.all("SELECT n FROM t ORDER BY n"), write=False
        )
        return [row[0] for row in rows]

    def told(self, database: Database) -> dict[str, float]:
        """What the metrics say of the breaker."""
        (metric,) = database.metrics.breaker.collect()
        return {sample.labels["state"]: sample.value for sample in metric.samples}

    async def until_written(self, database: Database, n: int) -> None:
        while await self.insert(database, n) != "ok":
            await pause(reactor, 0.05)  # type: ignore[arg-type]

    async def test_the_primary_dies_and_its_replica_takes_over(self) -> None:
        """G21: nothing acknowledged is lost, and the old primary is never written to again, though
        it comes back as one."""
        servers = replicated(self, synchronous=True)
        primary, replica = servers.primary, servers.replicas[0]
        primary.administer("CREATE TABLE t (n integer)", "sora")
        # Named in the wrong order: the replica is not taken for the primary.
        database = self.on(replica, primary)
        self.assertEqual([await self.insert(database, n) for n in range(3)], ["ok"] * 3)
        assert database.hosts is not None
        self.assertEqual(database.hosts.present.host, primary.host)

        wanted = [Deferred.fromCoroutine(self.insert(database, n)) for n in range(3, 60)]
        primary.kill()
        outcomes = dict(zip(range(3, 60), await gather(*wanted), strict=True))
        replica.promote()
        await self.until_written(database, 100)
        self.assertEqual(database.hosts.present.host, replica.host)
        there = await self.numbers(database)
        self.assertEqual(len(there), len(set(there)), "written twice")
        self.assertEqual([n for n, said in outcomes.items() if said == "ok" and n not in there], [])
        self.assertEqual([n for n, said in outcomes.items() if said == "no" and n in there], [])

        # It comes back, and does not know that it was left behind.
        primary.set_before_start("synchronous_standby_names = ''")
        primary.start()
        await self.until_written(database, 101)
        replica.stop()
        self.assertEqual(await self.insert(database, 102), "no")
        self.assertNotIn(102, [row[0] for row in primary.administer("SELECT n FROM t", "sora")])

    async def test_a_paused_primary_is_waited_for_within_bounds_and_then_left(self) -> None:
        """G11, G23: whoever waits has an answer in time, and the breaker closes by itself."""
        servers = replicated(self)
        primary, replica = servers.primary, servers.replicas[0]
        primary.administer("CREATE TABLE t (n integer)", "sora")
        replica.wait_for(primary)
        database = self.on(primary, replica, statement=1.0)
        self.assertEqual(await self.insert(database, 0), "ok")
        primary.pause()
        while database.breaker.state is State.CLOSED:
            self.assertNotEqual(await self.insert(database, 1), "ok")
        with self.assertRaises(Unavailable) as raised:
            await database.run("one", lambda tx: tx.value("SELECT 1"), write=False)
        self.assertIn("circuit breaker", raised.exception.text)
        self.assertEqual(self.told(database), {"closed": 0, "open": 1, "half-open": 0})

        # The same one answers again.
        primary.resume()
        await self.until_written(database, 2)
        self.assertEqual(database.breaker.state, State.CLOSED)
        self.assertEqual(self.told(database), {"closed": 1, "open": 0, "half-open": 0})

        # It hangs again, with statements under way; another one is promoted.
        replica.wait_for(primary)
        under_way = Deferred.fromCoroutine(
            database.run("slow", lambda tx: tx.value("SELECT pg_sleep(60)"), write=True, timeout=90)
        )
        await pause(reactor, 0.1)  # type: ignore[arg-type]
        primary.pause()
        await deferToThread(replica.promote)
        with self.assertRaises(OutcomeUnknown):  # at once, not after 90 s
            await under_way
        await self.until_written(database, 3)
        assert database.hosts is not None
        self.assertEqual(database.hosts.present.host, replica.host)
        # The old one wakes up, and believes what it always did.
        primary.resume()
        await self.until_written(database, 4)
        self.assertNotIn(4, [row[0] for row in primary.administer("SELECT n FROM t", "sora")])

    async def test_a_demoted_primary_is_left(self) -> None:
        """G21: connections to a server that became a replica are thrown away."""
        servers = replicated(self)
        primary, replica = servers.primary, servers.replicas[0]
        primary.administer("CREATE TABLE t (n integer)", "sora")
        replica.wait_for(primary)
        database = self.on(primary, replica)
        self.assertEqual(await self.insert(database, 0), "ok")
        primary.stop()
        replica.promote()
        primary.become_replica_of(replica)
        await self.until_written(database, 1)
        self.assertEqual(replica.value("SELECT max(n) FROM t", "sora"), 1)

    async def test_without_a_primary_each_host_is_told_of(self) -> None:
        servers = replicated(self)
        database = self.open(
            Endpoints([servers.replicas[0].tcp(), evolve(servers.primary.tcp(), port=1)]),
            limits=Limits(minimum=0, maximum=2, acquire_timeout=0.5),
        )
        with self.assertRaises(Unavailable) as raised:
            await database.run("one", lambda tx: tx.value("SELECT 1"), write=False)
        self.assertIn("No host of the database is its primary now", raised.exception.text)
        self.assertIn(f"{servers.replicas[0].host}:5432 is a replica", raised.exception.text)
        self.assertIn(f"{servers.primary.host}:1 cannot be reached", raised.exception.text)
