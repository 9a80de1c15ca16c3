"""TLS and authentication towards the relay: what is verified, and what never goes in the clear."""

import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.ssl import Certificate, DefaultOpenSSLContextFactory, PrivateCertificate

from sora.errors import Unavailable
from sora.relay.smtp_client import Login
from sora.relay.tls import client_tls
from sora.tls.self_signed import self_signed
from trial_tests.relay.smtp_server import ScriptedServer
from trial_tests.relay.test_smtp import BODY, SMTPCase, consignment, fates, reactor


class TLSCase(SMTPCase):
    def setUp(self) -> None:
        self.files = self_signed(Path(self.mktemp()), "relay.example", datetime.now(UTC))

    def server_tls(self, files: Any = None) -> DefaultOpenSSLContextFactory:
        files = files or self.files
        return DefaultOpenSSLContextFactory(
            str(files.key_file), str(files.cert_file), sslmethod=SSL.TLS_METHOD
        )

    def login(self, host: str = "localhost", **changes: Any) -> Login:
        options = {"verify": True, "ca_file": str(self.files.cert_file)}
        tls = client_tls(host, **{**options, **changes.pop("tls", {})})
        return Login("sora.example.com", tls, require_tls=True, **changes)


class StarttlsTests(TLSCase):
    async def test_the_message_goes_over_tls(self) -> None:
        server = await self.server()
        server.tls = self.server_tls()
        transport = self.transport(server, self.login(), host="localhost")
        self.assertEqual(fates(await transport.send(consignment(BODY))), ["sent 250"])
        self.assertEqual(
            [command.split()[0] for command in server.commands[:4]],
            [b"EHLO", b"STARTTLS", b"EHLO", b"MAIL"],
        )

    async def test_a_server_without_it_gets_nothing(self) -> None:
        """Never in the clear, and nothing bounces."""
        server = await self.server()
        transport = self.transport(server, self.login(), host="localhost")
        text = await self.refusal(transport.send(consignment(BODY)))
        self.assertIn("TLS", text)
        self.assertEqual(server.commands, [b"EHLO sora.example.com"])
        server = await self.server(EHLO=[b"502 what?"])
        await self.refusal(self.transport(server, self.login()).send(consignment(BODY)))
        self.assertEqual(server.commands, [b"EHLO sora.example.com"])

    async def test_a_server_that_refuses_it(self) -> None:
        server = await self.server(STARTTLS=[b"454 4.7.0 not now"])
        server.tls = self.server_tls()
        await self.refusal(self.transport(server, self.login()).send(consignment(BODY)))
        self.assertNotIn(b"MAIL", b"".join(server.commands))

    async def test_certificates_that_are_not_right(self) -> None:
        """Of another name, and of nobody who is trusted (RFC 6125)."""
        other = self_signed(Path(self.mktemp()), "x", datetime.now(UTC))
        for login in (
            self.login("other.example"),
            self.login(tls={"ca_file": str(other.cert_file)}),
            self.login(tls={"ca_file": ""}),
        ):
            server = await self.server()
            server.tls = self.server_tls()
            transport = self.transport(server, login, host="localhost")
            text = await self.refusal(transport.send(consignment(BODY)))
            self.assertNotEqual(text, "")
            self.assertEqual(server.messages, [])
            self.flushLoggedErrors()

    async def test_without_verification_anybody_will_do(self) -> None:
        server = await self.server()
        server.tls = self.server_tls()
        login = self.login("other.example", tls={"verify": False})
        await self.transport(server, login).send(consignment(BODY))
        self.assertEqual(len(server.messages), 1)

    async def test_what_comes_before_tls_is_not_believed(self) -> None:
        """RFC 3207 §6: replies that somebody put between STARTTLS and the handshake."""
        server = await self.server()
        server.tls = self.server_tls()
        server.injected = b"\r\n250-evil\r\n250 AUTH PLAIN"
        transport = self.transport(server, self.login(), host="localhost")
        text = await self.refusal(transport.send(consignment(BODY)))
        self.assertIn("between STARTTLS and TLS", text)


class ImplicitTests(TLSCase):
    async def server(self, **replies: list[bytes]) -> ScriptedServer:
        server = ScriptedServer(**replies)
        self.context = self.server_tls()
        server.port = reactor.listenSSL(0, server, self.context, interface="127.0.0.1")
        self.addCleanup(server.port.stopListening)
        return server

    async def test_tls_from_the_first_octet(self) -> None:
        """RFC 8314 §3.3."""
        server = await self.server()
        transport = self.transport(server, self.login(), host="localhost", implicit_tls=True)
        self.assertEqual(fates(await transport.send(consignment(BODY))), ["sent 250"])
        self.assertEqual(server.commands[0], b"EHLO sora.example.com")
        await transport.stop()
        for connection in list(server.open):
            connection.transport.abortConnection()

    async def test_our_certificate_is_shown(self) -> None:
        server = await self.server()
        seen: list[bytes] = []

        def verify(connection: Any, certificate: Any, *rest: Any) -> bool:
            seen.append(Certificate(certificate).digest())
            return True

        context = self.context.getContext()
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        own = self_signed(Path(self.mktemp()), "sora", datetime.now(UTC))
        files = {"cert_file": str(own.cert_file), "key_file": str(own.key_file)}
        for verified in (True, False):
            login = self.login(tls={**files, "verify": verified})
            transport = self.transport(server, login, host="localhost", implicit_tls=True)
            await transport.send(consignment(BODY))
            await transport.stop()
        pem = own.cert_file.read_bytes() + own.key_file.read_bytes()
        self.assertIn(PrivateCertificate.loadPEM(pem).digest(), seen)
        self.assertEqual(len(server.messages), 2)
        for connection in list(server.open):
            connection.transport.abortConnection()

    def test_files_that_cannot_be_used(self) -> None:
        for files in ({"cert_file": "/nonexistent"}, {"cert_file": str(self.files.key_file)}):
            self.assertRaises(Unavailable, client_tls, "localhost", verify=True, **files)
        self.assertRaises(
            Unavailable, client_tls, "localhost", verify=True, ca_file="/nonexistent/ca"
        )


class AuthenticationTests(TLSCase):
    async def logged_in(self, *mechanisms: bytes, tls: bool = True, **replies: list[bytes]) -> Any:
        server = await self.server(**replies)
        server.mechanisms = list(mechanisms)
        server.tls = self.server_tls() if tls else None
        login = self.login(username="ann", password="geheim")
        if not tls:
            login = Login("sora.example.com", username="ann", password="geheim")
        transport = self.transport(server, login, host="localhost")
        return server, transport.send(consignment(BODY))

    async def test_mechanisms(self) -> None:
        """RFC 4954; over TLS in the order PLAIN, LOGIN, CRAM-MD5."""
        digest = hmac.new(b"geheim", b"<1@test.example>", "md5").hexdigest().encode()
        for mechanisms, wanted in (
            ((b"CRAM-MD5", b"LOGIN", b"plain"), (b"PLAIN", [b"ann\0ann\0geheim"])),
            ((b"CRAM-MD5", b"LOGIN"), (b"LOGIN", [b"ann", b"geheim"])),
            ((b"CRAM-MD5",), (b"CRAM-MD5", [b"ann " + digest])),
        ):
            server, sending = await self.logged_in(*mechanisms)
            self.assertEqual(fates(await sending), ["sent 250"])
            self.assertEqual(server.logins, [wanted])

    async def test_no_password_in_the_clear(self) -> None:
        server, sending = await self.logged_in(b"PLAIN", b"LOGIN", tls=False)
        self.assertIn("Authentication", await self.refusal(sending))
        self.assertEqual((server.logins, server.messages), ([], []))
        server, sending = await self.logged_in(b"PLAIN", b"CRAM-MD5", tls=False)
        self.assertEqual(fates(await sending), ["sent 250"])
        self.assertEqual(server.logins[0][0], b"CRAM-MD5")

    async def test_a_server_that_offers_nothing(self) -> None:
        for mechanisms in ((), (b"GSSAPI",)):
            server, sending = await self.logged_in(*mechanisms)
            await self.refusal(sending)
            self.assertEqual(server.messages, [])

    async def test_a_wrong_password_bounces_nothing(self) -> None:
        """It is our configuration; and it never appears in the error (G69)."""
        no = [b"535 5.7.8 wrong"]
        for mechanism in (b"PLAIN", b"LOGIN", b"CRAM-MD5"):
            _, sending = await self.logged_in(mechanism, AUTH=no)
            text = await self.refusal(sending)
            self.assertIn("535 5.7.8 wrong", text)
            self.assertNotIn("geheim", text)
