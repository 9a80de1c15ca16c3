"""The embedded PostgreSQL: started, adopted after a crash, stopped."""

import atexit
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from unittest import SkipTest

import psycopg2
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.app.embedded import EmbeddedPostgres
from sora.app.postgres_binaries import PostgresRefused
from sora.app.postgres_server import CARELESS, DURABLE, PostgresServer
from trial_tests.support.postgres import temporary_directory

_pristine: list[Path] = []


def pristine() -> Path:
    """A data directory to copy, made once."""
    if not _pristine:
        directory = temporary_directory("sora-test-embedded-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        server = PostgresServer(directory, CARELESS)
        server.start()
        server.stop()
        _pristine.append(server.data)
    return _pristine[0]


class ServerTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = temporary_directory("sora-test-embedded-")
        self.addCleanup(shutil.rmtree, self.directory)

    def prepare(self) -> None:
        """Put a database there that was made before: initdb is the slow part."""
        subprocess.run(["cp", "-a", pristine(), self.directory / "data"], check=True)

    def server(self, **settings: str) -> PostgresServer:
        server = PostgresServer(self.directory, {**CARELESS, "shared_buffers": "16MB", **settings})
        server.start_timeout = 20
        self.addCleanup(server.stop)
        return server

    def ask(self, server: PostgresServer, sql: str) -> object:
        connection = psycopg2.connect(**server.server().parameters())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def hold(self) -> "tuple[subprocess.Popen[str], int]":
        """A process as Sora's, with its PostgreSQL; and the latter's process id."""
        holder = subprocess.Popen(
            [sys.executable, "-m", "trial_tests.support.hold_postgres", str(self.directory)],
            env={**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(holder.stdout.close)  # type: ignore[union-attr]
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        line = holder.stdout.readline().split()  # type: ignore[union-attr]
        self.assertEqual(line[0], "ready")
        return holder, int(line[1])


class LifeTests(ServerTestCase):
    def test_starts_answers_stops_and_starts_again(self) -> None:
        self.prepare()
        server = self.server()
        server.start()
        self.ask(server, "CREATE TABLE t AS SELECT 7 AS n")
        pid = server.pid
        self.assertIsNotNone(pid)
        server.stop()
        self.assertIsNone(server.pid)
        self.assertRaises(psycopg2.OperationalError, self.ask, server, "SELECT 1")
        server.start()
        self.assertFalse(server.adopted)
        self.assertEqual(self.ask(server, "SELECT n FROM t"), 7)

    def test_is_durable_in_utf8_and_deaf_to_the_network(self) -> None:
        server = PostgresServer(self.directory)
        self.addCleanup(server.stop)
        server.start()
        for name, value in {
            **DURABLE,
            "listen_addresses": "",
            "server_encoding": "UTF8",
            "jit": "off",
        }.items():
            self.assertEqual(self.ask(server, f"SHOW {name}"), value, name)
        self.assertEqual(self.ask(server, "SELECT lower('É')"), "é")
        for path in (server.data, server.socket):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)

    def test_never_runs_as_root(self) -> None:
        self.prepare()
        server = self.server()
        server.start()
        self.assertNotEqual(Path(f"/proc/{server.pid}").stat().st_uid, 0)

    def test_a_path_that_no_socket_can_have_gets_it_elsewhere(self) -> None:
        """One that is too long, and one that would be read as two."""
        above = self.directory
        for name in ("long" * 20, "Mail, new"):
            self.directory = above / name
            self.directory.mkdir()
            self.prepare()
            server = self.server()
            server.start()
            self.addCleanup(shutil.rmtree, server.socket)
            self.assertFalse(server.socket.is_relative_to(self.directory))
            self.assertEqual(self.ask(server, "SELECT 1"), 1)

    def test_a_directory_of_two_names_has_one_socket(self) -> None:
        link = self.directory / "link"
        link.symlink_to(self.directory)
        self.assertEqual(PostgresServer(link).server(), PostgresServer(self.directory).server())

    def test_an_interrupted_initdb_is_begun_again(self) -> None:
        half = self.directory / "data.new"
        half.mkdir()
        (half / "PG_VERSION").write_text("15\n")
        server = self.server()
        server.start()
        self.assertEqual(self.ask(server, "SELECT 1"), 1)
        self.assertFalse(half.exists())


class CrashTests(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.prepare()

    def test_sora_is_killed_and_the_next_one_adopts_the_server(self) -> None:
        holder, pid = self.hold()
        holder.kill()
        holder.wait()
        server = self.server()
        server.start()
        self.assertTrue(server.adopted)
        self.assertEqual(server.pid, pid)
        server.stop()
        self.assertIsNone(server.pid)
        self.assertRaises(psycopg2.OperationalError, self.ask, server, "SELECT 1")

    def test_everything_is_killed_and_the_next_start_recovers(self) -> None:
        holder, pid = self.hold()
        server = self.server()
        self.ask(server, "CREATE TABLE t AS SELECT 7 AS n")
        holder.kill()
        os.kill(pid, signal.SIGKILL)
        holder.wait()
        server.start()
        self.assertFalse(server.adopted)
        self.assertNotEqual(server.pid, pid)
        self.assertEqual(self.ask(server, "SELECT n FROM t"), 7)

    def test_everything_is_killed_while_a_statement_runs(self) -> None:
        """A backend that outlives the postmaster for a moment holds its shared memory."""
        holder, pid = self.hold()
        server = self.server()
        busy = psycopg2.connect(**server.server().parameters())
        self.addCleanup(busy.close)
        with busy.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n integer); INSERT INTO t VALUES (1)")
        os.kill(pid, signal.SIGKILL)
        holder.kill()
        holder.wait()
        server.start()
        self.assertIsNone(self.ask(server, "SELECT to_regclass('t')"))

    def test_a_server_that_does_not_answer_is_stopped_and_replaced(self) -> None:
        holder, pid = self.hold()
        holder.kill()
        holder.wait()
        os.kill(pid, signal.SIGSTOP)
        server = self.server()
        server.start_timeout, server.stop_timeout = 1, 0.2
        try:
            server.start()
        except PostgresRefused:
            server.start_timeout = 20  # slow machine: the first try ran into the short limit
            server.start()
        self.assertFalse(server.adopted)
        self.assertNotEqual(server.pid, pid)
        self.assertEqual(self.ask(server, "SELECT 1"), 1)

    def test_a_stale_file_with_the_id_of_another_process_harms_nobody(self) -> None:
        server = self.server()
        server.start()
        server.stop()
        other = subprocess.Popen(["sleep", "60"], **server.account.run_as())  # type: ignore[call-overload]
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        (server.data / "postmaster.pid").write_text(
            f"{other.pid}\n{server.data}\n{int(time.time())}\n5432\n{server.socket}\n\n\nready\n"
        )
        self.assertIsNone(server.pid)
        server.start()
        self.assertIsNone(other.poll())
        self.assertEqual(self.ask(server, "SELECT 1"), 1)

    def test_garbage_in_the_pid_file_is_no_obstacle(self) -> None:
        server = self.server()
        server.start()
        server.stop()
        (server.data / "postmaster.pid").write_text("\0\0\0")
        server.start()
        self.assertEqual(self.ask(server, "SELECT 1"), 1)


class RefusalTests(ServerTestCase):
    def refused(self, server: PostgresServer) -> str:
        return str(self.assertRaises(PostgresRefused, server.start))

    def test_a_second_sora_on_the_same_directory(self) -> None:
        """It leaves the server of the first one alone, also when it stops."""
        self.prepare()
        holder, pid = self.hold()
        server = PostgresServer(self.directory, CARELESS)
        self.assertIn(f"process {holder.pid}", self.refused(server))
        server.stop()
        self.assertEqual(server.pid, pid)
        self.assertEqual(self.ask(server, "SELECT 1"), 1)
        holder.kill()
        holder.wait()
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)

    def test_a_directory_that_the_account_cannot_enter(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root drops to another account")
        self.directory.chmod(0o700)
        inside = self.directory / "inside"
        said = self.refused(PostgresServer(inside, CARELESS))
        self.assertIn(f"`chmod o+x {self.directory}`", said)
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)

    def test_a_file_where_the_directory_should_be(self) -> None:
        path = self.directory / "file"
        path.write_text("")
        self.assertIn(f"{path} cannot be made", self.refused(PostgresServer(path, CARELESS)))

    def test_a_data_directory_with_something_else_in_it(self) -> None:
        (self.directory / "data").mkdir()
        (self.directory / "data" / "letter").write_text("dear")
        self.assertIn("is not empty", self.refused(PostgresServer(self.directory, CARELESS)))
        self.assertEqual((self.directory / "data" / "letter").read_text(), "dear")

    def test_a_database_of_another_version(self) -> None:
        self.prepare()
        server = self.server()
        server.start()
        server.stop()
        (server.data / "PG_VERSION").write_text("9\n")
        self.assertIn("was made by PostgreSQL 9", self.refused(server))

    def test_a_setting_that_postgresql_refuses_is_told_from_its_log(self) -> None:
        self.prepare()
        self.assertIn("shared_buffers", self.refused(self.server(shared_buffers="much")))


class EmbeddedTests(TestCase):
    async def test_the_reactor_runs_on_while_it_starts(self) -> None:
        directory = temporary_directory("sora-test-embedded-")
        self.addCleanup(shutil.rmtree, directory)
        said: list[str] = []
        embedded = EmbeddedPostgres(directory, settings=CARELESS, say=said.append)
        started = Deferred.fromCoroutine(embedded.start())
        self.assertFalse(started.called)
        server = await started
        connection = psycopg2.connect(**server.parameters())
        connection.close()
        await embedded.stop()
        self.assertEqual(said, ["Preparing a new database", "Starting PostgreSQL"])
        self.assertRaises(psycopg2.OperationalError, psycopg2.connect, **server.parameters())
