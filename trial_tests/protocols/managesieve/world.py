"""A ManageSieve server without a network: memory storage, the real compiler, a clock."""

from base64 import b64encode
from typing import Any

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock

from sora.addresses import parse_address
from sora.mailbox.scripts import Compiler, ScriptStore
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.protocol import CommandMetrics
from sora.protocols.managesieve.protocol import ManageSieveFactory
from sora.protocols.managesieve.services import Limits, Services
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits as SieveLimits
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox, ScriptLimits
from trial_tests.support.transcript import (
    EPOCH,
    PASSWORD,
    Client,
    DialogueTestCase,
    OnePassword,
    ThreadsHere,
)

LIMITS = ScriptLimits(size=1000, scripts=5, total=2500)


def plain(user: str, password: str = PASSWORD) -> str:
    """What PLAIN says (RFC 4616), in base64."""
    return b64encode(f"\0{user}\0{password}".encode()).decode()


class Server:
    """A ManageSieve server, its storage, and the account `fred@example.com`."""

    def __init__(self, limits: Limits | None = None, clock: Any = None, **services: Any) -> None:
        """`clock` is a reactor for tests over a real port; `services` overrides `Services`."""
        if clock is None:
            clock = Clock()
            clock.advance(EPOCH)
        self.clock = clock
        self.storage = memory_storage(clock)
        compiler = Compiler(
            SIEVE, SieveLimits(script_size=LIMITS.size, redirects=5), ThreadsHere().run
        )
        self.scripts = ScriptStore(self.storage.scripts, compiler, LIMITS)
        self.registry = CollectorRegistry()
        self.factory = ManageSieveFactory(
            clock=clock,
            limits=limits or Limits(script=LIMITS.size),
            services=evolve(
                Services(
                    authenticator=OnePassword(self.storage),
                    scripts=self.scripts,
                    metrics=CommandMetrics(self.registry),
                    uploads=ScriptMetrics(self.registry),
                    new_id=lambda: "session",
                    insecure_auth=True,
                ),
                **services,
            ),
        )
        self.storage.accounts.create(parse_address("fred@example.com"), (), (NewMailbox("INBOX"),))


class ManageSieveTestCase(DialogueTestCase):
    """A server for each test, and its first client, who has logged in as fred."""

    limits: Limits | None = None
    logs_in = True

    def setUp(self) -> None:
        self.server = Server(self.limits)
        self.clock = self.server.clock
        self.client = self.new_client(self.logs_in)

    def new_client(self, logs_in: bool = True, user: str = "fred") -> Client:
        """Another connection."""
        client = Client(self.server)
        self.greeting = client.take().decode()
        if logs_in:
            said = client.ask(f'AUTHENTICATE "PLAIN" "{plain(user)}"'.encode())
            self.assertEqual(said, b'OK "Logged in"\r\n')
        return client

    def put(self, name: str, source: str = "keep;\r\n") -> None:
        """A script that is there already."""
        octets = source.encode()
        said = self.client.ask(b'PUTSCRIPT "%s" {%d+}\r\n%s' % (name.encode(), len(octets), octets))
        self.assertTrue(said.startswith(b"OK"), said)
