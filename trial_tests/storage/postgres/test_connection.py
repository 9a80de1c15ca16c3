"""One connection: opened or refused in time, closed when nobody knows its state."""

from socket import AF_INET, SOCK_STREAM, socket

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol

from sora.errors import Unavailable
from sora.storage.postgres.connection import Connection, Server, _Wire, connect
from sora.storage.postgres.errors import Lost
from trial_tests.support.postgres import DatabaseTestCase, administer, the_server


class HangsUp(Protocol):
    """A server that ends as soon as it is spoken to."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


def opening(server: Server) -> "Deferred[Connection]":
    return Deferred.fromCoroutine(connect(server, reactor, reactor))  # type: ignore[arg-type]


class OpeningTests(DatabaseTestCase):
    def listening(self) -> Server:
        """A server that takes the connection and says nothing."""
        port = socket(AF_INET, SOCK_STREAM)
        self.addCleanup(port.close)
        port.bind(("127.0.0.1", 0))
        port.listen()
        return Server(host="127.0.0.1", port=port.getsockname()[1], connect_timeout=0.1)

    async def test_a_port_where_nobody_listens_is_named(self) -> None:
        with socket(AF_INET, SOCK_STREAM) as port:
            port.bind(("127.0.0.1", 0))
            number = port.getsockname()[1]
            for host in ("127.0.0.1", "localhost"):
                with self.assertRaises(Unavailable) as raised:
                    await opening(Server(host=host, port=number))
                self.assertIn(f"{host}:{number} cannot be reached", raised.exception.text)

    async def test_a_server_that_says_nothing_is_given_up(self) -> None:
        with self.assertRaises(Unavailable) as raised:
            await opening(self.listening())
        self.assertIn("did not answer within 0.1 s", raised.exception.text)

    async def test_a_caller_who_leaves_closes_what_was_being_opened(self) -> None:
        left = opening(evolve(self.listening(), connect_timeout=60))
        left.cancel()
        with self.assertRaises(CancelledError):
            await left

    async def test_a_database_that_is_not_there_is_named(self) -> None:
        with self.assertRaises(Unavailable) as raised:
            await opening(evolve(the_server(), database="nothing_here"))
        self.assertIn('database "nothing_here" does not exist', raised.exception.text)

    async def test_one_that_was_refused_is_watched_no_longer(self) -> None:
        """libpq has closed its descriptor; the next socket that gets the same number is another's,
        and would never be heard of."""
        port = reactor.listenTCP(0, Factory.forProtocol(HangsUp), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        for server in (
            Server(host="127.0.0.1", port=port.getHost().port),
            evolve(the_server(), database="nothing_here"),
        ):
            with self.assertRaises(Unavailable):
                await opening(server)
            watched = reactor.getReaders()  # type: ignore[attr-defined]
            self.assertEqual([one for one in watched if isinstance(one, _Wire)], [])

    async def test_a_password_is_in_no_text(self) -> None:
        """G69"""
        server = evolve(self.listening(), password="open sesame")
        with self.assertRaises(Unavailable) as raised:
            await opening(server)
        self.assertNotIn("sesame", f"{server!r} {raised.exception}")


class UseTests(DatabaseTestCase):
    async def test_aborting_ends_the_statement_and_the_connection(self) -> None:
        """G13"""
        connection = await self.connect(the_server())
        asked = Deferred.fromCoroutine(connection.execute("SELECT pg_sleep(30)"))
        self.assertFalse(connection.usable)
        connection.abort()
        with self.assertRaises(Lost) as raised:
            await asked
        self.assertTrue(raised.exception.sent)
        self.assertFalse(connection.usable)

    async def test_the_descriptor_of_an_aborted_connection_serves_the_next(self) -> None:
        """Nothing of it is left in the reactor."""
        for _ in range(5):
            connection = await self.connect(the_server())
            asked = Deferred.fromCoroutine(connection.execute("SELECT pg_sleep(30)"))
            connection.abort()
            with self.assertRaises(Lost):
                await asked
        connection = await self.connect(the_server())
        self.assertEqual((await connection.execute("SELECT 1")).rows, [(1,)])

    async def test_cancelling_closes_it(self) -> None:
        """Trap 1: a connection whose statement was cancelled is never used again."""
        connection = await self.connect(the_server())
        asked = Deferred.fromCoroutine(connection.execute("SELECT pg_sleep(30)"))
        asked.cancel()
        with self.assertRaises(CancelledError):
            await asked
        self.assertFalse(connection.usable)
        with self.assertRaises(Lost) as raised:
            await connection.execute("SELECT 1")
        self.assertFalse(raised.exception.sent)

    async def test_an_ended_connection_is_found_before_anything_is_sent(self) -> None:
        connection = await self.connect(the_server())
        administer(f"SELECT pg_terminate_backend({connection.backend_pid}, 5000)")
        with self.assertRaises(Lost) as raised:
            await connection.execute("SELECT 1")
        self.assertFalse(raised.exception.sent)

    async def test_a_notice_while_idle_is_no_end(self) -> None:
        connection = await self.connect(the_server())
        await connection.execute("LISTEN bell")
        administer("NOTIFY bell")
        self.assertTrue(connection.check())
        self.assertEqual((await connection.execute("SELECT 1")).rows, [(1,)])

    async def test_large_statements_and_answers_pass(self) -> None:
        connection = await self.connect(the_server())
        text = "x" * 3_000_000
        answer = await connection.execute("SELECT %s, length(%s)", (text, text))
        self.assertEqual(answer.rows, [(text, 3_000_000)])
