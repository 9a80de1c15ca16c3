"""From a configuration to the tree of services: the one place that sees all of Sora.

Started in this order, stopped in reverse:

    the embedded PostgreSQL, if there is one
    the log
    the database: migrations, then the pool
    object store, cache, threads
    the change poll, the doorbell and the workers
    the listeners
    `ready`
"""

import os
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from socket import gethostname
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from twisted.application.service import IService, MultiService
from twisted.logger import Logger

from sora.app.accounts import accounts_on
from sora.app.annotations import annotation_rules
from sora.app.available import require_available
from sora.app.database import database_id, make_database, migrate_database
from sora.app.doorbell import open_mailboxes_of
from sora.app.embedded import EmbeddedPostgres
from sora.app.embedded_mode import (
    EmbeddedOptions,
    Login,
    choose_login,
    ensure_account,
    remember,
    welcome,
)
from sora.app.filtering import DeliveryParts, delivery_of, server_scripts
from sora.app.http import Readiness, nouns_on
from sora.app.logging import LogOutput
from sora.app.relay import deliver_report, relay_of
from sora.app.reload import Reload, RunningServer, Signals
from sora.app.servers import BUILDERS, Parts, certificates_of, metrics_of, servers
from sora.app.sharing import shared_namespace
from sora.app.sieve import COMPILING_THREADS, compiler_of, script_store
from sora.app.start import ExitCode, Root
from sora.app.storage import BodyStorage, body_storage
from sora.app.tree import Later, OrderedServices, Stage
from sora.auth.authenticator import Authenticator
from sora.auth.cache import VerifiedPasswords
from sora.auth.threads import PasswordThreads
from sora.auth.throttle import Throttle
from sora.config.config import Config
from sora.config.load import Loaded
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.mail_store import MailStore
from sora.mailbox.maildrops import Maildrops
from sora.mailbox.spool import Spool
from sora.metrics.authentication import AuthenticationMetrics
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.indexing import Indexing
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.maildrops import Maildrops as MaildropsTable
from sora.storage.postgres.membership import Membership
from sora.storage.postgres.messages import Messages
from sora.storage.postgres.metadata import Metadata
from sora.storage.postgres.quotas import Quotas
from sora.storage.postgres.rights import RightsTable
from sora.storage.postgres.scripts import Scripts
from sora.storage.postgres.uploads import Uploads
from sora.threads import Threads
from sora.tls.contexts import ServerTLS

log = Logger()

PATIENCE = 30.0
"""seconds that one part may take to stop, beside the time that clients are given"""


def assemble(
    loaded: Loaded,
    reactor: Any,
    *,
    read: Callable[[], Loaded],
    output: LogOutput | None,
    embedded: EmbeddedOptions | None,
    say: Callable[[str], None],
) -> IService:
    """The service that twistd starts.

    `read` loads the configuration again for a reload; `say` speaks to the person who
    started us. Raises ConfigError, CertificateUnusable.
    """
    config = loaded.config
    for sentence in [*map(str, loaded.warnings), *require_available(config, BUILDERS)]:
        log.warn("{sentence}", sentence=sentence)
    certificates = certificates_of(config)
    tree = OrderedServices(reactor, config.limits.shutdown_timeout + PATIENCE)
    login = choose_login(embedded, os.urandom) if embedded is not None else None
    if embedded is not None:
        postgres = EmbeddedPostgres(embedded.postgres, say=say)
        tree.addService(Stage("embedded PostgreSQL", postgres.start, postgres.stop))
    house = House(config, reactor)
    tree.addService(Stage("database", lambda: house.open_database(say), house.close_database))

    async def build() -> IService:
        return house.build(await database_id(house.database), certificates)

    reload = Reload(
        config,
        read,
        output=output,
        certificates=list(dict.fromkeys(certificates.values())),
        servers=house.running,
        trackers=house.trackers,
    )
    if embedded is not None and login is not None:
        tree.addService(Stage("first account", lambda: house.first_account(embedded, login)))
    tree.addService(Later("mail", build))
    tree.addService(Signals(reload, reactor))

    async def ready() -> None:
        if embedded is not None and login is not None:
            say(welcome(embedded, config, login))
        else:
            say("ready")
        log.info("ready")

    tree.addService(Stage("ready", ready))
    exit_code = ExitCode()
    exit_code.install()
    return Root(tree, exit_code, reactor, output)


class House:
    """The parts of one process, built from the ground up. Only `assemble` sees it."""

    def __init__(self, config: Config, reactor: Any) -> None:
        self.config = config
        self.reactor = reactor
        self.registry = CollectorRegistry()
        self.process_id = uuid4()
        self.random = SystemRandom()
        self.namespace = shared_namespace(config.shared_mailboxes)
        self.running: list[RunningServer] = []
        self.trackers: list[Tracker] = []
        self.database = make_database(
            config.database, reactor=reactor, random=self.random, registry=self.registry
        )
        self.compiling = Threads(reactor, COMPILING_THREADS, "compiling")
        self.compiler = compiler_of(config, self.compiling.run)
        self.server_scripts = server_scripts(config)

    async def open_database(self, say: Callable[[str], None]) -> None:
        """Bring the schema up to date, and open connections."""
        await migrate_database(
            self.config.database, reactor=self.reactor, holder=self.process_id, say=say
        )
        self.database.pool.start()

    async def close_database(self) -> None:
        """Close the connections, when what runs on them has ended."""
        await self.database.pool.close()

    async def first_account(self, embedded: EmbeddedOptions, login: Login) -> None:
        """Have the account of the embedded mode, and remember its password."""
        operations = accounts_on(self.database, self._dedup, self.reactor).accounts
        await ensure_account(operations, login)
        if login.is_new:
            remember(embedded, login)

    def build(self, database_id: UUID, certificates: Mapping[int, ServerTLS]) -> IService:
        """Everything above the database, as a service; nothing of it is started."""
        config, reactor, database = self.config, self.reactor, self.database
        messages, uploads = Messages(database, reactor), Uploads(database)
        mailboxes = Mailboxes(database, reactor)
        storage = body_storage(
            config,
            database_id,
            messages=messages,
            uploads=uploads,
            cleaning=Cleaning(database),
            indexing=Indexing(database),
            reactor=reactor,
            random=self.random,
            registry=self.registry,
        )
        # Not the qualified name: asking for it may wait for a name server.
        hostname = gethostname()
        open_mailboxes, doorbell = open_mailboxes_of(
            mailboxes,
            config.process,
            database_id=database_id,
            process_id=self.process_id,
            reactor=reactor,
            registry=self.registry,
            grew=storage.grew,
        )
        poll = ChangePoll(
            mailboxes,
            Membership(database),
            open_mailboxes,
            reactor,
            self.process_id,
            config.cluster.node_id or hostname,
        )
        passwords = PasswordThreads(reactor, threads=os.cpu_count() or 1)
        commands, deliveries, connections = metrics_of(self.registry)
        tracker = Tracker(
            reactor.seconds, connections, per_user=config.limits.max_connections_per_user
        )
        self.trackers.append(tracker)
        maildrops = Maildrops(
            MaildropsTable(database, reactor),
            messages,
            storage.bodies,
            open_mailboxes,
            reactor,
            login_delay=config.pop3.login_delay,
            marks_seen=config.pop3.mark_seen,
        )

        async def report_locally(address: str, octets: bytes) -> bool:
            return await deliver_report(delivery, address, octets, host=hostname)

        relay = relay_of(
            config.relay,
            host=hostname,
            reactor=reactor,
            random=self.random,
            registry=self.registry,
            deliver_locally=report_locally,
        )
        delivery = delivery_of(
            config,
            self.server_scripts,
            DeliveryParts(
                accounts=Accounts(database, self._dedup),
                mailboxes=mailboxes,
                messages=messages,
                metadata=Metadata(database),
                rights=RightsTable(database, reactor, self._dedup),
                scripts=Scripts(database),
                arrivals=storage.arrivals,
                open_mailboxes=open_mailboxes,
                compiler=self.compiler,
                threads=self.compiling,
                relay=relay.relay if relay.is_on else None,
                namespace=self.namespace,
                hostname=hostname,
                random=os.urandom,
                reactor=reactor,
            ),
        )
        parts = Parts(
            config=config,
            reactor=reactor,
            hostname=hostname,
            authenticator=self._authenticator(passwords, database_id),
            mail=MailStore(
                mailboxes,
                messages,
                storage.arrivals,
                storage.bodies,
                open_mailboxes,
                poll,
                reactor,
                kept_memory=config.limits.kept_memory,
                rights=RightsTable(database, reactor, self._dedup),
                quotas=Quotas(database),
                metadata=Metadata(database),
                namespace=self.namespace,
                annotation_rules=annotation_rules(config.metadata),
            ),
            maildrops=maildrops,
            delivery=delivery,
            scripts=script_store(config, Scripts(database), self.compiler),
            spool=Spool,
            tracker=tracker,
            commands=commands,
            deliveries=deliveries,
            connections=connections,
            nouns=nouns_on(database, config, reactor, tracker),
            registry=self.registry,
            is_ready=Readiness(database, reactor, config.health.database_timeout),
        )
        made = servers(parts, certificates)
        self.running += made.running
        middle = [poll, doorbell, passwords, self.compiling, maildrops, *relay.services]
        return self._tree(storage, middle, made.listeners)

    def _tree(
        self,
        storage: BodyStorage,
        middle: Sequence[IService],
        listeners: Sequence[IService],
    ) -> OrderedServices:
        tree = OrderedServices(self.reactor, self.config.limits.shutdown_timeout + PATIENCE)
        for service in (*storage.stores, *middle, *storage.workers):
            tree.addService(service)
        # Listeners are stopped at the same time: their clients have the same time to leave.
        front = MultiService()
        front.setName("servers")
        for listener in listeners:
            front.addService(listener)
        tree.addService(front)
        return tree

    def _authenticator(self, passwords: PasswordThreads, database_id: UUID) -> Authenticator:
        trusted = [one for server in self.config.servers for one in server.trusted_networks]
        limits = {server.type: server.auth_rate_limit for server in self.config.servers}
        throttle = Throttle(self.reactor, limits, exempt=Networks(trusted))
        return Authenticator(
            Credentials(self.database),
            clock=self.reactor,
            random=os.urandom,
            threads=passwords,
            verified=VerifiedPasswords(self.reactor, os.urandom),
            throttle=throttle,
            metrics=AuthenticationMetrics(self.registry),
            # No secret to operators, but to strangers; and the same on every node.
            secret=database_id.bytes,
        )

    @property
    def _dedup(self) -> Any:
        return self.config.s3.dedup
