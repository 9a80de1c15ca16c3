"""One LMTP server in memory: sessions whose deliveries the test sees and steers."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from attrs import define, field, frozen
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import Address
from sora.errors import SoraError, Unavailable
from sora.mailbox.envelope import Envelope, Origin
from sora.mailbox.spool import Spool
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import LOOPBACK, Networks
from sora.net.peer import Peer
from sora.protocols.lmtp.protocol import LMTPConnection, LMTPFactory
from sora.protocols.lmtp.services import Services, Settings
from sora.storage.rows import Recipient


@frozen
class Delivered:
    recipients: tuple[str, ...]
    message: bytes
    envelope: Envelope

    @property
    def sender(self) -> str:
        return self.envelope.sender

    @property
    def origin(self) -> Origin:
        return self.envelope.origin


@define
class Postroom:
    """Deliveries that the test sees and steers. Who begins with `no` does not exist; `slow`
    lookups wait; `outcomes` says what becomes of a recipient."""

    delivered: list[Delivered] = field(factory=list)
    slow: dict[str, Deferred[None]] = field(factory=dict)
    outcomes: dict[str, SoraError] = field(factory=dict)
    failure: Exception | None = None
    hold: Deferred[None] | None = None
    asked: list[str] = field(factory=list)
    rooms: dict[str, tuple[int, int]] = field(factory=dict)
    """the quota of somebody, and how much of it is taken"""

    async def resolve(self, address: Address) -> Recipient | None:
        self.asked.append(str(address))
        if str(address) in self.slow:
            await self.slow[str(address)]
        if address.local == "broken":
            raise Unavailable
        if address.local == "bug":
            raise ZeroDivisionError
        if address.local.startswith("no"):
            return None
        quota, storage = self.rooms.get(address.key, (None, 0))
        return Recipient(len(self.asked), 1, address.key, {"INBOX": 1}, quota, storage)

    async def deliver(self, envelope: Envelope, message: Spool) -> Sequence[SoraError | None]:
        if self.hold is not None:
            await self.hold
        if self.failure is not None:
            raise self.failure
        names = tuple(str(each.address) for each in envelope.recipients)
        self.delivered.append(Delivered(names, bytes(message.data()), envelope))
        return [self.outcomes.get(name) for name in names]


class LMTPTestCase(SynchronousTestCase):
    max_message_size = 10_000
    max_recipients = 1000
    peer = "127.0.0.1"
    tls: Any = None
    sends_reports = True
    rejects_over_quota = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.room = Postroom()
        self.spools: list[Spool] = []
        self.open()

    def new_spool(self) -> Spool:
        self.spools.append(Spool())
        return self.spools[-1]

    def open(self) -> None:
        self.registry = CollectorRegistry()
        factory = LMTPFactory(
            clock=self.clock,
            services=Services(
                deliveries=self.room,
                spool=self.new_spool,
                commands=CommandMetrics(self.registry),
                metrics=DeliveryMetrics(CollectorRegistry()),
                messages=MessageMetrics(self.registry),
                tls=self.tls,
                sends_reports=self.sends_reports,
            ),
            settings=Settings(
                hostname="mx.example.com",
                max_message_size=self.max_message_size,
                max_recipients=self.max_recipients,
                rejects_over_quota=self.rejects_over_quota,
                trusted=Networks([*LOOPBACK, ip_network("10.0.0.0/8")]),
            ),
        )
        self.connection: LMTPConnection = factory.buildProtocol(None)
        self.connection.peer = Peer(self.peer, 2525)
        self.transport = Transport()
        self.connection.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.connection.dataReceived(data)
        self.clock.advance(0)

    def sent(self) -> str:
        data = self.transport.value().decode()
        self.transport.clear()
        return data

    def converse(self, dialogue: str) -> None:
        """Lines of `C:` are sent, and `S:` is all that comes back."""
        lines = [line.strip() for line in dialogue.strip().splitlines()]
        while lines:
            said = b""
            while lines and lines[0].startswith("C:"):
                said += lines.pop(0)[2:].strip().encode() + b"\r\n"
            expected = []
            while lines and lines[0].startswith("S:"):
                expected.append(lines.pop(0)[2:].strip())
            if said:
                self.send(said)
            self.assertEqual(self.sent().splitlines(), expected)

    def begin(self, *recipients: str) -> None:
        self.send(b"LHLO client\r\nMAIL FROM:<a@b.c>\r\n")
        for each in recipients or ("user@example.com",):
            self.send(b"RCPT TO:<" + each.encode() + b">\r\n")
        self.sent()

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))

    def tearDown(self) -> None:
        if self.connection._conversation is not None and not self.connection.ended.called:
            self.lose()
        self.assertTrue(self.connection.ended.called, "the conversation has not ended")
        self.assertTrue(all(spool.closed for spool in self.spools), "a spool is left open")
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Transport(StringTransport):
    aborted = False
    tls: Any = None

    def abortConnection(self) -> None:
        self.aborted = True

    def startTLS(self, context: Any) -> None:
        self.tls = context
