"""The parts of one process, built from the ground up on a configuration."""

import os
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from socket import gethostname
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from twisted.application.service import IService, MultiService

from sora.app.accounts import accounts_on
from sora.app.annotations import annotation_rules
from sora.app.cleaning import cleaner_of, server_retention
from sora.app.database import make_database, migrate_database, notice_epoch
from sora.app.delivering import delivering_by
from sora.app.doorbell import open_mailboxes_of
from sora.app.embedded_mode import (
    EmbeddedOptions,
    Login,
    ensure_account,
    remember,
)
from sora.app.event_scripts import event_rules, event_scripts, sieve_url
from sora.app.exchange import file_threads
from sora.app.filtering import (
    DeliveryParts,
    DeliveryRooms,
    delivery_of,
    delivery_rooms,
    server_scripts,
)
from sora.app.filtering_stored import filtering_here
from sora.app.health import health_of
from sora.app.http import Running, new_operation, nouns_on
from sora.app.liveness import DatabaseLiveness
from sora.app.logins import LoginPaces, login_paces
from sora.app.past import past_namespace
from sora.app.relay import RelayParts, deliver_report, relay_of
from sora.app.reload import RunningServer
from sora.app.servers import Parts, metrics_of, servers, tell_ends
from sora.app.sharing import shared_namespace
from sora.app.sieve import COMPILING_THREADS, compiler_of, script_store
from sora.app.storage import BodyStorage, body_storage
from sora.app.tables import tables_on
from sora.app.tracing import tracing_of
from sora.app.tree import OrderedServices
from sora.auth.authenticator import Authenticator
from sora.auth.cache import VerifiedPasswords
from sora.auth.last_logins import LastLogins
from sora.auth.statistics import LoginStatistics
from sora.auth.threads import PasswordThreads
from sora.auth.throttle import Throttle
from sora.config.config import Config
from sora.deferreds import Tasks
from sora.health import Health
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.delivery import Delivery
from sora.mailbox.event_scripts import EventAccounts, EventScripts
from sora.mailbox.keeping import Keeping
from sora.mailbox.mail_store import MailStore
from sora.mailbox.maildrops import Maildrops
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.spool import Spool
from sora.metrics.authentication import AuthenticationMetrics, ThrottleMetrics
from sora.metrics.imap import IdleMetrics
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.memory import MemoryMetrics, SessionMemoryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.process import ProcessMetrics
from sora.metrics.sieve import SieveMetrics
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.operations.logins import LoginOperations
from sora.operations.tasks import TaskOperations
from sora.threads import Threads
from sora.tls.contexts import ServerTLS
from sora.workers.closed_accounts import ClosedAccounts
from sora.workers.inventory import Stocktaking
from sora.workers.last_logins import LastLoginRecorder
from sora.workers.tasks import TaskRunner

PATIENCE = 30.0
"""seconds that one part may take to stop, beside the time that clients are given"""


class House:
    """The parts of one process, built from the ground up. Only `assemble` sees it."""

    def __init__(self, config: Config, reactor: Any) -> None:
        self.config = config
        self.reactor = reactor
        self.registry = CollectorRegistry()
        self.metrics = ProcessMetrics(self.registry, lambda: Tasks.everywhere)
        self.process_id = uuid4()
        self.random = SystemRandom()
        self.namespace = shared_namespace(config.shared_mailboxes)
        self.running: list[RunningServer] = []
        self.trackers: list[Tracker] = []
        self.database = make_database(
            config.database, reactor=reactor, random=self.random, registry=self.registry
        )
        self.liveness = DatabaseLiveness(self.database, reactor, config.health.database_timeout)
        self.tables = tables_on(self.database, config.s3.dedup, reactor)
        self.past = past_namespace(config, self.tables.past)
        # Not the qualified name: asking for it may wait for a name server.
        self.hostname = gethostname()
        self.node = config.cluster.node_id or self.hostname
        self.compiling = Threads(reactor, COMPILING_THREADS, "compiling")
        self.files = file_threads(reactor)
        self.compiler = compiler_of(config, self.compiling.run)
        self.server_scripts = server_scripts(config)
        self.throttle = _throttle(config, reactor)
        self.statistics = LoginStatistics(reactor)
        self.last_logins = LastLogins(reactor)
        self.event_rules = event_rules(config)
        self.event_accounts = EventAccounts(self.tables.metadata, reactor)
        self.tracing = tracing_of(
            config.tracing, node=self.node, reactor=reactor, registry=self.registry
        )

    async def open_database(self, say: Callable[[str], None]) -> None:
        """Bring the schema up to date, and open connections."""
        await migrate_database(
            self.config.database, reactor=self.reactor, holder=self.process_id, say=say
        )
        self.database.start()
        await notice_epoch(self.database)

    async def close_database(self) -> None:
        """Close the connections, when what runs on them has ended."""
        await self.database.close()

    async def first_account(self, embedded: EmbeddedOptions, login: Login) -> None:
        """Have the account of the embedded mode, and remember its password."""
        operations = accounts_on(self.tables).accounts
        await ensure_account(operations, login)
        if login.is_new:
            remember(embedded, login)

    def build(self, database_id: UUID, certificates: Mapping[int, ServerTLS]) -> IService:
        """Everything above the database, as a service; nothing of it is started."""
        config, reactor, tables = self.config, self.reactor, self.tables
        storage = body_storage(
            config,
            database_id,
            tables,
            node=self.node,
            reactor=reactor,
            random=self.random,
            registry=self.registry,
        )
        open_mailboxes, doorbell = open_mailboxes_of(
            tables.mailboxes,
            config.process,
            database_id=database_id,
            process_id=self.process_id,
            reactor=reactor,
            registry=self.registry,
            grew=storage.grew,
            entries_set=self.event_accounts.set,
        )
        poll = self._poll(open_mailboxes)
        passwords = PasswordThreads(reactor, threads=os.cpu_count() or 1)
        logins = login_paces(config, self.database, reactor=reactor, registry=self.registry)
        self.metrics.delay.set_function(lambda: logins.pressure.delay)
        maildrops = self._maildrops(storage, open_mailboxes)
        delivery, relay, events, rooms = self._delivery(storage, open_mailboxes)
        health = self._health(storage, relay, certificates, logins)
        commands, deliveries, connections = metrics_of(self.registry)
        messages = MessageMetrics(self.registry)
        tell_ends(certificates.values(), self.registry)
        tracker = Tracker(
            reactor.seconds, connections, per_user=config.limits.max_connections_per_user
        )
        tracker.write_transcripts(config.logging.transcript_users, config.logging.transcript_path)
        self.trackers.append(tracker)
        mail = self._mail(storage, open_mailboxes, poll, events)
        MemoryMetrics(
            self.registry,
            mailboxes=lambda: open_mailboxes.memory,
            messages=lambda: mail.kept_octets,
        )
        scripts = script_store(config, tables.scripts, self.compiler)
        cleaner = cleaner_of(
            config,
            tables,
            storage.objects,
            node=self.node,
            reactor=reactor,
            random=self.random,
            registry=self.registry,
            told=open_mailboxes.announce.changed,
        )
        runner = TaskRunner(tables.tasks, clock=reactor, node=self.node, new_id=uuid4)
        nouns = nouns_on(
            config,
            tables,
            storage,
            Running(
                files=self.files,
                scripts=scripts,
                sessions=tracker,
                health=health,
                certificates=certificates,
                logins=LoginOperations(self.statistics, self.throttle),
                cleaner=cleaner,
                tasks=TaskOperations(tables.tasks, runner),
                filtering=filtering_here(
                    tables,
                    storage.bodies,
                    rooms,
                    relay.relay if relay.is_on else None,
                    reactor=reactor,
                    new_operation=new_operation,
                ),
                told=open_mailboxes.announce.copied,
                delivering=delivering_by(delivery, config.limits, self.hostname, messages),
            ),
            reactor=reactor,
        )
        parts = Parts(
            config=config,
            reactor=reactor,
            hostname=self.hostname,
            authenticator=self._authenticator(passwords, logins, database_id),
            mail=mail,
            maildrops=maildrops,
            keeping=Keeping(tables.retention, server_retention(config.cleanup), reactor),
            delivery=delivery,
            scripts=scripts,
            spool=Spool,
            tracker=tracker,
            commands=commands,
            messages=messages,
            idle=IdleMetrics(self.registry),
            uploads=ScriptMetrics(self.registry),
            memory=SessionMemoryMetrics(self.registry, tracker.memory),
            deliveries=deliveries,
            connections=connections,
            requests=tables.requests,
            nouns=nouns,
            registry=self.registry,
            is_ready=self.liveness.is_ready,
            sieve_url=sieve_url(config, self.hostname),
            tracer=self.tracing.tracer if self.tracing is not None else None,
        )
        made = servers(parts, certificates)
        self.running += made.running
        middle: list[IService] = [
            *(poll, doorbell, passwords, logins.pressure, self.compiling, self.files, maildrops)
        ]
        middle += relay.services
        if events is not None:
            middle += [self.event_accounts, events]
        stock = Stocktaking(tables.upkeep, reactor, self.registry, lambda: len(open_mailboxes))
        closed = ClosedAccounts(tables.accounts, lambda: tracker, reactor)
        noting = LastLoginRecorder(self.last_logins, tables.credentials, reactor)
        workers: list[IService] = [cleaner, runner, stock, closed, noting, *storage.workers]
        if self.tracing is not None:
            self.tracing.trace_rounds((*relay.services, *workers))
            middle.insert(0, self.tracing.export)  # what stops after it is not traced any more
        if health is not None:
            workers.append(health)
        return self._tree(storage, middle, workers, made.listeners)

    def _health(
        self,
        storage: BodyStorage,
        relay: RelayParts,
        certificates: Mapping[int, ServerTLS],
        logins: LoginPaces,
    ) -> Health | None:
        if not self.config.health.enabled:
            return None
        return health_of(
            self.config,
            self.tables,
            storage,
            relay,
            certificates.values(),
            logins=logins,
            liveness=self.liveness,
            reactor=self.reactor,
            random=self.random,
            registry=self.registry,
            more=[self.tracing.check] if self.tracing is not None else [],
        )

    def _poll(self, open_mailboxes: OpenMailboxes) -> ChangePoll:
        return ChangePoll(
            self.tables.mailboxes,
            self.tables.membership,
            open_mailboxes,
            self.reactor,
            self.process_id,
            self.node,
        )

    def _mail(
        self,
        storage: BodyStorage,
        open_mailboxes: OpenMailboxes,
        poll: ChangePoll,
        events: EventScripts | None,
    ) -> MailStore:
        return MailStore(
            self.tables.mailboxes,
            self.tables.messages,
            storage.arrivals,
            storage.bodies,
            open_mailboxes,
            poll,
            self.reactor,
            kept_memory=self.config.limits.kept_memory,
            rights=self.tables.rights,
            quotas=self.tables.quotas,
            metadata=self.tables.metadata,
            namespace=self.namespace,
            past=self.past,
            annotation_rules=annotation_rules(self.config.metadata),
            events=events,
        )

    def _maildrops(self, storage: BodyStorage, open_mailboxes: OpenMailboxes) -> Maildrops:
        return Maildrops(
            self.tables.maildrops,
            self.tables.messages,
            storage.bodies,
            open_mailboxes,
            self.reactor,
            login_delay=self.config.pop3.login_delay,
            marks_seen=self.config.pop3.mark_seen,
        )

    def _delivery(
        self, storage: BodyStorage, open_mailboxes: OpenMailboxes
    ) -> tuple[Delivery, RelayParts, EventScripts | None, DeliveryRooms]:
        """The door for incoming mail, the relay behind it, whose reports come in by it, the
        scripts that run for what clients do, and what all scripts are run with."""

        async def report_locally(address: str, octets: bytes) -> bool:
            return await deliver_report(delivery, address, octets, host=self.hostname)

        relay = relay_of(
            self.config.relay,
            host=self.hostname,
            reactor=self.reactor,
            random=self.random,
            registry=self.registry,
            deliver_locally=report_locally,
        )
        parts = DeliveryParts(
            accounts=self.tables.accounts,
            mailboxes=self.tables.mailboxes,
            messages=self.tables.messages,
            metadata=self.tables.metadata,
            rights=self.tables.rights,
            scripts=self.tables.scripts,
            arrivals=storage.arrivals,
            open_mailboxes=open_mailboxes,
            compiler=self.compiler,
            threads=self.compiling,
            relay=relay.relay if relay.is_on else None,
            namespace=self.namespace,
            hostname=self.hostname,
            random=os.urandom,
            reactor=self.reactor,
            metrics=SieveMetrics(self.registry),
        )
        rooms = delivery_rooms(self.config, self.server_scripts, parts)
        delivery = delivery_of(self.config, parts, rooms)
        events = event_scripts(
            self.config, self.event_rules, self.event_accounts, parts, rooms, storage.bodies
        )
        return delivery, relay, events, rooms

    def _tree(
        self,
        storage: BodyStorage,
        middle: Sequence[IService],
        workers: Sequence[IService],
        listeners: Sequence[IService],
    ) -> OrderedServices:
        tree = OrderedServices(self.reactor, self.config.limits.shutdown_timeout + PATIENCE)
        for service in (*storage.stores, *middle, *workers):
            tree.addService(service)
        # Listeners are stopped at the same time: their clients have the same time to leave.
        front = MultiService()
        front.setName("servers")
        for listener in listeners:
            front.addService(listener)
        tree.addService(front)
        return tree

    def _authenticator(
        self, passwords: PasswordThreads, logins: LoginPaces, database_id: UUID
    ) -> Authenticator:
        verified, throttle = VerifiedPasswords(self.reactor, os.urandom), self.throttle
        ThrottleMetrics(
            self.registry,
            blocked=throttle.count_blocked,
            addresses=lambda: throttle.entries[0],
            users=lambda: throttle.entries[1],
            pairs=lambda: throttle.entries[2],
            waiting=lambda: throttle.waiting,
        )
        return Authenticator(
            self.tables.credentials,
            clock=self.reactor,
            random=os.urandom,
            threads=passwords,
            paces=logins.paces,
            verified=verified,
            throttle=throttle,
            statistics=self.statistics,
            last_logins=self.last_logins,
            metrics=AuthenticationMetrics(self.registry, verified.__len__),
            # No secret to operators, but to strangers; and the same on every node.
            secret=database_id.bytes,
        )


def _throttle(config: Config, reactor: Any) -> Throttle:
    trusted = [one for server in config.servers for one in server.trusted_networks]
    limits = {server.type: server.auth_rate_limit for server in config.servers}
    return Throttle(reactor, limits, exempt=Networks(trusted))
