"""Real clients over a real port: sieve-connect, sievelib, managesieve, and what a man in the middle
would try."""

import os
import ssl
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import managesieve
from OpenSSL.SSL import TLS_METHOD, Context
from OpenSSL.SSL import Connection as TLSConnection
from sievelib.managesieve import Client as SievelibClient
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase

from sora.deferreds import gather
from sora.protocols.managesieve.protocol import ManageSieveConnection, ManageSieveFactory
from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import self_signed
from trial_tests.auth.scram_client import ScramClient
from trial_tests.protocols.managesieve.world import Server, plain
from trial_tests.support.programs import require_program

reactor: Any = global_reactor
T = TypeVar("T")

SCRIPT = 'require ["fileinto"];\r\n\r\nif header :contains "subject" "[work]" {\r\n  fileinto "Work";\r\n}\r\n'


class Entry:
    """A connection's entry in the books, which says when it is gone."""

    def __init__(self) -> None:
        self.left: Deferred[None] = Deferred()

    def identify(self, user: str) -> None:
        """Everybody may."""

    def unidentify(self) -> None:
        """Nobody any more."""

    def leave(self) -> None:
        """It is gone."""
        if not self.left.called:
            self.left.callback(None)


class ClientTests(TestCase):
    """A server on a free port of the loopback interface, which wants TLS."""

    timeout = 60

    async def start(self, implicit_tls: bool = False) -> int:
        directory = TemporaryDirectory(prefix="sora-managesieve-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        files = self_signed(self.directory / "tls", "localhost", datetime.now(UTC))
        self.certificate = files.cert_file
        self.trust = ssl.create_default_context(cafile=str(files.cert_file))
        tls = ServerTLS(files.cert_file, files.key_file)
        self.server = Server(
            clock=reactor, insecure_auth=False, **({} if implicit_tls else {"tls": tls})
        )
        factory: Any = self.server.factory
        made: list[tuple[ManageSieveConnection, Entry]] = []

        def build(address: Any) -> ManageSieveConnection:
            connection = ManageSieveFactory.buildProtocol(self.server.factory, address)
            connection.session = Entry()
            made.append((connection, connection.session))
            return connection

        self.patch(factory, "buildProtocol", build)
        self.addCleanup(self.hang_up, made)
        if implicit_tls:
            factory = TLSMemoryBIOFactory(tls, False, factory)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        return int(port.getHost().port)

    async def hang_up(self, made: "list[tuple[ManageSieveConnection, Entry]]") -> None:
        """Not all clients close what they have opened."""
        for connection, _ in made:
            connection.abort()
        await gather(*(entry.left for _, entry in made))

    def trusting(self, work: Callable[[], T]) -> "Deferred[T]":
        """Do something in a thread, with a trust in the server that all of OpenSSL has."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(self.certificate)

        def restore(result: T) -> T:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before
            return result

        return deferToThread(work).addBoth(restore)

    async def test_sieve_connect(self) -> None:
        """It uploads, checks, activates, lists, downloads and deletes, after STARTTLS."""
        require_program(self, "sieve-connect", "sieve-connect")
        port = await self.start()
        script, wrong = self.directory / "work.sieve", self.directory / "wrong.sieve"
        script.write_bytes(SCRIPT.encode())
        wrong.write_text("keep;\nnono;\n")
        back = self.directory / "back.sieve"

        def run(*words: str, code: int = 0, password: str = "secret") -> str:
            ended = subprocess.run(
                [
                    "sieve-connect",
                    *("--server", "localhost", "--port", str(port), "--4"),
                    *("--user", "fred@example.com", "--passwordfd", "0"),
                    *("--tlscafile", str(self.certificate), *words),
                ],
                input=f"{password}\n",
                capture_output=True,
                text=True,
                timeout=50,
                cwd=self.directory,
            )
            self.assertEqual(ended.returncode, code, ended.stderr)
            return ended.stdout + ended.stderr

        def work() -> None:
            run("--upload", "--localsieve", str(script))
            run("--upload", "--localsieve", str(script), "--remotesieve", "été")
            self.assertIn("line 2, column 1: ", run("--upload", "--localsieve", str(wrong), code=1))
            self.assertIn("line 2, ", run("--checkscript", "--localsieve", str(wrong), code=1))
            run("--checkscript", "--localsieve", str(script))
            run("--activate", "--remotesieve", "work.sieve")
            listed = run("--list")
            self.assertIn('"work.sieve" ACTIVE\n', listed)
            self.assertNotIn("wrong.sieve", listed)
            self.assertIn("(ACTIVE)", run("--delete", "--remotesieve", "work.sieve", code=1))
            run("--download", "--remotesieve", "work.sieve", "--localsieve", str(back))
            self.assertEqual(back.read_text(), SCRIPT.replace("\r\n", "\n"))
            run("--deactivate")
            run("--delete", "--remotesieve", "work.sieve")
            self.assertNotIn("work", run("--list"))
            self.assertIn("not right", run("--list", code=255, password="wrong"))

        await deferToThread(work)

    async def test_sievelib(self) -> None:
        port = await self.start()

        def work() -> None:
            client = SievelibClient("localhost", port)
            self.assertTrue(client.connect("fred@example.com", "secret", starttls=True))
            self.assertEqual(client.get_implementation(), "Sora")
            self.assertIn("fileinto", client.get_sieve_capabilities())
            self.assertTrue(client.havespace("work", 500))
            self.assertFalse(client.havespace("work", 5000))
            self.assertEqual(client.errcode, b"QUOTA/MAXSIZE")
            self.assertTrue(client.putscript("work", SCRIPT))
            self.assertTrue(client.checkscript(SCRIPT))
            self.assertFalse(client.checkscript("nono;\n"))
            self.assertIn(b"line 1, column 1", client.errmsg)
            self.assertTrue(client.setactive("work"))
            self.assertTrue(client.renamescript("work", "play"))
            self.assertTrue(client.putscript("other", "keep;"))
            self.assertEqual(client.listscripts(), ("play", ["other"]))
            self.assertEqual(client.getscript("play"), SCRIPT.replace("\r\n", "\n").rstrip("\n"))
            self.assertFalse(client.deletescript("play"))
            self.assertTrue(client.setactive(""))
            self.assertTrue(client.deletescript("play"))
            client.logout()
            for mechanism in ("PLAIN", "LOGIN"):
                again = SievelibClient("localhost", port)
                self.assertTrue(again.connect("fred", "secret", starttls=True, authmech=mechanism))
                again.logout()
            wrong = SievelibClient("localhost", port)
            self.assertFalse(wrong.connect("fred", "wrong", starttls=True))

        await self.trusting(work)

    async def test_managesieve(self) -> None:
        port = await self.start()

        def work() -> None:
            client = managesieve.MANAGESIEVE("localhost", port, use_tls=True, timeout=30)
            self.assertEqual(client.loginmechs[:2], ["PLAIN", "LOGIN"])
            self.assertEqual(client.login("", "fred@example.com", "secret"), "OK")
            self.assertEqual(client.putscript("work", SCRIPT), "OK")
            self.assertEqual(client.putscript("wrong", "keep;\nnono;\n"), "NO")
            self.assertIn("line 2, column 1: ", client.response_text)
            self.assertEqual(client.setactive("work"), "OK")
            self.assertEqual(client.listscripts(), ("OK", [("work", True)]))
            self.assertEqual(client.getscript("work"), ("OK", SCRIPT))
            self.assertEqual(client.havespace("work", 99999), "NO")
            self.assertEqual(client.response_code, "QUOTA/MAXSIZE")
            self.assertEqual(client.deletescript("work"), "NO")
            self.assertEqual(client.response_code, "ACTIVE")
            self.assertEqual(client.unauthenticate(), "OK")
            self.assertEqual(client.login("", "fred@example.com", "wrong"), "NO")
            self.assertEqual(client.login("", "fred@example.com", "secret"), "OK")
            self.assertEqual(client.logout(), "OK")

        await self.trusting(work)

    async def test_starttls(self) -> None:
        """RFC 5804 §2.2: the capabilities come again, without STARTTLS; and what was pipelined
        before the handshake is forgotten (G59)."""
        port = await self.start()

        def work() -> None:
            with create_connection(("127.0.0.1", port), 10) as connection:
                greeting = until_ok(connection)
                self.assertIn(b'"STARTTLS"\r\n', greeting)
                self.assertIn(b'"SASL" ""\r\n', greeting)
                evil = f'AUTHENTICATE "PLAIN" "{plain("fred")}"\r\n'.encode()
                connection.sendall(b"STARTTLS\r\n" + evil)
                self.assertEqual(connection.recv(1000), b'OK "Begin TLS now"\r\n')
                with self.trust.wrap_socket(connection, server_hostname="localhost") as safe:
                    told = until_ok(safe)
                    self.assertNotIn(b"STARTTLS", told)
                    self.assertIn(b'"SASL" "PLAIN LOGIN', told)
                    safe.sendall(b'NOOP "a"\r\nLISTSCRIPTS\r\nSTARTTLS\r\n')
                    said = b""
                    while said.count(b"\r\n") < 3:
                        said += safe.recv(1000)
                    lines = said.split(b"\r\n")
                    self.assertEqual(lines[0], b'OK (TAG "a") "Done"')
                    self.assertEqual(lines[1], b'NO "LISTSCRIPTS is not allowed before the login"')
                    self.assertTrue(lines[2].startswith(b"NO "))
                    safe.sendall(b"LOGOUT\r\n")
                    self.assertEqual(safe.recv(1000), b'OK "Goodbye"\r\n')
                    self.assertEqual(safe.recv(1000), b"")

        await deferToThread(work)

    async def test_scram_with_channel_binding(self) -> None:
        """SCRAM-SHA-256-PLUS (RFC 5802 §6), of the connection (RFC 9266) and of the certificate;
        a client that is bound to another connection does not get in."""
        port = await self.start(implicit_tls=True)

        def log_in(kind: str, break_it: bool = False) -> bytes:
            with create_connection(("127.0.0.1", port), 10) as connection:
                connection.setblocking(True)
                safe = TLSConnection(Context(TLS_METHOD), connection)
                safe.set_connect_state()
                safe.do_handshake()
                self.assertIn(b"SCRAM-SHA-256-PLUS", until_ok(safe))
                scram = ScramClient("fred", "secret", header=f"p={kind},,")
                if kind == "tls-exporter":
                    scram.bound = safe.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
                else:
                    scram.bound = bytes.fromhex(
                        safe.get_peer_certificate().digest("sha256").decode().replace(":", "")
                    )
                if break_it:
                    scram.bound = bytes(32)
                safe.sendall(
                    b'AUTHENTICATE "SCRAM-SHA-256-PLUS" "%b"\r\n' % b64encode(scram.first())
                )
                challenge = b64decode(safe.recv(1000).strip().strip(b'"'))
                safe.sendall(b'"%b"\r\n' % b64encode(scram.final(challenge)))
                said: bytes = safe.recv(1000)
                if not break_it:
                    self.assertIn(b64encode(scram.server), said)
                return said

        def work() -> None:
            for kind in ("tls-exporter", "tls-server-end-point"):
                self.assertTrue(log_in(kind).startswith(b"OK (SASL "))
                self.assertTrue(log_in(kind, break_it=True).startswith(b"NO "))

        await deferToThread(work)

    async def test_implicit_tls(self) -> None:
        port = await self.start(implicit_tls=True)

        def work() -> None:
            with (
                create_connection(("127.0.0.1", port), 10) as connection,
                self.trust.wrap_socket(connection, server_hostname="localhost") as safe,
            ):
                self.assertNotIn(b"STARTTLS", until_ok(safe))
                safe.sendall(f'AUTHENTICATE "PLAIN" "{plain("fred")}"\r\n'.encode())
                self.assertEqual(safe.recv(1000), b'OK "Logged in"\r\n')
                safe.sendall(b"LOGOUT\r\n")
                self.assertEqual(safe.recv(1000), b'OK "Goodbye"\r\n')

        await deferToThread(work)


def until_ok(connection: Any) -> bytes:
    """What comes, up to the end of a line that begins with OK."""
    said = b""
    while not (said.endswith(b"\r\n") and said.split(b"\r\n")[-2].startswith(b"OK")):
        more = connection.recv(4000)
        assert more, said
        said += more
    return said
