"""PostgreSQL is restarted under a Database: a pause, not an outage."""

import shutil

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from sora.app.postgres_server import CARELESS, PostgresServer
from sora.deferreds import gather
from sora.errors import Unavailable
from sora.retry import Delays
from sora.storage.postgres.pool import Limits
from trial_tests.support.postgres import DatabaseTestCase, temporary_directory


class RestartTests(DatabaseTestCase):
    async def server(self) -> PostgresServer:
        directory = temporary_directory("sora-test-restart-")
        self.addCleanup(shutil.rmtree, directory)
        server = PostgresServer(directory, {**CARELESS, "shared_buffers": "16MB"})
        self.addCleanup(server.stop)
        await deferToThread(server.start)
        return server

    async def test_who_asks_meanwhile_waits_and_is_answered(self) -> None:
        server = await self.server()
        opening = Delays(first=0.05, longest=0.1)
        limits = Limits(minimum=2, maximum=4, acquire_timeout=30, opening=opening)
        database = self.open(server.server(), limits=limits)
        await database.run("make", lambda tx: tx.do("CREATE TABLE t (n integer)"), write=True)
        await deferToThread(server.stop)
        waiting = [
            Deferred.fromCoroutine(
                database.run("insert", lambda tx: tx.do("INSERT INTO t VALUES (1)"), write=True)
            )
            for _ in range(20)
        ]
        await deferToThread(server.start)
        await gather(*waiting)
        total = await database.run(
            "count", lambda tx: tx.value("SELECT count(*) FROM t"), write=False
        )
        self.assertEqual(total, 20)

    async def test_who_asks_while_it_stays_down_hears_why(self) -> None:
        server = await self.server()
        database = self.open(server.server(), limits=Limits(minimum=0, acquire_timeout=0.3))
        await deferToThread(server.stop)
        with self.assertRaises(Unavailable) as raised:
            await database.run("one", lambda tx: tx.value("SELECT 1"), write=False)
        self.assertIn("cannot be reached", raised.exception.text)
