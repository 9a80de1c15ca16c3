"""`[[servers]]` made into listeners: one line in BUILDERS for each type of server."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.internet.interfaces import IProtocolFactory

from sora.app.reload import RunningServer
from sora.auth.interfaces import IAuthenticator
from sora.config.config import Config
from sora.config.servers import ServerConfig
from sora.mailbox.delivery import Delivery
from sora.mailbox.keeping import Keeping
from sora.mailbox.mail_store import MailStore
from sora.mailbox.maildrops import Maildrops
from sora.mailbox.scripts import ScriptStore
from sora.mailbox.spool import Spool
from sora.metrics.connections import ConnectionMetrics
from sora.metrics.imap import IdleMetrics
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.memory import SessionMemoryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.metrics.surroundings import CertificateMetrics
from sora.net.limits import ConnectionLimits
from sora.net.listener import Listener
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.protocol import refusal as http_refusal
from sora.protocols.http.service import http_factory
from sora.protocols.imap.service import imap_factory
from sora.protocols.imap.service import refusal as imap_refusal
from sora.protocols.lmtp.protocol import refusal as lmtp_refusal
from sora.protocols.lmtp.service import lmtp_factory
from sora.protocols.managesieve.protocol import refusal as managesieve_refusal
from sora.protocols.managesieve.service import managesieve_factory
from sora.protocols.pop3.protocol import refusal as pop3_refusal
from sora.protocols.pop3.service import pop3_factory
from sora.storage.interfaces import IRequests
from sora.tls.contexts import ServerTLS
from sora.tracing.commands import CommandTraces
from sora.tracing.tracer import Tracer


@frozen(kw_only=True)
class Parts:
    """What builders choose from. A server is given what its builder takes out, never this."""

    config: Config
    reactor: Any
    hostname: str
    authenticator: IAuthenticator
    mail: MailStore
    maildrops: Maildrops
    keeping: Keeping
    delivery: Delivery
    scripts: ScriptStore
    spool: Callable[[], Spool]
    tracker: Tracker
    commands: CommandMetrics
    messages: MessageMetrics
    idle: IdleMetrics
    uploads: ScriptMetrics
    memory: SessionMemoryMetrics
    deliveries: DeliveryMetrics
    connections: ConnectionMetrics
    nouns: Nouns
    requests: IRequests
    registry: CollectorRegistry
    is_ready: Callable[[], Awaitable[bool]]
    sieve_url: str = ""
    tracer: Tracer | None = None

    def traces(self, server: ServerConfig) -> CommandTraces | None:
        """What a server makes traces with, where this process traces."""
        if self.tracer is None:
            return None
        return CommandTraces(self.tracer, server.type.removesuffix("_api"), server.label)


@frozen
class Spoken:
    """A protocol as a listener takes it: its factory, and its words of refusal."""

    factory: IProtocolFactory
    refusal: Callable[[str], bytes]
    change: Callable[[ServerConfig], None] | None = None
    """takes what can be exchanged of it while it runs"""


def _imap(parts: Parts, server: ServerConfig, tls: ServerTLS | None) -> Spoken:
    factory = imap_factory(
        clock=parts.reactor,
        server=server,
        limits=parts.config.limits,
        authenticator=parts.authenticator,
        mail=parts.mail,
        commands=parts.commands,
        messages=parts.messages,
        new_id=lambda: uuid4().hex[:12],
        idle=parts.idle,
        memory=parts.memory,
        tls=tls,
        sieve_url=parts.sieve_url,
        slow_command=parts.config.logging.slow_command,
        traces=parts.traces(server),
    )
    return Spoken(factory, imap_refusal)


def _lmtp(parts: Parts, server: ServerConfig, tls: ServerTLS | None) -> Spoken:
    factory = lmtp_factory(
        clock=parts.reactor,
        server=server,
        limits=parts.config.limits,
        hostname=parts.hostname,
        deliveries=parts.delivery,
        spool=parts.spool,
        commands=parts.commands,
        messages=parts.messages,
        metrics=parts.deliveries,
        tls=tls,
        sends_reports=parts.delivery.sends_reports,
        traces=parts.traces(server),
        slow_command=parts.config.logging.slow_command,
    )
    return Spoken(factory, lmtp_refusal)


def _managesieve(parts: Parts, server: ServerConfig, tls: ServerTLS | None) -> Spoken:
    factory = managesieve_factory(
        clock=parts.reactor,
        server=server,
        limits=parts.config.limits,
        sieve=parts.config.sieve,
        authenticator=parts.authenticator,
        scripts=parts.scripts,
        commands=parts.commands,
        uploads=parts.uploads,
        new_id=lambda: uuid4().hex[:12],
        tls=tls,
        traces=parts.traces(server),
        slow_command=parts.config.logging.slow_command,
    )
    return Spoken(factory, managesieve_refusal)


def _pop3(parts: Parts, server: ServerConfig, tls: ServerTLS | None) -> Spoken:
    factory = pop3_factory(
        clock=parts.reactor,
        server=server,
        pop3=parts.config.pop3,
        limits=parts.config.limits,
        authenticator=parts.authenticator,
        maildrops=parts.maildrops,
        keeping=parts.keeping,
        commands=parts.commands,
        messages=parts.messages,
        new_id=lambda: uuid4().hex[:12],
        tls=tls,
        traces=parts.traces(server),
        slow_command=parts.config.logging.slow_command,
    )
    return Spoken(factory, pop3_refusal)


def _http(parts: Parts, server: ServerConfig, tls: ServerTLS | None) -> Spoken:
    factory = http_factory(
        clock=parts.reactor,
        server=server,
        nouns=parts.nouns,
        requests=parts.requests,
        registry=parts.registry,
        commands=parts.commands,
        is_ready=parts.is_ready,
        new_id=lambda: uuid4().hex[:12],
        traces=parts.traces(server),
        max_message_size=parts.config.limits.max_message_size,
        max_archive_size=parts.config.admin.max_archive_size,
    )
    return Spoken(factory, http_refusal, factory.change)


BUILDERS: Final[Mapping[str, Callable[[Parts, ServerConfig, ServerTLS | None], Spoken]]] = {
    "http_api": _http,
    "imap": _imap,
    "lmtp": _lmtp,
    "managesieve": _managesieve,
    "pop3": _pop3,
}


@frozen
class Servers:
    """The listeners, and what of them can be exchanged by a reload."""

    listeners: tuple[Listener, ...]
    running: tuple[RunningServer, ...]


def servers(parts: Parts, certificates: Mapping[int, ServerTLS]) -> Servers:
    """Build all servers that are to be started; `certificates` are by number of the entry."""
    listeners, running = [], []
    for number, server in enumerate(parts.config.servers):
        if not server.start:
            continue
        trusted = Networks(server.trusted_networks)
        limits = ConnectionLimits(
            total=server.max_connections,
            per_address=server.max_connections_per_ip,
            exempt=trusted,
        )
        tls = certificates.get(number)
        spoken = BUILDERS[server.type](parts, server, tls)
        listeners.append(
            Listener(
                parts.reactor,
                name=server.label,
                protocol=server.type,
                endpoint=server.addr,
                factory=spoken.factory,
                tracker=parts.tracker,
                limits=limits,
                metrics=parts.connections,
                tls=tls if server.tls else None,
                proxies=trusted if server.proxy_protocol else None,
                refusal=spoken.refusal,
                grace=parts.config.limits.shutdown_timeout,
            )
        )
        running.append(RunningServer(number, limits, spoken.change))
    return Servers(tuple(listeners), tuple(running))


def certificates_of(config: Config) -> dict[int, ServerTLS]:
    """The certificate of each server that has one, by the number of its entry; servers that
    name the same files share it.

    Raises CertificateUnusable.
    """
    loaded: dict[tuple[Path, Path], ServerTLS] = {}
    found = {}
    for number, files in certificate_files(config).items():
        if files not in loaded:
            loaded[files] = ServerTLS(*files)
        found[number] = loaded[files]
    return found


def certificate_files(config: Config) -> dict[int, tuple[Path, Path]]:
    """The files of the certificate and the key of each server that is started and has them, by the
    number of its entry."""
    found = {}
    for number, server in enumerate(config.servers):
        files = _files_of(config, server)
        if server.start and files is not None:
            found[number] = (Path(files[0]), Path(files[1]))
    return found


def _files_of(config: Config, server: ServerConfig) -> tuple[str, str] | None:
    if server.tls_cert_file:
        return server.tls_cert_file, server.tls_key_file
    if config.tls.enabled and config.tls.cert_file and (server.tls or server.starttls):
        return config.tls.cert_file, config.tls.key_file
    return None


def tell_ends(certificates: Iterable[ServerTLS], registry: CollectorRegistry) -> None:
    """Let the metrics tell when certificates end, also those that take their places."""
    metrics = CertificateMetrics(registry)
    for one in certificates:
        metrics.watch(str(one.files[0]), partial(_end_of, one))


def _end_of(one: ServerTLS) -> float:
    return one.certificate.not_valid_after_utc.timestamp()


def metrics_of(
    registry: CollectorRegistry,
) -> tuple[CommandMetrics, DeliveryMetrics, ConnectionMetrics]:
    """The metrics that all servers share."""
    return CommandMetrics(registry), DeliveryMetrics(registry), ConnectionMetrics(registry)
