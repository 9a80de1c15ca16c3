import socket
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from prometheus_client import CollectorRegistry
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase

from sora.config.units import Endpoint
from sora.errors import SoraError
from sora.metrics.connections import ConnectionMetrics
from sora.net.connection import Connection
from sora.net.limits import ConnectionLimits
from sora.net.listener import CannotListen, Listener
from sora.net.networks import LOOPBACK, Networks
from sora.net.tracker import Tracker
from sora.tls.contexts import CertificateUnusable, ServerTLS
from sora.tls.self_signed import self_signed
from trial_tests.net.test_connection import LineReader

reactor: Any = global_reactor
MUCH = 640
"""pieces of 64 KB, more than the system's buffers hold"""


class Greeter(Connection):
    """Says who it talks to, and over what."""

    def __init__(self, patient: bool) -> None:
        super().__init__(reactor, LineReader())
        self.work: Deferred[None] = Deferred()
        self.context: Any = None
        self._patient = patient

    async def converse(self) -> None:
        self.write(f"{self.peer.host} {'tls' if self.is_tls else 'plain'}\n".encode())
        while True:
            line = await self.next_event(60)
            if line == b"work":
                await self.work
            if line == b"tls":
                self.write(b"go\n")
                self.start_tls(self.context)
                continue
            if line == b"much":
                for _ in range(MUCH):
                    self.write(bytes(65536))
                    await self.drain()
            if line == b"count":
                for number in range(200_000):
                    self.write(b"%d," % number)
                    if number % 1000 == 0:
                        self.flush()
            self.write(b"<" + line + b">\n")

    def shutdown(self, why: SoraError) -> None:
        if not self._patient:
            self.write(b"bye\n")
            self.close()


class GreeterFactory(Factory):
    def __init__(self, patient: bool = False) -> None:
        self.made: list[Greeter] = []
        self._patient = patient

    def buildProtocol(self, addr: IAddress | None) -> Greeter:
        self.made.append(Greeter(self._patient))
        return self.made[-1]


class Client(Protocol):
    """Collects what comes; `until` waits for octets, `lost` for the end."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.lost: Deferred[bytes] = Deferred()
        self._waiting: list[tuple[bytes, Deferred[bytes]]] = []

    def until(self, end: bytes) -> "Deferred[bytes]":
        waiting: Deferred[bytes] = Deferred()
        self._waiting.append((end, waiting))
        self._look(0)
        return waiting

    def hang_up(self) -> None:
        if not self.lost.called:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        self._look(max(0, len(self.got) - len(data) - 100))

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(bytes(self.got))

    def _look(self, start: int) -> None:
        for end, waiting in list(self._waiting):
            if self.got.find(end, start) >= 0:
                self._waiting.remove((end, waiting))
                waiting.callback(b"")


class _ClientContext(CertificateOptions):
    """Trusts anybody: what is tested is which certificate comes."""

    def __init__(self) -> None:
        super().__init__(verify=False)


class ListenerTestCase(TestCase):
    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        self.factory = GreeterFactory()
        self.tracker = Tracker(reactor.seconds, ConnectionMetrics(CollectorRegistry()))
        self.limits = ConnectionLimits(total=3, per_address=2, exempt=Networks([]))

    def listen(self, endpoint: Endpoint | None = None, **changes: Any) -> Listener:
        arguments: dict[str, Any] = {
            "name": "imap-0",
            "protocol": "imap",
            "endpoint": endpoint or Endpoint("127.0.0.1", 0),
            "factory": self.factory,
            "tracker": self.tracker,
            "limits": self.limits,
            "metrics": ConnectionMetrics(self.registry),
            "grace": 5.0,
            "refusal": lambda text: b"no: " + text.encode() + b"\n",
        }
        listener = Listener(reactor, **{**arguments, **changes})
        listener.startService()
        self.addCleanup(lambda: listener.stopService() if listener.running else None)
        return listener

    async def connect(self, listener: Listener, tls: bool = False, send: bytes = b"") -> Client:
        connected: Deferred[Client] = Deferred()

        class Connecting(Client):
            def connectionMade(self) -> None:
                if send:
                    self.transport.write(send)  # type: ignore[union-attr]
                connected.callback(self)

        plain = Factory.forProtocol(Connecting)
        factory: Any = TLSMemoryBIOFactory(_ClientContext(), True, plain) if tls else plain
        host = listener._port.getHost().host if listener._port else ""  # type: ignore[attr-defined]

        class Adapter(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                return factory.buildProtocol(addr)

            def startedConnecting(self, connector: Any) -> None: ...

            def clientConnectionLost(self, connector: Any, reason: Any) -> None: ...

            def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
                connected.errback(reason)

        reactor.connectTCP(
            "127.0.0.1" if host in ("::", "0.0.0.0") else host, listener.port, Adapter()
        )
        client = await connected
        self.addCleanup(client.hang_up)
        return client

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(500):
            if holds():
                return
            await deferLater(reactor, 0.01, lambda: None)
        self.fail("it did not happen")


class ListeningTests(ListenerTestCase):
    async def test_serves_and_counts(self) -> None:
        listener = self.listen()
        client = await self.connect(listener)
        await client.until(b"127.0.0.1 plain\n")
        handle = self.factory.made[0].transport.getHandle()
        self.assertTrue(handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        self.assertEqual((listener.connections, len(self.tracker), self.limits.taken), (1, 1, 1))
        client.transport.loseConnection()  # type: ignore[union-attr]
        await self.until(lambda: not listener.connections)
        self.assertEqual((len(self.tracker), self.limits.taken), (0, 0))

    async def test_what_the_system_does_not_take_at_once_comes_in_order(self) -> None:
        client = await self.connect(self.listen())
        client.transport.pauseProducing()  # type: ignore[union-attr]
        client.transport.write(b"count\ncount\n")  # type: ignore[union-attr]
        await deferLater(reactor, 0.2, lambda: None)
        client.transport.resumeProducing()  # type: ignore[union-attr]
        await client.until(b"<count>\n")
        await client.until(b",199999,<count>\n")
        counted = b"".join(b"%d," % number for number in range(200_000)) + b"<count>\n"
        await self.until(lambda: len(client.got) >= 2 * len(counted))
        self.assertTrue(client.got.endswith(counted * 2), "not in order, or not all")

    async def test_without_a_host_it_serves_every_interface(self) -> None:
        client = await self.connect(self.listen(Endpoint("", 0)))
        await client.until(b"127.0.0.1 plain\n")

    def test_a_port_in_use_says_who_has_it(self) -> None:
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        endpoint = Endpoint("127.0.0.1", other.getsockname()[1])
        error = self.assertRaises(CannotListen, self.listen, endpoint)
        self.assertRegex(
            str(error), r"imap-0 cannot listen on .*: the port is in use by .+ \(process"
        )

    def test_an_address_of_another_machine_says_so(self) -> None:
        error = self.assertRaises(CannotListen, self.listen, Endpoint("192.0.2.1", 0))
        self.assertIn("this machine has no such address", str(error))

    async def test_over_the_limit_says_why_in_the_words_of_the_protocol(self) -> None:
        """G55"""
        listener = self.listen()
        clients = [await self.connect(listener) for _ in range(2)]
        for client in clients:
            await client.until(b"\n")
        refused = await self.connect(listener)
        self.assertEqual(await refused.lost, b"no: Too many connections from your address\n")
        labels = {"protocol": "imap", "server_name": "imap-0", "reason": "address"}
        count = self.registry.get_sample_value("sora_connections_refused_total", labels)
        self.assertEqual(count, 1)
        clients[0].transport.loseConnection()  # type: ignore[union-attr]
        await self.until(lambda: self.limits.taken == 1)
        again = await self.connect(listener)
        await again.until(b"plain\n")


class StopTests(ListenerTestCase):
    async def test_says_goodbye_and_takes_no_more(self) -> None:
        """G67"""
        listener = self.listen()
        client = await self.connect(listener)
        await client.until(b"\n")
        await listener.stopService()
        self.assertTrue((await client.lost).endswith(b"bye\n"))
        self.assertEqual(listener.connections, 0)

    async def test_waits_for_work_in_hand(self) -> None:
        """G67"""
        self.factory._patient = True
        listener = self.listen()
        client = await self.connect(listener, send=b"work\n")
        await client.until(b"\n")
        await self.until(lambda: self.factory.made[0].octets_in == 5)
        stopped = listener.stopService()
        self.assertFalse(stopped.called)
        greeter = self.factory.made[0]
        greeter.work.callback(None)
        greeter.close()
        await stopped
        self.assertIn(b"<work>\n", await client.lost)

    async def test_cuts_off_what_does_not_end_in_time(self) -> None:
        """G67"""
        self.factory._patient = True
        listener = self.listen(grace=0.05)
        client = await self.connect(listener)
        await client.until(b"\n")
        await listener.stopService()
        await client.lost
        self.assertEqual(listener.connections, 0)

    async def test_does_not_wait_for_clients_that_keep_their_end_open(self) -> None:
        """G67"""
        listener = self.listen(tls=server_tls(self), grace=60.0, let_go=0.05)
        silent = await self.connect(listener)
        client = await self.connect(listener, tls=True)
        await client.until(b"tls\n")
        client.transport.pauseProducing()  # type: ignore[union-attr]
        await listener.stopService()
        await silent.lost
        self.assertEqual(listener.connections, 0)


class ProxiedTests(ListenerTestCase):
    HEADER = b"PROXY TCP4 192.0.2.7 127.0.0.1 5000 143\r\n"

    async def test_the_address_of_the_header_counts(self) -> None:
        """G57"""
        listener = self.listen(proxies=Networks(LOOPBACK))
        client = await self.connect(listener, send=self.HEADER + b"a\n")
        await client.until(b"<a>\n")
        self.assertEqual(client.got, b"192.0.2.7 plain\n<a>\n")
        self.assertEqual(self.limits.take("192.0.2.7").__class__.__name__, "Place")
        self.assertEqual(self.limits.take("192.0.2.7"), "address")

    async def test_the_header_comes_before_tls(self) -> None:
        """G56"""
        listener = self.listen(proxies=Networks(LOOPBACK), tls=server_tls(self))
        plain = await self.connect(listener)
        plain.transport.write(self.HEADER)  # type: ignore[union-attr]
        wrapped = Client()
        tls: Any = TLSMemoryBIOFactory(
            _ClientContext(), True, Factory.forProtocol(lambda: wrapped)
        ).buildProtocol(None)  # type: ignore[arg-type]
        plain.transport.protocol = tls  # type: ignore[union-attr]
        tls.makeConnection(plain.transport)
        await wrapped.until(b"192.0.2.7 tls\n")

    async def test_a_trusted_sender_without_a_header_is_cut_off(self) -> None:
        """G56"""
        listener = self.listen(proxies=Networks(LOOPBACK))
        client = await self.connect(listener, send=b"A001 NOOP\r\n")
        self.assertEqual(await client.lost, b"")
        self.assertEqual(self.factory.made, [])

    async def test_others_are_served_with_their_own_address(self) -> None:
        """G57"""
        listener = self.listen(proxies=Networks([ip_network("192.0.2.0/24")]))
        client = await self.connect(listener, send=self.HEADER)
        await client.until(b"<PROXY")
        self.assertTrue(client.got.startswith(b"127.0.0.1 plain\n"))

    async def test_one_that_waits_for_its_header_does_not_hold_up_the_end(self) -> None:
        listener = self.listen(proxies=Networks(LOOPBACK))
        client = await self.connect(listener)
        await self.until(lambda: bool(listener._unnamed))
        await listener.stopService()
        await client.lost


class TLSTests(ListenerTestCase):
    async def test_a_handshake_and_a_reload(self) -> None:
        """G68"""
        tls = server_tls(self)
        listener = self.listen(tls=tls)
        first = await self.connect(listener, tls=True)
        await first.until(b"127.0.0.1 tls\n")
        old = certificate_of(first)
        tls.files[0].unlink()
        self.assertRaises(CertificateUnusable, tls.reload)
        second = await self.connect(listener, tls=True)
        await second.until(b"tls\n")
        self.assertEqual(certificate_of(second), old)
        self_signed(tls.files[0].parent, "mail.example.com", datetime.now(UTC))
        tls.reload()
        first.transport.loseConnection()  # type: ignore[union-attr]
        await self.until(lambda: self.limits.taken == 1)
        third = await self.connect(listener, tls=True)
        await third.until(b"tls\n")
        self.assertNotEqual(certificate_of(third), old)
        second.transport.write(b"still\n")  # type: ignore[union-attr]
        await second.until(b"<still>\n")

    async def slow_download(self, client: Client) -> None:
        """Ask for much and read nothing; then read it all."""
        client.transport.write(b"much\n")  # type: ignore[union-attr]
        transport: Any = client.transport
        transport.pauseProducing()
        greeter = self.factory.made[-1]
        seen = -1
        while seen != greeter.octets_out:
            seen = greeter.octets_out
            await deferLater(reactor, 0.05, lambda: None)
        self.assertLess(seen, MUCH * 65536 // 2)
        transport.resumeProducing()
        await client.until(b"<much>\n")
        self.assertGreater(len(client.got), MUCH * 65536)

    async def test_a_client_that_does_not_read_is_not_written_to(self) -> None:
        await self.slow_download(await self.connect(self.listen()))

    async def test_nor_over_tls(self) -> None:
        client = await self.connect(self.listen(tls=server_tls(self)), tls=True)
        await client.until(b"tls\n")
        await self.slow_download(client)

    async def test_nor_after_starttls(self) -> None:
        plain = await self.connect(self.listen())
        await plain.until(b"plain\n")
        self.factory.made[0].context = server_tls(self)
        plain.transport.write(b"tls\n")  # type: ignore[union-attr]
        await plain.until(b"go\n")
        transport: Any = plain.transport
        transport.startTLS(_ClientContext())
        transport.write(b"a\n")
        await plain.until(b"<a>\n")
        self.assertTrue(self.factory.made[0].is_tls)
        await self.slow_download(plain)

    async def test_tls_1_1_is_refused(self) -> None:
        listener = self.listen(tls=server_tls(self))
        client = await self.connect(listener)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        hello = SSL.Connection(context, None)
        hello.set_connect_state()
        self.assertRaises(SSL.WantReadError, hello.do_handshake)
        client.transport.write(hello.bio_read(65536))  # type: ignore[union-attr]
        answer = await client.lost
        # an alert (21) and no ServerHello
        self.assertEqual(answer[:1], b"\x15")


def server_tls(test: TestCase) -> ServerTLS:
    files = self_signed(Path(test.mktemp()), "mail.example.com", datetime.now(UTC))
    return ServerTLS(files.cert_file, files.key_file)


def certificate_of(client: Client) -> bytes:
    transport: Any = client.transport
    certificate = transport.getPeerCertificate().to_cryptography()
    return bytes(certificate.fingerprint(certificate.signature_hash_algorithm))
