"""Migrations: one runner at a time, safe to kill and repeat (G19)."""

import json
import sys
from itertools import chain
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from sora.deferreds import gather
from sora.errors import Unavailable
from sora.retry import pause
from sora.storage.postgres.migrate import (
    LEASE,
    Migration,
    MigrationFailed,
    Pace,
    load_migrations,
    migrate,
    status,
)
from trial_tests.support.postgres import DatabaseTestCase, FreshDatabase, administer, connector

QUICK = Pace(lease=2.0, poll=0.02, lock=0.2)

FIRST = Migration(1, "first", "CREATE TABLE a (n integer); INSERT INTO a VALUES (1);")
SECOND = Migration(2, "second", "ALTER TABLE a ADD COLUMN m integer;")
INDEX = Migration(
    3,
    "index",
    "-- outside a transaction\n"
    "DROP INDEX CONCURRENTLY IF EXISTS a_n;\nCREATE INDEX CONCURRENTLY a_n ON a (n);\n",
)
SLOW = Migration(2, "slow", "INSERT INTO a VALUES (2); SELECT pg_sleep(60);")


class Runner(ProcessProtocol):
    """`run_migration` in a process."""

    def __init__(self, request: dict[str, object]) -> None:
        self.said = ""
        self.ended: Deferred[str] = Deferred()
        self._request = request

    def connectionMade(self) -> None:
        self.transport.write(json.dumps(self._request).encode())
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self.said += data.decode()

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        if reason.check(ProcessTerminated) and reason.value.signal is None:
            self.ended.errback(AssertionError(self.said))
        else:
            self.ended.callback(self.said)


class MigrateTestCase(DatabaseTestCase):
    async def migrate(
        self, fresh: FreshDatabase, *migrations: Migration, pace: Pace = QUICK
    ) -> list[int]:
        return await migrate(
            connector(fresh.name),
            reactor,  # type: ignore[arg-type]
            uuid4(),
            self.steps.append,
            migrations=migrations,
            pace=pace,
        )

    def setUp(self) -> None:
        self.steps: list[str] = []

    async def rows(self, fresh: FreshDatabase, sql: str) -> list[tuple[object, ...]]:
        connection = await self.connect(fresh.server)
        return (await connection.execute(sql)).rows

    def spawn(
        self, fresh: FreshDatabase, migrations: "list[Migration] | None", lease: float = 2.0
    ) -> Runner:
        given = (
            None
            if migrations is None
            else [[each.version, each.name, each.sql] for each in migrations]
        )
        runner = Runner(
            {
                "host": fresh.server.host,
                "database": fresh.name,
                "lease": lease,
                "migrations": given,
            }
        )
        arguments = [sys.executable, "-m", "trial_tests.support.run_migration"]
        environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
        reactor.spawnProcess(runner, sys.executable, arguments, env=environment)  # type: ignore[attr-defined]
        return runner


class ApplyTests(MigrateTestCase):
    async def test_applies_what_is_missing_in_order_and_once(self) -> None:
        fresh = await self.fresh(migrated=False)
        self.assertEqual(await self.migrate(fresh, FIRST), [1])
        self.assertEqual(await self.migrate(fresh, FIRST, SECOND, INDEX), [2, 3])
        self.assertEqual(await self.migrate(fresh, FIRST, SECOND, INDEX), [])
        self.assertEqual(await self.rows(fresh, "SELECT n, m FROM a"), [(1, None)])
        self.assertEqual(
            self.steps,
            ["Migration 0001 first", "Migration 0002 second", "Migration 0003 index"],
        )

    async def test_a_failed_migration_leaves_nothing_and_names_itself(self) -> None:
        fresh = await self.fresh(migrated=False)
        bad = Migration(2, "bad", "INSERT INTO a VALUES (2); SELECT 1/0;")
        with self.assertRaises(MigrationFailed) as raised:
            await self.migrate(fresh, FIRST, bad)
        self.assertIn("0002 bad: division by zero", str(raised.exception))
        self.assertEqual(await self.rows(fresh, "SELECT n FROM a"), [(1,)])
        self.assertEqual(await self.rows(fresh, "SELECT version FROM migrations"), [(1,)])
        self.assertEqual(await self.rows(fresh, "SELECT name FROM leases"), [])

    async def test_a_newer_nodes_migration_is_accepted(self) -> None:
        """G19: nodes of the version before keep working."""
        fresh = await self.fresh(migrated=False)
        await self.migrate(fresh, FIRST, SECOND)
        self.assertEqual(await self.migrate(fresh, FIRST), [])
        found = await status(connector(fresh.name), [FIRST])
        self.assertEqual((found.applied, found.pending, found.unknown), ([1, 2], [], [2]))

    async def test_a_migration_that_was_changed_is_refused(self) -> None:
        fresh = await self.fresh(migrated=False)
        await self.migrate(fresh, FIRST)
        with self.assertRaises(MigrationFailed) as raised:
            await self.migrate(fresh, Migration(1, "first", "CREATE TABLE b ()"))
        self.assertIn("0001 first", str(raised.exception))

    async def test_the_status_of_an_empty_database(self) -> None:
        fresh = await self.fresh(migrated=False)
        found = await status(connector(fresh.name), [FIRST])
        self.assertEqual((found.applied, found.pending), ([], [FIRST]))
        self.assertEqual(await self.rows(fresh, "SELECT 1 FROM pg_class WHERE relname='a'"), [])

    async def test_a_lock_that_is_held_for_a_while_is_waited_for(self) -> None:
        fresh = await self.fresh(migrated=False)
        await self.migrate(fresh, FIRST)
        holder = await self.connect(fresh.server)
        await holder.execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE")
        migrated = Deferred.fromCoroutine(self.migrate(fresh, FIRST, SECOND))
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            f"AND datname = '{fresh.name}'"
        )
        while not administer(waiting):
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        while administer(waiting):  # the migration's lock_timeout struck
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        await holder.execute("ROLLBACK")
        self.assertEqual(await migrated, [2])

    async def test_the_projects_own_are_numbered_without_gaps(self) -> None:
        versions = [each.version for each in load_migrations()]
        self.assertEqual(versions, list(range(1, len(versions) + 1)))


class TwoRunnersTests(MigrateTestCase):
    async def test_two_runners_at_once_apply_each_migration_once(self) -> None:
        """G19"""
        fresh = await self.fresh(migrated=False)
        several = [FIRST, SECOND, INDEX]
        applied = await gather(*[self.migrate(fresh, *several) for _ in range(4)])
        self.assertEqual(sorted(chain(*applied)), [1, 2, 3])
        self.assertEqual(await self.rows(fresh, "SELECT n FROM a"), [(1,)])

    async def test_two_processes_at_once_make_the_whole_schema_once(self) -> None:
        """G19"""
        fresh = await self.fresh(migrated=False)
        runners = [self.spawn(fresh, None) for _ in range(2)]
        said = await gather(*[runner.ended for runner in runners])
        done = [json.loads(each.rsplit("applied ", 1)[1]) for each in said]
        self.assertEqual(sorted(chain(*done)), [each.version for each in load_migrations()])
        self.assertEqual(await migrate(connector(fresh.name), reactor, uuid4()), [])  # type: ignore[arg-type]

    async def test_a_killed_runner_is_followed_by_the_next(self) -> None:
        """G19: kill -9 in the middle of a migration; nothing of it stays, the lease ends."""
        fresh = await self.fresh(migrated=False)
        runner = self.spawn(fresh, [FIRST, SLOW])
        sleeping = f"SELECT pid FROM pg_stat_activity WHERE datname = '{fresh.name}' AND wait_event = 'PgSleep'"
        while not administer(sleeping):
            await pause(reactor, 0.02)  # type: ignore[arg-type]
        runner.transport.signalProcess("KILL")
        await runner.ended
        holders = await self.rows(fresh, "SELECT name FROM leases")
        self.assertEqual(holders, [(LEASE,)])
        quick = Migration(2, "slow", "INSERT INTO a VALUES (2);")
        self.assertEqual(await self.migrate(fresh, FIRST, quick), [2])
        self.assertEqual(await self.rows(fresh, "SELECT n FROM a ORDER BY n"), [(1,), (2,)])
        self.assertIn("Waiting for another node's migrations", self.steps)

    async def test_a_kill_between_the_statements_of_an_index_is_repeated(self) -> None:
        """G19: what runs outside a transaction is repeatable."""
        fresh = await self.fresh(migrated=False)
        await self.migrate(fresh, FIRST)
        connection = await self.connect(fresh.server)
        await connection.execute("CREATE INDEX CONCURRENTLY a_n ON a (n)")
        self.assertEqual(await self.migrate(fresh, FIRST, SECOND, INDEX), [2, 3])

    async def test_a_long_migration_keeps_its_lease(self) -> None:
        fresh = await self.fresh(migrated=False)
        brief = Pace(lease=0.3, poll=0.02)
        slow = Migration(1, "slow", "CREATE TABLE a (); SELECT pg_sleep(1);")
        applied = await gather(
            self.migrate(fresh, slow, pace=brief), self.migrate(fresh, slow, pace=brief)
        )
        self.assertEqual(sorted(applied), [[], [1]])

    async def test_a_runner_that_lost_its_lease_writes_nothing(self) -> None:
        """G62: fenced in the database."""
        fresh = await self.fresh(migrated=False)
        await self.migrate(fresh, FIRST)
        stealing = Migration(
            2,
            "stolen",
            "INSERT INTO a VALUES (2);"
            f"UPDATE leases SET holder = '{uuid4()}' WHERE name = '{LEASE}';",
        )
        with self.assertRaises(Unavailable):
            await self.migrate(fresh, FIRST, stealing)
        self.assertEqual(await self.rows(fresh, "SELECT n FROM a"), [(1,)])
        self.assertEqual(await self.rows(fresh, "SELECT version FROM migrations"), [(1,)])
