"""Behind PgBouncer in transaction mode: nothing of a statement stays on a server connection."""

import os
import shutil
import signal
import subprocess

from attrs import evolve
from twisted.internet import reactor

from sora.app.processes import choose_account
from sora.deferreds import gather
from sora.errors import Unavailable
from sora.retry import pause
from sora.storage.postgres.connection import Server
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.pool import Limits
from trial_tests.support.postgres import (
    DatabaseTestCase,
    administer,
    temporary_directory,
)
from trial_tests.support.programs import require_program

PORT = 6432  # names the socket's file; nothing listens on the network


class PgBouncerTests(DatabaseTestCase):
    async def behind(self) -> Database:
        """A Database with 8 connections to a PgBouncer that has 2 to PostgreSQL."""
        program = require_program(self, "pgbouncer", "pgbouncer")
        fresh = await self.fresh(migrated=False)
        directory = temporary_directory("sora-test-pgbouncer-")
        self.addCleanup(shutil.rmtree, directory)
        account = choose_account()
        if account.uid is not None and account.gid is not None:
            os.chown(directory, account.uid, account.gid)
        settings = directory / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
{fresh.name} = host={fresh.server.host} port={fresh.server.port} dbname={fresh.name} user=sora
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
logfile = {directory}/log
"""
        )
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [program, settings],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account.run_as(),  # type: ignore[call-overload]
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGKILL)
        while not (directory / f".s.PGSQL.{PORT}").exists():
            self.assertIsNone(process.poll(), "pgbouncer ended")
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        server: Server = evolve(fresh.server, host=str(directory), port=PORT)
        return self.open(server, limits=Limits(minimum=0, maximum=8))

    async def test_limits_do_not_stay_on_the_shared_connections(self) -> None:
        database = await self.behind()

        async def limits(tx: Tx) -> object:
            return await tx.value("SELECT current_setting('statement_timeout')")

        got = await gather(
            *[database.run("in", limits, write=True, timeout=n) for n in range(1, 21)]
        )
        self.assertEqual(got, [f"{n}s" for n in range(1, 21)])
        bare = await database.pool.acquire()
        for _ in range(4):
            answer = await bare.execute("SELECT current_setting('statement_timeout')")
            self.assertEqual(answer.rows, [("0",)])
        database.pool.release(bare)

    async def test_more_clients_than_servers_write_and_transact(self) -> None:
        database = await self.behind()
        await database.run("make", lambda tx: tx.do("CREATE TABLE t (n integer)"), write=True)

        async def two(tx: Tx) -> None:
            await tx.do("INSERT INTO t VALUES (%s)", (1,))
            await tx.do("INSERT INTO t VALUES (%s)", (2,))

        alone = [
            database.run("one", lambda tx: tx.do("INSERT INTO t VALUES (3)"), write=True)
            for _ in range(30)
        ]
        await gather(*alone, *[database.transaction("two", two) for _ in range(10)])
        total = await database.run(
            "count", lambda tx: tx.one("SELECT count(*), sum(n) FROM t"), write=False
        )
        self.assertEqual(total, (50, 120))

    async def test_the_time_limit_strikes_and_the_connection_is_clean(self) -> None:
        database = await self.behind()
        with self.assertRaises(Unavailable):
            await database.run(
                "slow", lambda tx: tx.do("SELECT pg_sleep(9)"), write=True, timeout=0.05
            )
        text = await database.run("text", lambda tx: tx.value("SELECT %s", ("é☃",)), write=False)
        self.assertEqual(text, "é☃")

    async def test_a_server_connection_that_ended_is_survived_by_reads(self) -> None:
        database = await self.behind()
        pid = await database.run("pid", lambda tx: tx.value("SELECT pg_backend_pid()"), write=False)
        administer(f"SELECT pg_terminate_backend({pid}, 5000)")
        self.assertEqual(await database.run("one", lambda tx: tx.value("SELECT 1"), write=False), 1)
