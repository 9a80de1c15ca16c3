"""sora.app.doctor: what it says of a PostgreSQL server's settings, and of who answers where."""

import contextlib
import socket
import threading

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.app.doctor import judge, look_at_schema, look_at_server
from sora.config.database import DatabaseConfig
from sora.config.servers import ServerConfig
from sora.config.units import Endpoint
from sora.errors import Unavailable
from sora.health import Finding, Status
from sora.operations.migrations import MigrationOperations, MigrationRow
from sora.storage.rows import ServerSettings

SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "max_connections": "100",
    "server_encoding": "UTF8",
}


class SettingsTests(SynchronousTestCase):
    """Each danger is named, with what it costs."""

    def judged(self, ahead: float = 0.0, pool: int = 50, **values: str) -> Finding:
        settings = ServerSettings({**SAFE, **values}, ahead)
        return judge(settings, DatabaseConfig(max_conns=pool))

    def test_settings_that_are_safe(self) -> None:
        self.assertEqual(self.judged().status, Status.HEALTHY)
        self.assertEqual(self.judged(synchronous_commit="remote_apply").status, Status.HEALTHY)

    def test_settings_that_lose_mail(self) -> None:
        """G1: what was acknowledged outlives a crash."""
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            found = self.judged(**{name: "off"})
            self.assertEqual(found.status, Status.UNHEALTHY)
            self.assertIn(f"{name} is off", found.text)
            self.assertIn("postgresql.conf", found.remedy)
        self.assertIn("SQL_ASCII", self.judged(server_encoding="SQL_ASCII").text)

    def test_a_database_that_takes_nothing(self) -> None:
        found = self.judged(default_transaction_read_only="on")
        self.assertEqual(found.status, Status.UNHEALTHY)
        self.assertIn("RESET", found.remedy)

    def test_what_only_costs(self) -> None:
        for found, words in (
            (self.judged(ahead=-60), "clocks"),
            (self.judged(autovacuum="off"), "autovacuum"),
            (self.judged(pool=100), "connections"),
        ):
            self.assertEqual(found.status, Status.DEGRADED)
            self.assertIn(words, found.text)


class SchemaTests(SynchronousTestCase):
    """G19: the next version only adds to a schema, so that mail is served meanwhile."""

    def found(self, *states: str) -> Finding:
        rows = [MigrationRow(number, "", state) for number, state in enumerate(states, 1)]

        async def look() -> list[MigrationRow]:
            return rows

        async def apply(say: object) -> list[int]:
            return []

        looking = look_at_schema(MigrationOperations(look, apply))()
        seen: Finding = self.successResultOf(Deferred.fromCoroutine(looking))
        return seen

    def test_one_that_a_newer_version_has_changed(self) -> None:
        found = self.found("applied", "newer")
        self.assertEqual(found.status, Status.DEGRADED)
        self.assertIn("newer version (0002)", found.text)

    def test_what_is_wrong_comes_before_what_is_newer(self) -> None:
        self.assertEqual(self.found("changed", "newer").status, Status.UNHEALTHY)
        self.assertIn("lacks 1", self.found("applied", "pending", "newer").text)
        self.assertEqual(self.found("applied").status, Status.HEALTHY)


class GreetingTests(TestCase):
    """A real socket that says something."""

    async def look(self, kind: str, says: bytes | None) -> Finding:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        if says is None:
            listening.close()
        else:
            self.addCleanup(listening.close)
            threading.Thread(target=self.answer, args=(listening, says), daemon=True).start()
        server = ServerConfig(type=kind, addr=Endpoint("127.0.0.1", port))
        return await look_at_server(evolve(server), reactor)()

    def answer(self, listening: socket.socket, says: bytes) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(says)
                connection.recv(4096)

    def test_each_type_of_server_is_known_by_its_greeting(self) -> "Deferred[None]":
        async def work() -> None:
            for kind, says in (
                ("imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
                ("lmtp", b"220 mail LMTP\r\n"),
                ("pop3", b"+OK ready\r\n"),
                ("managesieve", b'"IMPLEMENTATION" "Sora"\r\n'),
                ("http_api", b"HTTP/1.1 200 OK\r\n\r\n"),
            ):
                self.assertEqual((await self.look(kind, says)).status, Status.HEALTHY, kind)

        return Deferred.fromCoroutine(work())

    def test_another_program_on_the_port_is_shown(self) -> "Deferred[None]":
        async def work() -> None:
            found = await self.look("imap", b"220 postfix ESMTP\r\n")
            self.assertEqual(found.status, Status.UNHEALTHY)
            self.assertIn("'220 postfix ESMTP'", found.text)

        return Deferred.fromCoroutine(work())

    def test_nobody_listens(self) -> "Deferred[None]":
        async def work() -> None:
            with self.assertRaises(Unavailable) as caught:
                await self.look("imap", None)
            self.assertIn("cannot be reached", caught.exception.text)

        return Deferred.fromCoroutine(work())
