"""An HTTP server for administration over memory storage, without a network."""

import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

from attrs import frozen
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry
from twisted.internet.defer import maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sora.auth.statistics import LoginStatistics
from sora.auth.throttle import Throttle
from sora.config.servers import AuthRateLimit
from sora.health import Health
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import ObjectCopies
from sora.mailbox.scripts import Compiler, ScriptStore
from sora.mailbox.spool import Spool
from sora.mailbox.verifying import Verifier
from sora.metrics.connections import ConnectionMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import Networks
from sora.net.peer import Peer
from sora.net.tracker import Tracker
from sora.operations.account_details import AccountDetails
from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.operations.acl import AclOperations
from sora.operations.aliases import AliasOperations
from sora.operations.cache import CacheOperations, LiveCache
from sora.operations.cleaning import CleaningOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.credentials import CredentialOperations
from sora.operations.database import DatabaseOperations
from sora.operations.domain_purge import DomainPurge
from sora.operations.domains import DomainOperations
from sora.operations.health import HealthOperations
from sora.operations.history import HistoryOperations
from sora.operations.logins import LoginOperations
from sora.operations.mailbox import MailboxOperations
from sora.operations.migrations import MigrationOperations, MigrationRow
from sora.operations.objects import ObjectOperations
from sora.operations.owners import OwnerLookup
from sora.operations.past import PastOperations
from sora.operations.quota import QuotaOperations
from sora.operations.relay import RelayOperations
from sora.operations.restoring import RestoringOperations
from sora.operations.retention import RetentionOperations
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_filter import SieveFiltering
from sora.operations.sieve_trial import SieveTrials
from sora.operations.tasks import TaskOperations
from sora.operations.tls import Known, TLSOperations
from sora.operations.uploader import UploaderOperations
from sora.operations.verify import VerifyOperations
from sora.protocols.http.endpoint import Endpoint, Scope
from sora.protocols.http.gate import Gate, Rates
from sora.protocols.http.keys import Key, Keys, digest_of
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.once import Once
from sora.protocols.http.openapi import document
from sora.protocols.http.pages import api_pages, monitoring_pages
from sora.protocols.http.protocol import HTTPFactory
from sora.protocols.http.site import AdminSite
from sora.protocols.http.spoken import ENDPOINTS, GROUPS
from sora.protocols.http.upload import Uploads
from sora.retry import pause
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import Operation, ScriptLimits, ServerRetention
from sora.storage.stores import ObjectStore
from sora.workers.cleaner import Cleaner, Graces
from sora.workers.tasks import TaskRunner
from trial_tests.protocols.http.exchange_desk import delivering_on, exchange_on
from trial_tests.support.transcript import ThreadsHere

KEY = "the-key-that-may-change-things"
READING = "the-key-that-may-look"
TAKING = "the-key-that-may-take-mail-away"
MAX_MESSAGE = 3 * 1024 * 1024
"""octets of a message that is delivered"""
MAX_ARCHIVE = 4 * 1024 * 1024
"""octets of a maildir that is imported"""


@frozen
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


class DeskTestCase(SynchronousTestCase):
    """Asks a server that lets 10.0.0.0/8 in."""

    endpoints: Sequence[Endpoint] = ENDPOINTS
    rates = Rates()
    ready = True
    health: Health | None = None
    certificates: Sequence[Known] = ()
    directories: Sequence[str] = ()
    cache: LiveCache | None = None

    def setUp(self) -> None:
        self.clock = Clock()
        self.spools: list[Spool] = []
        self.registry = CollectorRegistry()
        self.counted = MessageMetrics(self.registry)
        self.storage = memory_storage(self.clock)
        self.tracker = Tracker(self.clock.seconds, ConnectionMetrics(self.registry))
        self.logins = LoginStatistics(self.clock)
        self.throttle = Throttle(self.clock, {"imap": AuthRateLimit()}, exempt=Networks([]))
        self.nouns = self.make_nouns()
        self.described = document(self.endpoints, GROUPS, "0")
        ids = count(1)
        self.site = AdminSite(
            self.endpoints,
            [
                *api_pages(self.described),
                *monitoring_pages(self.registry, self.is_ready, None),
            ],
            nouns=self.nouns,
            once=Once(self.storage.requests, uuid4),
            gate=Gate(
                Keys(
                    [
                        Key("boss", digest_of(KEY)),
                        Key("clerk", digest_of(READING), frozenset([Scope.READ])),
                        Key("porter", digest_of(TAKING), frozenset([Scope.EXPORT])),
                    ]
                ),
                Networks([ip_network("10.0.0.0/8")]),
                self.clock.seconds,
                self.rates,
            ),
            seconds=self.clock.seconds,
            new_id=lambda: f"r{next(ids)}",
            metrics=CommandMetrics(self.registry),
            uploads=Uploads(self.new_spool, MAX_MESSAGE, MAX_ARCHIVE),
        )
        self.factory = HTTPFactory(
            self.site.resource(),
            self.clock,
            lambda: f"r{next(ids)}",
            upload=self.site.upload,
        )

    def make_nouns(self) -> Nouns:
        """The operations, on memory storage, and on a relay queue in a directory."""
        storage = self.storage
        hashing = PasswordHashing(os.urandom, maybeDeferred)
        owners = OwnerLookup(storage.accounts, storage.rights)
        threads = ThreadsHere()
        compiler = Compiler(SIEVE, Limits(), threads.run)
        scripts = ScriptStore(storage.scripts, compiler, ScriptLimits(1_000_000, 10, 2_000_000))
        stores = {"first": ObjectStore("first", MemoryObjects())}
        self.queue = self.mktemp()
        os.mkdir(self.queue)
        uploads, copies = storage.uploads, storage.copies
        self.cleaner = Cleaner(
            storage.cleaning,
            {},
            clock=self.clock,
            random=Random(1),
            graces=Graces(14 * 86400.0),
            node="here",
        )
        bodies = Bodies(list(stores.values()), uploads, threads)
        copying = ObjectCopies(list(stores.values()), uploads, copies, bodies)
        self.runner = TaskRunner(storage.tasks, clock=self.clock, node="here", new_id=uuid4)
        self.runner.startService()
        self.addCleanup(self.runner.stopService)
        accounts = AccountOperations(
            storage.accounts, storage.credentials, storage.domains, hashing
        )
        retention = RetentionOperations(
            owners, storage.retention, ServerRetention(None, {"\\Trash": timedelta(days=30)})
        )
        cleaning = CleaningOperations(
            storage.cleaning,
            Graces(14 * 86400.0),
            lambda: succeed(self.cleaner),
            storage.deletions,
            self.clock.seconds,
        )
        return Nouns(
            accounts=accounts,
            details=AccountDetails(
                accounts,
                storage.credentials,
                storage.aliases,
                storage.quotas,
                storage.scripts,
                retention,
                timedelta(days=14),
            ),
            credentials=CredentialOperations(storage.credentials, hashing),
            aliases=AliasOperations(storage.aliases),
            domains=DomainOperations(storage.domains),
            mailboxes=MailboxOperations(owners, storage.mailboxes, _new_operation),
            restoring=RestoringOperations(
                owners,
                storage.mailboxes,
                storage.restoring,
                _new_operation,
                timedelta(days=14),
            ),
            history=HistoryOperations(
                owners, storage.mailboxes, storage.restoring, storage.history
            ),
            past=PastOperations(
                owners,
                storage.mailboxes,
                storage.messages,
                storage.restoring,
                storage.history,
                _new_operation,
                storage.tables.now,
            ),
            acl=AclOperations(owners, storage.rights, storage.mailboxes, _new_operation),
            quota=QuotaOperations(owners, storage.quotas),
            sieve=SieveOperations(owners, storage.rights, scripts),
            trials=SieveTrials(compiler, self.clock.seconds),
            relay=RelayOperations(self.queue, maybeDeferred, self.clock.seconds),
            connections=ConnectionOperations(lambda: self.tracker),
            cache=CacheOperations(self.cache, storage.cache_history, self.clock.seconds),
            database=DatabaseOperations(storage.upkeep),
            migrations=MigrationOperations(self.look_at_schema, self.change_schema),
            uploader=UploaderOperations(uploads, copies, ["second"]),
            objects=ObjectOperations(
                copies,
                copying,
                stores,
                [],
            ),
            verify=VerifyOperations(
                owners,
                storage.verifying,
                Verifier(storage.verifying, stores, bodies, copying, Spool),
                stores,
            ),
            filtering=self.filtering,
            **exchange_on(
                storage,
                owners,
                scripts,
                stores["first"],
                bodies,
                threads,
                self.clock,
                self.directories,
            ),
            delivering=delivering_on(storage, stores["first"], threads, self.clock, self.counted),
            tasks=TaskOperations(storage.tasks, self.runner),
            retention=retention,
            cleaning=cleaning,
            domain_purge=DomainPurge(storage.purging, cleaning, partial(pause, self.clock)),
            health=HealthOperations(lambda: self.health),
            tls=TLSOperations(lambda: self.certificates, (), maybeDeferred, self.clock.seconds),
            logins=LoginOperations(self.logins, self.throttle),
        )

    def filtering(self, sends: bool) -> SieveFiltering:
        """It is tested on a whole server."""
        raise NotImplementedError

    def new_spool(self) -> Spool:
        """What a message comes into; `spools` are all there were."""
        self.spools.append(Spool())
        return self.spools[-1]

    async def look_at_schema(self) -> Sequence[MigrationRow]:
        """Two steps, one of which is applied."""
        return [MigrationRow(2, "more", "pending"), MigrationRow(1, "tables", "applied")]

    async def change_schema(self, say: Callable[[str], None]) -> Sequence[int]:
        """It is not asked for."""
        raise NotImplementedError

    async def is_ready(self) -> bool:
        """What `/readyz` is told."""
        return self.ready

    # ---------------------------------------------------------- asking

    def connect(self, host: str = "10.1.2.3") -> tuple[Any, StringTransport]:
        """A connection from an address."""
        connection = self.factory.buildProtocol(None)
        connection.peer = Peer(host, 40000)
        transport = StringTransport()
        connection.makeConnection(transport)
        return connection, transport

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = KEY,
        host: str = "10.1.2.3",
        media: str = "application/json",
        raw: bytes | None = None,
        turns: int = 0,
        headers: Sequence[str] = (),
    ) -> Answer:
        """One request, and its answer. `raw` is a body that is sent as it is; `turns` are tenths of
        a second that it may take."""
        octets = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: sora", f"Content-Length: {len(octets)}"]
        if octets:
            head.append(f"Content-Type: {media}")
        if key is not None:
            head.append(f"Authorization: Bearer {key}")
        head += headers
        connection, transport = self.connect(host)
        connection.dataReceived("\r\n".join([*head, "", ""]).encode() + octets)
        for _ in range(turns):
            self.clock.advance(0.1)
        answer = parse(transport.value())
        connection.connectionLost()
        self._is_documented(method, path.partition("?")[0], answer)
        return answer

    def _is_documented(self, method: str, path: str, answer: Answer) -> None:
        """The answer is one that the OpenAPI document knows."""
        for endpoint in self.endpoints:
            pattern = "/admin" + re.sub(r"{\w+}", "[^/]+", endpoint.path)
            if endpoint.method == method and re.fullmatch(pattern, path):
                responses = self.described["paths"]["/admin" + endpoint.path][method.lower()]
                self.assertIn(str(answer.status), responses["responses"], answer.body)
                content = responses["responses"][str(answer.status)].get("content", {})
                for media, described in content.items():
                    self.assertEqual(answer.headers["content-type"], media)
                    if described["schema"].get("format") == "binary":
                        continue
                    schema = {**described["schema"], "components": self.described["components"]}
                    Draft202012Validator(schema).validate(answer.json)
                return

    def has_problem(self, answer: Answer, status: int, kind: str, detail: str = "") -> None:
        """The answer is problem details of this kind (RFC 9457)."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["type"], f"urn:sora:problem:{kind}")
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"])
        self.assertRegex(problem["instance"], "^urn:sora:request:")
        if detail:
            self.assertIn(detail, json.dumps(problem, ensure_ascii=False))


def _new_operation() -> Operation:
    return Operation(uuid4(), "operator")


def parse(octets: bytes) -> Answer:
    """An answer, as octets."""
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (one.partition(":") for one in lines)
    }
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Answer(int(first.split()[1]), headers, body)


def _unchunked(octets: bytes) -> bytes:
    found = b""
    while octets:
        size, _, octets = octets.partition(b"\r\n")
        count_ = int(size, 16)
        found += octets[:count_]
        octets = octets[count_ + 2 :]
    return found
