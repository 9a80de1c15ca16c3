"""A POP3 server beside the IMAP server of `TranscriptTestCase`, over the same storage."""

from typing import Any

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from sora.mailbox.bodies import Bodies
from sora.mailbox.keeping import Keeping
from sora.mailbox.maildrops import Maildrops
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.protocols.pop3.protocol import POP3Connection, POP3Factory
from sora.protocols.pop3.services import Services, Settings
from sora.storage.rows import ServerRetention
from sora.storage.stores import ObjectStore
from trial_tests.support.transcript import (
    PASSWORD,
    OnePassword,
    Server,
    ThreadsHere,
    TranscriptTestCase,
)


class Transport(StringTransport):
    """One that notes TLS, and being cut off."""

    aborted = False
    tls: Any = None

    def abortConnection(self) -> None:
        self.aborted = True

    def startTLS(self, context: Any) -> None:
        self.tls = context


class Post:
    """A POP3 server over the storage of an IMAP server."""

    def __init__(
        self, server: Server, settings: Settings, services: dict[str, Any], **house: Any
    ) -> None:
        storage = server.storage
        threads: Any = ThreadsHere()
        self.clock = server.clock
        self.bodies = Bodies([ObjectStore("memory", server.objects)], storage.uploads, threads)
        self.house = Maildrops(
            storage.maildrops, storage.messages, self.bodies, server.open, server.clock, **house
        )
        self.house.startService()
        self.registry = CollectorRegistry()
        made = Services(
            authenticator=OnePassword(storage),
            maildrops=self.house,
            keeping=Keeping(storage.retention, ServerRetention(), server.clock),
            metrics=CommandMetrics(self.registry),
            messages=MessageMetrics(self.registry),
            new_id=lambda: "session",
            insecure_auth=True,
        )
        self.factory = POP3Factory(
            clock=server.clock, services=evolve(made, **services), settings=settings
        )


class POPClient:
    """One connection."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.transport = Transport()
        self.connection: POP3Connection = post.factory.buildProtocol(None)
        self.connection.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send octets as they are."""
        self.connection.dataReceived(data)
        self.post.clock.advance(0)

    def take(self) -> bytes:
        """What the server has said since."""
        self.connection.flush()
        said: bytes = self.transport.value()
        self.transport.clear()
        return said

    def ask(self, command: bytes) -> bytes:
        """Send a line and take the answer."""
        self.send(command + b"\r\n")
        return self.take()

    def hang_up(self) -> None:
        """The connection is lost."""
        self.connection.connectionLost(Failure(ConnectionError()))

    @property
    def is_hung_up_on(self) -> bool:
        """Whether the server has closed the connection."""
        return bool(self.transport.disconnecting or self.transport.aborted)


class POP3TestCase(TranscriptTestCase):
    """fred's maildrop. `pop` is a client that has not logged in; `client` is one of IMAP.

    `settings`, `services` and `house` may be set by a subclass.
    """

    settings = Settings()
    services: dict[str, Any] = {}
    house: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.post = Post(self.server, self.settings, self.services, **self.house)
        self.clients: list[POPClient] = []
        self.pop = self.connect()
        self.greeting = self.pop.take()

    def tearDown(self) -> None:
        for client in self.clients:
            if not client.connection.ended.called or not client.connection._lost:
                client.hang_up()
        self.assertEqual(len(self.post.house), 0, "a maildrop is held")
        self.assertEqual(self.post.house._rooms.allowance.left, 64 * 1024 * 1024)
        self.successResultOf(self.post.house.stopService())
        super().tearDown()

    def connect(self) -> POPClient:
        """Another connection."""
        client = POPClient(self.post)
        self.clients.append(client)
        return client

    def login(self, user: str = "fred") -> POPClient:
        """A session that has logged in."""
        client = self.connect()
        client.take()
        client.send(f"USER {user}\r\nPASS {PASSWORD}\r\n".encode())
        said = client.take()
        assert said.count(b"+OK") == 2, said
        return client

    def talk(self, dialogue: str, client: POPClient | None = None) -> None:
        """Play a dialogue of POP3."""
        self.converse(dialogue, client or self.pop)  # type: ignore[arg-type]

    @property
    def statements(self) -> dict[str, int]:
        """What storage was asked, by operation."""
        return dict(self.server.storage.tables.statements)

    def flags_in_imap(self) -> bytes:
        """What IMAP says of INBOX now."""
        self.client.ask(b"s SELECT INBOX")
        return self.client.ask(b"f FETCH 1:* FLAGS")
