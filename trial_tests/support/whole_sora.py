"""A whole Sora in this process, on a PostgreSQL of the tests: all but the plugin.

Its statements can be counted, and its connections be cut (`LoseAnswer`): what a test cannot do
from outside. Clients are sockets of the same reactor.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable
from shutil import rmtree
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from sora.addresses import parse_address
from sora.app.database import database_id
from sora.app.house import House
from sora.app.servers import certificates_of
from sora.config.load import loads
from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.retry import pause
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.addresses import Domains
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.database import Faults
from sora.storage.postgres.scripts import Scripts
from sora.storage.rows import ScriptLimits, ScriptPosition
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import DatabaseTestCase, FreshDatabase

LOGIN_PASSWORD = "open-sesame-7"
BACKGROUND = frozenset(
    {
        *("beat", "poll", "versions", "claim", "reserve", "backlog", "condemned"),
        *("make_partitions", "settle_events", "cleaning_status"),
        "closed_accounts",
        *("finish", "staged_bodies", "finish_many", "event_scripts"),
    }
)
"""Operations that go on by themselves, and belong to nobody's command."""


class Wire(Protocol):
    """A client that sends octets and waits for what matches a pattern."""

    def __init__(self) -> None:
        self._data = b""
        self._closed = False
        self._waiting: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    async def until(self, pattern: bytes) -> bytes:
        """Everything up to the end of the first match; it is taken away."""
        while (found := re.search(pattern, self._data)) is None:
            if self._closed:
                raise ConnectionError(f"{pattern!r} did not come: {self._data[-300:]!r}")
            self._waiting = Deferred()
            await self._waiting
        said, self._data = self._data[: found.end()], self._data[found.end() :]
        return said

    async def ask(self, command: bytes) -> bytes:
        """An IMAP command without its tag; gives all that was said."""
        self.send(b"a " + command + b"\r\n")
        return await self.until(rb"(?m)^a (OK|NO|BAD) [^\r\n]*\r\n")


class WholeSora:
    """One process of Sora; several may be on one database."""

    def __init__(
        self, fresh: FreshDatabase, directory: str, doorbell: str, extra: str = ""
    ) -> None:
        self.imap_port, self.lmtp_port = free_port(), free_port()
        server = fresh.server
        text = f"""
[database]
host = "{server.host}"
port = {server.port}
dbname = "{server.database}"
user = "{server.user}"
password = "{server.password}"
min_conns = 1
max_conns = 8
[cache]
path = ""
[process]
doorbell = "{doorbell}"
[[servers]]
type = "imap"
addr = "127.0.0.1:{self.imap_port}"
[[servers]]
type = "lmtp"
addr = "127.0.0.1:{self.lmtp_port}"
trusted_networks = ["127.0.0.0/8"]
"""
        if "[s3]" not in extra:
            extra += f'\n[s3]\nprovider = "filesystem"\npath = "{directory}"\n'
        self.text = text + extra
        self.config = loads(self.text, "test", {}, []).config
        self.house = House(self.config, reactor)
        self._service: Any = None

    @property
    def database(self) -> Any:
        return self.house.database

    async def start(self) -> None:
        await self.house.open_database(lambda _: None)
        certificates = certificates_of(self.config)
        self._service = self.house.build(await database_id(self.database), certificates)
        await self._service.startService()

    async def stop(self) -> None:
        if self._service is not None:
            await self._service.stopService()
        await self.house.close_database()

    def break_connections(self, faults: Faults) -> None:
        """Lose answers from now on (G14)."""
        self.database._faults = faults

    async def account_id(self, address: str) -> int:
        """The id of an account."""
        login = await Credentials(self.database).login(parse_address(address))
        assert login is not None, address
        return login.account_id

    async def script(self, address: str, source: str, name: str = "main") -> None:
        """Put a Sieve script of a user, and activate it."""
        limits = ScriptLimits(1_000_000, 100, 10_000_000)
        scripts = Scripts(self.database)
        await scripts.put(
            await self.account_id(address), name, source, limits, ScriptPosition.ACTIVE
        )

    async def client(self, port: int) -> Wire:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", port)
        return await connectProtocol(endpoint, Wire())  # type: ignore[no-any-return]

    async def imap(self, user: str) -> Wire:
        """A session that has logged in."""
        wire = await self.client(self.imap_port)
        await wire.until(rb"\* OK [^\r\n]*\r\n")
        said = await wire.ask(b"LOGIN %s %s" % (user.encode(), LOGIN_PASSWORD.encode()))
        assert b"a OK" in said, said
        return wire

    async def lmtp(self) -> Wire:
        """A session that has said LHLO."""
        wire = await self.client(self.lmtp_port)
        await wire.until(rb"220 [^\r\n]*\r\n")
        wire.send(b"LHLO client.example\r\n")
        await wire.until(rb"250 [^\r\n]*\r\n")
        return wire


class WholeSoraTestCase(DatabaseTestCase):
    """Tests with one or several processes' worth of Sora."""

    extra = ""

    async def sora(self, fresh: FreshDatabase | None = None) -> WholeSora:
        """One that runs; it is stopped after the test. All of a test share a directory."""
        if not hasattr(self, "_objects"):
            self._objects = self.mktemp()
            os.mkdir(self._objects)
            # The path of a socket is short.
            self._doorbell = tempfile.mkdtemp(prefix="sora-bell-")
            self.addCleanup(rmtree, self._doorbell, True)
        sora = WholeSora(fresh or await self.fresh(), self._objects, self._doorbell, self.extra)
        self.addCleanup(lambda: Deferred.fromCoroutine(sora.stop()))
        await sora.start()
        # So that nothing of the start is counted as a command's.
        while not sora.database.statements["beat"]:
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        return sora

    async def account(self, sora: WholeSora, address: str, scheme: str = "ssha512") -> None:
        """An account with the usual mailboxes."""
        operations = AccountOperations(
            Accounts(sora.database),
            Credentials(sora.database),
            Domains(sora.database),
            PasswordHashing(os.urandom, deferToThread),
        )
        await operations.create(address, LOGIN_PASSWORD, scheme)

    async def filed(self, sora: WholeSora) -> None:
        """Wait until no body is staged any more."""

        async def waiting(tx: Any) -> int:
            return int(
                await tx.value(
                    "select count(*) from contents where staging_slot is not null and state = 'live'"
                )
            )

        while await sora.database.run("backlog", waiting, write=False):
            await pause(reactor, 0.05)  # type: ignore[arg-type]

    async def cost(self, sora: WholeSora, work: Awaitable[object]) -> "Counter[str]":
        """What statements some work sends, aside from what goes on by itself."""
        before = sora.database.statements.copy()
        await work
        sent = sora.database.statements - before
        return Counter({name: n for name, n in sent.items() if name not in BACKGROUND})
