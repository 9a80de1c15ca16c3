"""Database on a real PostgreSQL: what each failure means."""

import contextlib

import psycopg2
from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred

from sora.deferreds import gather
from sora.errors import BadArgument, NoSuchMailbox, OutcomeUnknown, Unavailable
from sora.retry import Delays, pause
from sora.storage.postgres.connection import Server
from sora.storage.postgres.database import Database, Timing, Tx
from sora.storage.postgres.errors import StatementFailed
from sora.storage.postgres.pool import Limits
from trial_tests.support.postgres import DatabaseTestCase, LoseAnswer, administer, the_server

ONE = Limits(minimum=0, maximum=1)


async def count(database: Database) -> int:
    return int(
        await database.run("count", lambda tx: tx.value("SELECT count(*) FROM t"), write=False)
    )


def insert(database: Database, name: str = "insert") -> "Deferred[int]":
    return Deferred.fromCoroutine(
        database.run(name, lambda tx: tx.do("INSERT INTO t VALUES (1)"), write=True)
    )


class TableTestCase(DatabaseTestCase):
    async def with_table(self, **how: object) -> Database:
        database = await self.new_database(migrated=False, **how)  # type: ignore[arg-type]
        await database.run("make", lambda tx: tx.do("CREATE TABLE t (n integer)"), write=True)
        return database

    async def until_active(self, text: str) -> int:
        """The process id of the server's side that runs a statement with this text."""
        while True:
            found = administer(
                "SELECT pid FROM pg_stat_activity WHERE state = 'active' "
                f"AND pid <> pg_backend_pid() AND query LIKE '%{text}%'"
            )
            if found:
                return int(found[0][0])
            await pause(reactor, 0.01)  # type: ignore[arg-type]


class StatementTests(TableTestCase):
    async def test_the_last_result_of_one_message_is_returned(self) -> None:
        """The time limits travel in front of the statement, in the same round trip."""
        database = await self.new_database(migrated=False)

        async def work(tx: Tx) -> object:
            return await tx.one(
                "SELECT %s, current_setting('statement_timeout'), current_setting('lock_timeout')",
                ("x",),
            )

        got = await database.run("probe", work, write=True, timeout=2)
        self.assertEqual(got, ("x", "2s", "2s"))
        after = await database.run("probe", lambda tx: tx.value("SHOW lock_timeout"), write=False)
        self.assertEqual(after, "0")
        self.assertEqual(database.statements["probe"], 2)

    async def test_the_verbs(self) -> None:
        database = await self.with_table()

        async def work(tx: Tx) -> list[object]:
            return [
                await tx.do("INSERT INTO t SELECT generate_series(1, 3)"),
                await tx.all("SELECT n FROM t ORDER BY n"),
                await tx.one("SELECT n FROM t WHERE n = %(n)s", {"n": 2}),
                await tx.one("SELECT n FROM t WHERE n = 9"),
                await tx.value("SELECT sum(n) FROM t"),
                await tx.value("SELECT n FROM t WHERE n = 9"),
                await tx.value("SELECT '100%'"),
            ]

        self.assertEqual(
            await database.run("verbs", work, write=True),
            [3, [(1,), (2,), (3,)], (2,), None, 6, None, "100%"],
        )

    async def test_several_statements_of_one_message_are_one_transaction(self) -> None:
        database = await self.with_table()
        with self.assertRaises(StatementFailed):
            await database.run(
                "both", lambda tx: tx.do("INSERT INTO t VALUES (1); SELECT 1/0"), write=True
            )
        self.assertEqual(await count(database), 0)

    async def test_a_text_with_nul_is_a_bad_argument(self) -> None:
        database = await self.with_table(limits=ONE)
        for text in ("a\0b", "\ud800"):
            with self.assertRaises(BadArgument):
                await database.run(
                    "nul", lambda tx, text=text: tx.value("SELECT %s", (text,)), write=True
                )
        self.assertEqual(await count(database), 0)
        self.assertEqual(database.statements["nul"], 2)

    async def test_more_work_than_connections_waits_its_turn(self) -> None:
        database = await self.with_table(limits=Limits(minimum=0, maximum=3))
        await gather(*[insert(database) for _ in range(50)])
        self.assertEqual(await count(database), 50)
        self.assertLessEqual(database.pool.size, 3)


class TimeLimitTests(TableTestCase):
    async def test_the_servers_time_limit_is_a_temporary_error_not_a_cancellation(self) -> None:
        database = await self.with_table(limits=ONE)
        with self.assertRaises(Unavailable) as raised:
            await database.run(
                "slow",
                lambda tx: tx.do("INSERT INTO t SELECT 1 FROM pg_sleep(30)"),
                write=True,
                timeout=0.05,
            )
        self.assertNotIsInstance(raised.exception, OutcomeUnknown)
        self.assertEqual(await count(database), 0)

    async def test_a_lock_that_is_held_is_a_temporary_error(self) -> None:
        database = await self.with_table(timing=Timing(lock=0.05))
        holder = await self.connect(await self.address(database))
        await holder.execute("BEGIN; LOCK TABLE t")
        with self.assertRaises(Unavailable):
            await insert(database)
        await holder.execute("ROLLBACK")
        self.assertEqual(await count(database), 0)

    async def test_a_server_that_never_answers_leaves_a_write_unknown(self) -> None:
        """G14, G13: the connection is discarded, the next statement gets another."""
        database = await self.with_table(limits=ONE, timing=Timing(margin=-29.9))
        with self.assertRaises(OutcomeUnknown):
            await database.run("hang", lambda tx: tx.do("SELECT pg_sleep(1)"), write=True)
        self.assertEqual(await count(database), 0)

    async def test_a_server_that_never_answers_fails_a_read(self) -> None:
        repeats = Delays(first=0.001, longest=0.001, attempts=1)
        database = await self.with_table(timing=Timing(margin=-29.9, repeats=repeats))
        with self.assertRaises(Unavailable) as raised:
            await database.run("hang", lambda tx: tx.do("SELECT pg_sleep(1)"), write=False)
        self.assertNotIsInstance(raised.exception, OutcomeUnknown)
        self.assertEqual(database.statements["hang"], 2)

    async def address(self, database: Database) -> Server:
        name = await database.run(
            "name", lambda tx: tx.value("SELECT current_database()"), write=False
        )
        return evolve(the_server(), database=name)


class ConflictTests(TableTestCase):
    async def test_a_deadlock_is_repeated_until_both_succeed(self) -> None:
        database = await self.with_table()
        await database.run("fill", lambda tx: tx.do("INSERT INTO t VALUES (1), (2)"), write=True)

        def both(first: int, second: int) -> "Deferred[None]":
            async def work(tx: Tx) -> None:
                await tx.do("UPDATE t SET n = n WHERE n = %s", (first,))
                met.append(first)
                while len(met) < 2:
                    await pause(reactor, 0.005)  # type: ignore[arg-type]
                await tx.do("UPDATE t SET n = n WHERE n = %s", (second,))

            return Deferred.fromCoroutine(database.transaction("cross", work))

        met: list[int] = []
        await gather(both(1, 2), both(2, 1))
        self.assertEqual(len(met), 3)
        self.assertEqual(await count(database), 2)

    async def test_a_serialization_failure_is_repeated_alone(self) -> None:
        """The statement failed as a whole, so it is safe to send it again, also a write."""
        database = await self.with_table()
        await database.run("make", lambda tx: tx.do("CREATE SEQUENCE tries"), write=True)
        fails_twice = """
            INSERT INTO t VALUES (7);
            DO $$ BEGIN
                IF nextval('tries') < 3 THEN
                    RAISE EXCEPTION 'conflict' USING ERRCODE = '40001';
                END IF;
            END $$
        """
        await database.run("conflict", lambda tx: tx.do(fails_twice), write=True)
        self.assertEqual(await count(database), 1)
        self.assertEqual(database.statements["conflict"], 3)

    async def test_repeating_ends(self) -> None:
        repeats = Delays(first=0.001, longest=0.001, attempts=2)
        database = await self.with_table(timing=Timing(repeats=repeats))
        always = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$"
        with self.assertRaises(Unavailable):
            await database.run("conflict", lambda tx: tx.do(always), write=True)
        self.assertEqual(database.statements["conflict"], 3)

    async def test_a_primary_that_became_read_only_is_left(self) -> None:
        """G21: every connection is replaced, so that the new primary is found."""
        database = await self.with_table(limits=ONE)
        fresh = await self._name(database)
        administer(f'ALTER DATABASE "{fresh}" SET default_transaction_read_only = on')
        database.pool.reset()
        before = await database.run(
            "pid", lambda tx: tx.value("SELECT pg_backend_pid()"), write=False
        )
        inserted = insert(database)
        while database.statements["insert"] < 1 or database.pool.size:
            await pause(reactor, 0.001)  # type: ignore[arg-type]
        administer(f'ALTER DATABASE "{fresh}" SET default_transaction_read_only = off')
        await inserted
        after = await database.run(
            "pid", lambda tx: tx.value("SELECT pg_backend_pid()"), write=False
        )
        self.assertNotEqual(before, after)
        self.assertEqual(await count(database), 1)

    async def test_a_primary_that_stays_read_only_is_unavailable(self) -> None:
        repeats = Delays(first=0.001, longest=0.001, attempts=1)
        database = await self.with_table(timing=Timing(repeats=repeats))
        name = await self._name(database)
        administer(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        database.pool.reset()
        with self.assertRaises(Unavailable):
            await insert(database)

    async def _name(self, database: Database) -> str:
        return str(
            await database.run(
                "name", lambda tx: tx.value("SELECT current_database()"), write=False
            )
        )


class LostConnectionTests(TableTestCase):
    async def test_an_idle_connection_that_was_ended_is_never_used(self) -> None:
        database = await self.with_table(limits=ONE)
        connection = await database.pool.acquire()
        pid = connection.backend_pid
        database.pool.release(connection)
        administer(f"SELECT pg_terminate_backend({pid}, 5000)")
        await insert(database)
        self.assertEqual(database.statements["insert"], 1)
        self.assertEqual(await count(database), 1)

    async def test_the_reactor_notices_the_end_of_an_idle_connection(self) -> None:
        database = await self.with_table(limits=ONE)
        connection = await database.pool.acquire()
        pid = connection.backend_pid
        database.pool.release(connection)
        administer(f"SELECT pg_terminate_backend({pid}, 5000)")
        while database.pool.size:
            await pause(reactor, 0.005)  # type: ignore[arg-type]
        self.assertFalse(connection.usable)

    async def test_a_read_that_lost_its_connection_is_sent_again(self) -> None:
        database = await self.with_table(limits=ONE)
        slow = "SELECT pg_sleep(CASE WHEN nextval('tries') = 1 THEN 30 ELSE 0 END)"
        await database.run("make", lambda tx: tx.do("CREATE SEQUENCE tries"), write=True)
        read = Deferred.fromCoroutine(database.run("read", lambda tx: tx.do(slow), write=False))
        administer(f"SELECT pg_terminate_backend({await self.until_active('tries')}, 5000)")
        await read
        self.assertEqual(database.statements["read"], 2)

    async def test_a_write_that_lost_its_connection_is_unknown_and_not_repeated(self) -> None:
        """G14"""
        database = await self.with_table(limits=ONE)
        write = Deferred.fromCoroutine(
            database.run(
                "write", lambda tx: tx.do("INSERT INTO t SELECT 1 FROM pg_sleep(30)"), write=True
            )
        )
        administer(f"SELECT pg_terminate_backend({await self.until_active('INSERT')}, 5000)")
        with self.assertRaises(OutcomeUnknown):
            await write
        self.assertEqual(database.statements["write"], 1)
        self.assertEqual(await count(database), 0)

    async def test_a_lost_acknowledgement_is_unknown_though_it_happened(self) -> None:
        """G14"""
        database = await self.with_table(faults=LoseAnswer("insert"), limits=ONE)
        with self.assertRaises(OutcomeUnknown):
            await insert(database)
        self.assertEqual(await count(database), 1)

    async def test_what_was_never_sent_is_sent_again(self) -> None:
        faults = LoseAnswer(before=("insert",), times=2)
        database = await self.with_table(faults=faults, limits=ONE)
        await insert(database)
        self.assertEqual(faults.struck, ["insert", "insert"])
        self.assertEqual(await count(database), 1)

    async def test_after_a_restart_of_everything_the_next_statement_works(self) -> None:
        database = await self.with_table(limits=Limits(minimum=0, maximum=4))
        await gather(*[insert(database) for _ in range(8)])
        administer(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{await self._name(database)}'"
        )
        await gather(*[insert(database) for _ in range(8)])
        self.assertEqual(await count(database), 16)

    async def _name(self, database: Database) -> str:
        return str(
            await database.run(
                "name", lambda tx: tx.value("SELECT current_database()"), write=False
            )
        )


class CancellationTests(TableTestCase):
    async def test_a_caller_who_leaves_does_not_cancel_the_statement(self) -> None:
        """G15, trap 1: it runs to its end, and its connection is clean."""
        database = await self.with_table(limits=ONE)
        left = Deferred.fromCoroutine(
            database.run(
                "left", lambda tx: tx.do("INSERT INTO t SELECT 1 FROM pg_sleep(0.2)"), write=True
            )
        )
        await self.until_active("INSERT")
        connection = next(iter(database.pool._members))
        left.cancel()
        with self.assertRaises(CancelledError):
            await left
        self.assertEqual(await count(database), 1)
        self.assertTrue(connection.usable)
        self.assertEqual(database.pool.size, 1)

    async def test_a_caller_who_leaves_a_transaction_does_not_cancel_it(self) -> None:
        database = await self.with_table(limits=ONE)

        async def work(tx: Tx) -> None:
            await tx.do("INSERT INTO t VALUES (1)")
            await tx.do("SELECT pg_sleep(0.2)")
            await tx.do("INSERT INTO t VALUES (2)")

        left = Deferred.fromCoroutine(database.transaction("left", work))
        await self.until_active("pg_sleep")
        left.cancel()
        with self.assertRaises(CancelledError):
            await left
        self.assertEqual(await count(database), 2)

    async def test_a_caller_who_waits_for_a_connection_leaves_the_queue(self) -> None:
        database = await self.with_table(limits=ONE)
        held = await database.pool.acquire()
        waiting = insert(database)
        waiting.cancel()
        with self.assertRaises(CancelledError):
            await waiting
        self.assertEqual(database.pool.waiting, 0)
        database.pool.release(held)
        self.assertEqual(await count(database), 0)


class TransactionTests(TableTestCase):
    async def test_all_or_nothing(self) -> None:
        database = await self.with_table(limits=ONE)

        async def work(tx: Tx) -> None:
            await tx.do("INSERT INTO t VALUES (1)")
            raise NoSuchMailbox("gone")

        with self.assertRaises(NoSuchMailbox):
            await database.transaction("fails", work)
        self.assertEqual(await count(database), 0)
        self.assertEqual(database.pool.size, 1)

    async def test_a_connection_lost_before_commit_undid_everything_and_is_repeated(self) -> None:
        database = await self.with_table(limits=ONE)
        calls = []

        async def work(tx: Tx) -> int:
            calls.append(1)
            await tx.do("INSERT INTO t VALUES (1)")
            if len(calls) == 1:
                pid = await tx.value("SELECT pg_backend_pid()")
                administer(f"SELECT pg_terminate_backend({pid}, 5000)")
            return await tx.do("INSERT INTO t VALUES (2)")

        await database.transaction("twice", work)
        self.assertEqual(len(calls), 2)
        self.assertEqual(await count(database), 2)

    async def test_a_lost_acknowledgement_of_commit_is_unknown(self) -> None:
        """G14"""

        class LoseCommit(LoseAnswer):
            def after(self, name: str, sql: str) -> bool:
                return sql == "COMMIT" and super().after(name, sql)

        database = await self.with_table(faults=LoseCommit("insert"), limits=ONE)
        with self.assertRaises(OutcomeUnknown):
            await database.transaction("insert", lambda tx: tx.do("INSERT INTO t VALUES (1)"))
        self.assertEqual(await count(database), 1)

    async def test_an_error_that_was_swallowed_is_not_taken_for_success(self) -> None:
        database = await self.with_table(limits=ONE)

        async def work(tx: Tx) -> None:
            await tx.do("INSERT INTO t VALUES (1)")
            with contextlib.suppress(psycopg2.Error):
                await tx.do("SELECT 1/0")

        with self.assertRaises(AssertionError):
            await database.transaction("swallows", work)
        self.assertEqual(await count(database), 0)


class MetricsTests(TableTestCase):
    async def test_statements_are_counted_by_operation_and_outcome(self) -> None:
        registry = CollectorRegistry()
        database = await self.with_table(faults=LoseAnswer("insert"), registry=registry)
        with self.assertRaises(OutcomeUnknown):
            await insert(database)
        await insert(database)
        with self.assertRaises(StatementFailed):
            await database.run("bad", lambda tx: tx.do("SELECT 1/0"), write=False)

        def counted(operation: str, status: str) -> float | None:
            labels = {"operation": operation, "status": status, "role": "primary"}
            return registry.get_sample_value("sora_db_queries_total", labels)

        self.assertEqual(counted("insert", "ok"), 2)
        self.assertEqual(counted("bad", "error"), 1)
        labels = {"operation": "insert", "role": "primary"}
        name = "sora_db_query_duration_seconds_count"
        self.assertEqual(registry.get_sample_value(name, labels), 2)
