"""Dialogues as RFCs print them, played against an IMAP server without a network.

A `TranscriptTestCase` has a server over the memory storage, a Clock, and clients on string
transports. `converse` takes lines that begin with `C:` and `S:`, and compares all that the
server says. In `S:` lines, `...` stands for anything. Literals are written as in RFCs: the
line ends with `{n}`, and their octets follow as further `C:` or `S:` lines.
"""

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any
from uuid import uuid4

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sora.addresses import Address, parse_address
from sora.auth.interfaces import IAuthenticator, Identity, ScramAttempt
from sora.auth.scram import scram_sha_256_keys
from sora.auth.scram_exchange import ScramKeys
from sora.deferreds import deferred
from sora.errors import AuthenticationFailed
from sora.mail.facts import derive
from sora.mailbox.account import Account
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.delivery import Delivery
from sora.mailbox.mail_store import MailStore
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.past import PastNamespace
from sora.mailbox.places import SharedNamespace
from sora.mailbox.reach import SessionFacts
from sora.mailbox.spool import Spool
from sora.metrics.imap import IdleMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.peer import Peer
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.protocol import IMAPFactory
from sora.protocols.imap.services import Limits, Services
from sora.protocols.imap.spoken import DIALECT
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import MemoryStorage, memory_storage
from sora.storage.memory.store import Dedup
from sora.storage.rows import NewMailbox, Placed
from sora.storage.stores import ObjectStore

EPOCH = datetime(2026, 8, 1, 12, 0, tzinfo=UTC).timestamp()
PASSWORD = "secret"


class ThreadsHere:
    """A pool of threads that has none: work is done at once."""

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> "Deferred[Any]":
        """Call `work` now."""
        answer: Deferred[Any] = Deferred()
        try:
            answer.callback(work(*args, **kwargs))
        except BaseException:  # noqa: BLE001 - as a thread hands it over
            answer.errback(Failure())
        return answer


@implementer(IAuthenticator)
class OnePassword:
    """Everybody's password is `secret`."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    @deferred
    async def password(self, login: str, password: str, peer: Peer, protocol: str) -> Identity:
        """See IAuthenticator."""
        address = parse_address(login if "@" in login else f"{login}@example.com")
        row = await self._storage.credentials.login(address)
        if row is None or password != PASSWORD:
            raise AuthenticationFailed
        return Identity(row.account_id, row.scope_id, row.address, address.key)

    @deferred
    async def scram(self, login: str, peer: Peer, protocol: str) -> ScramAttempt:
        """See IAuthenticator."""
        return OneScram(await self.password(login, PASSWORD, peer, protocol))


class OneScram:
    """See `sora.auth.interfaces.ScramAttempt`."""

    random = staticmethod(os.urandom)

    def __init__(self, identity: Identity) -> None:
        keys = ScramKeys.parse(scram_sha_256_keys(PASSWORD, b"salt" * 4, 4096))
        assert keys is not None
        self.keys = keys
        self._identity = identity

    def succeeded(self) -> Identity:
        """See ScramAttempt."""
        return self._identity

    def failed(self) -> None:
        """See ScramAttempt."""

    def given_up(self) -> None:
        """See ScramAttempt."""


class Server:
    """An IMAP server, its storage, and the account `fred@example.com`."""

    def __init__(
        self,
        limits: Limits | None = None,
        dialect: Dialect = DIALECT,
        clock: Any = None,
        namespace: SharedNamespace | None = None,
        dedup: Dedup = "domain",
        beside: "Server | None" = None,
        past: str = "",
        **services: Any,
    ) -> None:
        """`clock` is a reactor for tests over a real port; `services` overrides `Services`.
        `beside` another one, this is a second process that serves the same storage."""
        if beside is not None:
            clock, self.storage, self.objects = beside.clock, beside.storage, beside.objects
        else:
            if clock is None:
                clock = Clock()
                clock.advance(EPOCH)
            self.storage, self.objects = memory_storage(clock, dedup), MemoryObjects()
        self.clock = clock
        threads: Any = ThreadsHere()
        process_id = uuid4()
        self.open = OpenMailboxes(self.storage.mailboxes, self.clock, process_id)
        self.open.alone = beside is None
        self.poll = ChangePoll(
            self.storage.mailboxes, self.storage.membership, self.open, self.clock, process_id
        )
        arrivals = Arrivals(
            self.storage.messages,
            self.storage.uploads,
            ObjectStore("memory", self.objects, is_remote=False),
            derive=derive,
            threads=threads,
            clock=self.clock,
            staging_max_size=-1,
        )
        self.bodies = Bodies([ObjectStore("memory", self.objects)], self.storage.uploads, threads)
        self.mail = MailStore(
            self.storage.mailboxes,
            self.storage.messages,
            arrivals,
            self.bodies,
            self.open,
            self.poll,
            self.clock,
            rights=self.storage.rights,
            quotas=self.storage.quotas,
            metadata=self.storage.metadata,
            namespace=namespace,
            past=PastNamespace(past, self.storage.past) if past else None,
        )
        self.delivery = Delivery(self.storage.accounts, arrivals, self.open, self.clock)
        self.registry = CollectorRegistry()
        self.factory = IMAPFactory(
            clock=self.clock,
            dialect=dialect,
            limits=limits or Limits(),
            services=evolve(
                Services(
                    authenticator=OnePassword(self.storage),
                    mail=self.mail,
                    metrics=CommandMetrics(self.registry),
                    idle=IdleMetrics(self.registry),
                    new_id=lambda: "session",
                    insecure_auth=True,
                ),
                **services,
            ),
        )


class Client:
    """One connection to a server, which has a `factory` and a `clock`."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.transport = StringTransport()
        self.connection: Any = server.factory.buildProtocol(None)
        self.connection.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send octets as they are."""
        self.connection.dataReceived(data)
        # Many commands in a row give way to others now and then.
        self.server.clock.advance(0)

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
        return bool(self.transport.disconnecting or self.transport.disconnected)


class DialogueTestCase(SynchronousTestCase):
    """A client, and dialogues that are played with it."""

    client: Client

    def tearDown(self) -> None:
        self.assertEqual(self.flushLoggedErrors(), [])

    def result(self, work: Any) -> Any:
        """The result of a coroutine that waits for nothing."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def converse(self, dialogue: str, client: Client | None = None) -> None:
        """Play a dialogue."""
        client = client or self.client
        for who, lines in _turns(dialogue):
            if who == "C":
                self.assertEqual(client.take(), b"", "the server said more than it should")
                client.send("".join(line + "\r\n" for line in lines).encode())
            else:
                self._compare(client.take().decode("utf-8", "backslashreplace"), lines)
        self.assertEqual(client.take(), b"", "the server said more than it should")

    def _compare(self, said: str, expected: Sequence[str]) -> None:
        pattern = "".join(
            re.escape(line).replace(r"\.\.\.", "[^\r\n]*") + "\r\n" for line in expected
        )
        if re.fullmatch(pattern, said) is None:
            self.assertEqual(said.split("\r\n"), [*expected, ""])


class TranscriptTestCase(DialogueTestCase):
    """A server for each test, and its first client, who has logged in as fred.

    `limits`, `dialect`, `namespace`, `dedup` and `past` (the prefix) may be set by a subclass.
    """

    limits = Limits()
    dialect = DIALECT
    namespace: SharedNamespace | None = None
    dedup: Dedup = "domain"
    past = ""
    logs_in = True

    def setUp(self) -> None:
        self.server = Server(
            self.limits, self.dialect, namespace=self.namespace, dedup=self.dedup, past=self.past
        )
        self.clock = self.server.clock
        self.add_account("fred@example.com")
        self.client = self.new_client(self.logs_in)

    def add_account(self, address: str, *mailboxes: NewMailbox) -> Address:
        """An account with an INBOX and these mailboxes."""
        parsed = parse_address(address)
        made = self.server.storage.accounts.create(parsed, (), (NewMailbox("INBOX"), *mailboxes))
        self.successResultOf(made)
        return parsed

    def new_client(self, logs_in: bool = True, user: str = "fred") -> Client:
        """Another connection."""
        client = Client(self.server)
        if logs_in:
            client.take()
            said = client.ask(f"login LOGIN {user} {PASSWORD}".encode())
            self.assertTrue(said.startswith(b"login OK"), said)
        else:
            client.greeting = client.take()  # type: ignore[attr-defined]
        return client

    def account(self, user: str = "fred") -> Account:
        """The account as the house sees it."""
        identity = self.successResultOf(
            OnePassword(self.server.storage).password(user, PASSWORD, Peer("test"), "imap")
        )
        return self.server.mail.account(identity, SessionFacts("test", "test", "test"))

    def append(
        self, message: bytes, name: str = "INBOX", flags: Any = None, date: datetime | None = None
    ) -> Placed:
        """Put a message into a mailbox from the side."""
        from sora.mail.flags import parse_flags

        spool = Spool()
        spool.write(message)
        placed: Placed = self.result(
            self.account().appending.append(name, parse_flags(flags or ()), date, spool)
        )
        return placed

    def append_some(self, count: int, name: str = "INBOX") -> None:
        """Messages with subjects `message 1` and so on."""
        for number in range(1, count + 1):
            self.append(b"Subject: message %d\r\n\r\nText %d\r\n" % (number, number), name)

    def nothing_is_recent(self, name: str = "INBOX") -> None:
        """Somebody was there before, and has learned of all messages."""
        client = self.new_client()
        client.ask(f"s SELECT {name}".encode())
        client.hang_up()


def _turns(dialogue: str) -> list[tuple[str, list[str]]]:
    turns: list[tuple[str, list[str]]] = []
    for line in dedent(dialogue).strip("\n").splitlines():
        who, _, text = line.partition(":")
        assert who in ("C", "S"), line
        text = text.removeprefix(" ")
        if turns and turns[-1][0] == who:
            turns[-1][1].append(text)
        else:
            turns.append((who, [text]))
    return turns
