"""Real clients over a real port: imaplib, STARTTLS, implicit TLS."""

import imaplib
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection
from typing import Any, TypeVar

from OpenSSL.SSL import TLS_METHOD, Context
from OpenSSL.SSL import Connection as TLSConnection
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.storage.rows import NewMailbox
from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import self_signed
from trial_tests.auth.scram_client import ScramClient
from trial_tests.support.messages import sample_messages
from trial_tests.support.transcript import Server

reactor: Any = global_reactor
T = TypeVar("T")


class RealClientTests(TestCase):
    """A server on a free port of the loopback interface."""

    timeout = 60

    async def start(self, implicit_tls: bool = False, **services: Any) -> int:
        files = self_signed(Path(self.mktemp()), "localhost", datetime.now(UTC))
        tls = ServerTLS(files.cert_file, files.key_file)
        self.trust = ssl.create_default_context(cafile=str(files.cert_file))
        if not implicit_tls:
            services["tls"] = tls
        self.server = Server(clock=reactor, **services)
        await self.server.storage.accounts.create(
            parse_address("fred@example.com"), (), (NewMailbox("INBOX"),)
        )
        factory: Any = self.server.factory
        if implicit_tls:
            factory = TLSMemoryBIOFactory(tls, False, factory)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        return int(port.getHost().port)

    def in_thread(self, work: Callable[[], T]) -> "Deferred[T]":
        return deferToThread(work)

    async def test_imaplib(self) -> None:
        port = await self.start()
        messages = sample_messages(40, seed=1)

        def work() -> None:
            client = imaplib.IMAP4("127.0.0.1", port)
            client.login("fred@example.com", "secret")
            for message in messages:
                self.assertEqual(client.append("INBOX", "", None, message)[0], "OK")  # type: ignore[arg-type]
            self.assertEqual(client.select("INBOX"), ("OK", [b"40"]))
            _, found = client.fetch("1:*", "(BODY.PEEK[])")
            bodies = [item[1] for item in found if isinstance(item, tuple)]
            # imaplib sends messages with CRLF line ends.
            sent = [imaplib.MapCRLF.sub(imaplib.CRLF, message) for message in messages]
            self.assertEqual(bodies, sent)
            self.assertEqual(client.search(None, "UNSEEN")[1][0].count(b" "), 39)
            self.assertEqual(client.store("1:5", "+FLAGS", "\\Deleted")[0], "OK")
            self.assertEqual(client.expunge()[1], [b"1"] * 5)
            client.create("Archive")
            self.assertEqual(client.copy("1:10", "Archive")[0], "OK")
            self.assertEqual(len(client.list()[1]), 2)
            client.logout()

        await self.in_thread(work)

    async def test_starttls(self) -> None:
        """RFC 3501 §6.2.1: a new reader, and passwords are taken then."""
        port = await self.start(insecure_auth=False)

        def work() -> None:
            client = imaplib.IMAP4("localhost", port)
            self.assertIn("LOGINDISABLED", client.capabilities)
            with self.assertRaises(imaplib.IMAP4.error):
                client.login("fred@example.com", "secret")
            client.starttls(self.trust)
            self.assertIn("AUTH=PLAIN", client.capabilities)
            self.assertNotIn("STARTTLS", client.capabilities)
            client.login("fred@example.com", "secret")
            self.assertEqual(client.noop()[0], "OK")
            client.logout()

        await self.in_thread(work)

    async def test_what_is_pipelined_behind_starttls_is_forgotten(self) -> None:
        """G59: nobody in the middle can put commands before the handshake."""
        port = await self.start()

        def work() -> None:
            with create_connection(("127.0.0.1", port), 10) as plain:
                self.assertIn(b"STARTTLS", plain.recv(1000))
                plain.sendall(b"a STARTTLS\r\nb LOGIN fred@example.com secret\r\n")
                self.assertEqual(plain.recv(1000), b"a OK Begin TLS now\r\n")
                with self.trust.wrap_socket(plain, server_hostname="localhost") as safe:
                    safe.sendall(b"c NOOP\r\n")
                    self.assertEqual(safe.recv(1000), b"c OK NOOP completed\r\n")
                    safe.sendall(b"d SELECT INBOX\r\n")
                    self.assertTrue(safe.recv(1000).startswith(b"d BAD [CLIENTBUG]"))
                    safe.sendall(b"e STARTTLS\r\n")
                    self.assertTrue(safe.recv(1000).startswith(b"e BAD [CLIENTBUG]"))
                    safe.sendall(b"f LOGOUT\r\n")
                    self.assertTrue(safe.recv(1000).startswith(b"* BYE"))

        await self.in_thread(work)

    async def test_scram_with_channel_binding(self) -> None:
        """SCRAM-SHA-256-PLUS (RFC 5802 §6, RFC 9266): bound to another connection, nobody gets
        in."""
        port = await self.start(implicit_tls=True, insecure_auth=False)

        def log_in(is_bound: bool) -> bytes:
            with create_connection(("127.0.0.1", port), 10) as connection:
                connection.setblocking(True)
                safe = TLSConnection(Context(TLS_METHOD), connection)
                safe.set_connect_state()
                safe.do_handshake()
                self.assertIn(b" AUTH=SCRAM-SHA-256-PLUS ", safe.recv(4000))
                scram = ScramClient("fred", "secret", header="p=tls-exporter,,")
                scram.bound = bytes(32)
                if is_bound:
                    scram.bound = safe.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
                first = b64encode(scram.first())
                safe.sendall(b"a AUTHENTICATE SCRAM-SHA-256-PLUS %b\r\n" % first)
                challenge = b64decode(safe.recv(4000).removeprefix(b"+ "))
                safe.sendall(b64encode(scram.final(challenge)) + b"\r\n")
                said: bytes = safe.recv(4000)
                if is_bound:
                    self.assertEqual(said, b"+ " + b64encode(scram.server) + b"\r\n")
                    safe.sendall(b"\r\n")
                    said = safe.recv(4000)
                return said

        def work() -> None:
            self.assertTrue(log_in(True).startswith(b"a OK [CAPABILITY "))
            self.assertTrue(log_in(False).startswith(b"a NO [AUTHENTICATIONFAILED] "))

        await self.in_thread(work)

    async def test_implicit_tls_and_idle(self) -> None:
        port = await self.start(implicit_tls=True, insecure_auth=False)

        def work() -> None:
            client = imaplib.IMAP4_SSL("localhost", port, ssl_context=self.trust)
            client.login("fred@example.com", "secret")
            client.select("INBOX")
            client.send(b"x IDLE\r\n")
            self.assertEqual(client.readline(), b"+ idling\r\n")
            other = imaplib.IMAP4_SSL("localhost", port, ssl_context=self.trust)
            other.login("fred@example.com", "secret")
            other.append("INBOX", "", None, b"Subject: hi\r\n\r\n")  # type: ignore[arg-type]
            self.assertEqual(client.readline(), b"* 1 EXISTS\r\n")
            client.readline()
            client.send(b"DONE\r\n")
            self.assertEqual(client.readline(), b"x OK IDLE completed\r\n")
            other.logout()
            client.logout()

        await self.in_thread(work)
