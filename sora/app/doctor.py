"""Everything that can be looked at from the command line when something is wrong: the explicit
list, causes before what follows from them. What is ill first is what to mend first.
"""

from collections.abc import Mapping
from socket import gethostname
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.app.certificates import local_host
from sora.app.health import (
    checks_from_here,
    health_of_checks,
    look_at_certificates,
    look_at_cleaner,
    relay_remedy,
)
from sora.app.health_database import DATABASE
from sora.app.liveness import DatabaseLiveness
from sora.app.relay import probe_relay
from sora.app.servers import certificates_of
from sora.app.storage import BodyStorage
from sora.app.tables import Tables
from sora.config.config import Config
from sora.config.database import DatabaseConfig
from sora.config.servers import ServerConfig
from sora.errors import Unavailable
from sora.health import Check, Finding, Health, Status
from sora.operations.configuration import ConfigurationOperations
from sora.operations.migrations import MigrationOperations
from sora.storage.interfaces import IUpkeep
from sora.storage.postgres.errors import StatementFailed
from sora.storage.rows import ServerSettings
from sora.tls.contexts import CertificateUnusable

PATIENCE: Final = 10.0
"""seconds that a part may take to answer"""
CLOCKS: Final = 5.0
"""seconds by which clocks may differ"""
SPARE: Final = 10
"""connections that PostgreSQL should have beside those of one node's pool"""

GREETINGS: Final[Mapping[str, bytes]] = {
    "imap": b"* OK",
    "lmtp": b"220",
    "managesieve": b'"IMPLEMENTATION"',
    "pop3": b"+OK",
    "http_api": b"HTTP/1.1 200",
}
"""how a server of each type that is well begins to speak"""
LIVENESS: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

MUST_BE_ON: Final[Mapping[str, str]] = {
    "fsync": "a power failure can lose or damage everything",
    "full_page_writes": "a power failure can damage everything",
    "synchronous_commit": "a crash loses mail that was acknowledged",
}
READ_ONLY: Final = "default_transaction_read_only"
SETTINGS: Final = (*MUST_BE_ON, READ_ONLY, "autovacuum", "max_connections", "server_encoding")


def doctor_of(
    config: Config,
    tables: Tables,
    storage: BodyStorage | None,
    liveness: DatabaseLiveness,
    configuration: ConfigurationOperations,
    migrations: MigrationOperations,
    *,
    reactor: Any,
) -> Health:
    """All that can be looked at. `storage` is None when the database does not say where it is."""
    database, *rest = checks_from_here(config, tables, storage, liveness, reactor)
    checks = [
        Check("configuration", _configuration(configuration)),
        database,
        Check("schema", look_at_schema(migrations), PATIENCE, _SEE_DATABASE, DATABASE),
        Check(
            "database settings",
            _settings(tables.upkeep, config.database, reactor),
            PATIENCE,
            _SEE_DATABASE,
            DATABASE,
        ),
        *rest,
        Check(
            "cleaner",
            _with_schema(look_at_cleaner(config, tables, reactor.seconds)),
            PATIENCE,
            _SEE_DATABASE,
            DATABASE,
        ),
        Check("certificates", _certificates(config, reactor)),
    ]
    if config.relay.type:
        patience = config.health.relay_timeout or PATIENCE
        checks.append(
            Check("relay", _relay(config, patience, reactor), patience + 1, relay_remedy(config))
        )
    checks += [
        Check(f"server {server.label}", look_at_server(server, reactor), PATIENCE, _SEE_LOG)
        for server in config.servers
        if server.start and server.addr.port and not server.proxy_protocol
    ]
    return health_of_checks(config, checks, reactor)


_SEE_DATABASE: Final = "See the health of the database"
_SEE_LOG: Final = "Look whether Sora runs (systemctl status sora), and at the end of its log"


def _configuration(configuration: ConfigurationOperations) -> Any:
    async def look() -> Finding:
        found = configuration.check()
        if found.problems:
            text = "; ".join(map(str, found.problems))
            return Finding(Status.UNHEALTHY, text, "Mend it; sora-admin config check tells all")
        if found.warnings:
            text = "; ".join(found.warnings)
            mends = [warning.mend for warning in configuration.loaded.warnings if warning.mend]
            if len(mends) < len(found.warnings):
                mends.append("See docs/configuration.md for these keys")
            return Finding(Status.DEGRADED, text, "; ".join(mends))
        return Finding(Status.HEALTHY, "The configuration is right")

    return look


def look_at_schema(migrations: MigrationOperations) -> Any:
    """What looks whether the schema is that of this program."""

    async def look() -> Finding:
        rows = await migrations.status()
        by_state: dict[str, list[str]] = {}
        for row in rows:
            by_state.setdefault(row.state, []).append(f"{row.version:04}")
        facts = {state: len(names) for state, names in by_state.items()}
        if changed := by_state.get("changed"):
            text = f"Migrations are not as they were applied: {', '.join(changed)}"
            return Finding(Status.UNHEALTHY, text, "Install the version as released", facts)
        if pending := by_state.get("pending"):
            mend = "Start a server, which applies them, or sora-admin migrate up"
            if len(pending) == len(rows):
                text = "The database has no tables of Sora"
                return Finding(Status.UNHEALTHY, text, mend, facts)
            text = f"The schema lacks {len(pending)} migrations, from {pending[0]} on"
            return Finding(Status.DEGRADED, text, mend, facts)
        if newer := by_state.get("newer"):
            # The next version only adds: in an upgrade, or after the way back, mail is served.
            text = f"The schema has been changed by a newer version ({', '.join(newer)})"
            mend = (
                "Install that version on this node, too: only neighbouring versions work together"
            )
            return Finding(Status.DEGRADED, text, mend, facts)
        return Finding(Status.HEALTHY, "The schema is up to date", facts=facts)

    return look


def _with_schema(look: Any) -> Any:
    """What needs tables that may not be there yet, as `schema` tells."""

    async def look_there() -> Finding:
        try:
            found: Finding = await look()
        except StatementFailed as error:
            return Finding(Status.UNHEALTHY, str(error), "See the health of the schema")
        return found

    return look_there


def _settings(upkeep: IUpkeep, database: DatabaseConfig, clock: Any) -> Any:
    async def look() -> Finding:
        return judge(await upkeep.settings(SETTINGS, clock.seconds()), database)

    return look


def judge(settings: ServerSettings, database: DatabaseConfig) -> Finding:
    """What is to be said of the settings of a PostgreSQL server."""
    values = settings.values
    facts = {**values, "clock_ahead": round(settings.ahead, 3)}
    dangers = [f"{name} is off: {why}" for name, why in MUST_BE_ON.items() if _is_off(values, name)]
    if values.get("server_encoding", "UTF8") != "UTF8":
        dangers.append(f"the database is in {values['server_encoding']}, and has to be in UTF8")
    if values.get(READ_ONLY) == "on":
        text = f"{READ_ONLY} is on: no mail can be taken, and nobody can log in"
        mend = "ALTER DATABASE or ALTER ROLE … RESET it, or in postgresql.conf, then restart Sora"
        return Finding(Status.UNHEALTHY, text, mend, facts)
    if dangers:
        mend = "Set it in postgresql.conf, and reload PostgreSQL"
        return Finding(Status.UNHEALTHY, "; ".join(dangers), mend, facts)
    if abs(settings.ahead) > CLOCKS:
        text = f"The clocks of this machine and of PostgreSQL differ by {settings.ahead:+.0f} s"
        return Finding(Status.DEGRADED, text, "Run an NTP client on both", facts)
    if _is_off(values, "autovacuum"):
        text = "autovacuum is off: tables grow without end"
        return Finding(Status.DEGRADED, text, "Set autovacuum = on in postgresql.conf", facts)
    most = int(values.get("max_connections", 2**31))
    if database.max_conns + SPARE > most:
        text = f"A pool may have {database.max_conns} connections, and PostgreSQL takes {most}"
        mend = "Raise max_connections there for all nodes together, or lower [database] max_conns"
        return Finding(Status.DEGRADED, text, mend, facts)
    return Finding(Status.HEALTHY, "PostgreSQL's settings are safe", facts=facts)


def _is_off(values: Mapping[str, str], name: str) -> bool:
    return values.get(name) == "off"


def _certificates(config: Config, reactor: Any) -> Any:
    async def look() -> Finding:
        try:
            known = list(dict.fromkeys(certificates_of(config).values()))
        except CertificateUnusable as error:
            return Finding(Status.UNHEALTHY, str(error), "Mend the file, and send SIGHUP")
        if not known:
            return Finding(Status.HEALTHY, "No server has a certificate")
        return await look_at_certificates(known, deferToThread, reactor.seconds)()

    return look


def _relay(config: Config, patience: float, reactor: Any) -> Any:
    async def look() -> Finding:
        target = await probe_relay(
            config.relay, host=gethostname(), patience=patience, reactor=reactor
        )
        return Finding(Status.HEALTHY, f"{target} would take mail")

    return look


def look_at_server(server: ServerConfig, reactor: Any) -> Any:
    """Whether it greets as its type does."""

    async def look() -> Finding:
        host = local_host(server)
        said = LIVENESS if server.type == "http_api" else b""
        greeting = await _first_words(reactor, host, server.addr.port, tls=server.tls, say=said)
        if not greeting.startswith(GREETINGS[server.type]):
            text = f"{server.addr} greets otherwise than {server.type} does: {_shown(greeting)}"
            return Finding(Status.UNHEALTHY, text, _SEE_LOG)
        return Finding(Status.HEALTHY, f"{server.addr} answers")

    return look


# ------------------------------------------------------------------ conversations


@implementer(IOpenSSLClientConnectionCreator)
class _Anybody:
    """TLS with whoever is there: whether it answers is asked, not who it is."""

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        return SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)


class _Listening(Protocol):
    """Waits for a line."""

    def __init__(self, say: bytes) -> None:
        self.heard: Deferred[bytes] = Deferred()
        self._say = say
        self._octets = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        if self._say:
            self.transport.write(self._say)

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if b"\n" in self._octets or len(self._octets) > 512:
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()

    def _end(self) -> None:
        if not self.heard.called:
            self.heard.callback(self._octets)


async def _first_words(reactor: Any, host: str, port: int, *, tls: bool, say: bytes = b"") -> bytes:
    """The first line that a server says. Raises Unavailable when there is none."""
    endpoint: Any = HostnameEndpoint(reactor, host.encode(), port, timeout=PATIENCE)
    if tls:
        endpoint = wrapClientTLS(_Anybody(), endpoint)
    listening = _Listening(say)
    try:
        await endpoint.connect(Factory.forProtocol(lambda: listening))
    except (ConnectError, OSError) as error:
        raise Unavailable(f"{host}:{port} cannot be reached: {error}") from None
    late = reactor.callLater(PATIENCE / 2, listening._end)
    try:
        return await listening.heard
    finally:
        if late.active():
            late.cancel()
        assert listening.transport is not None
        listening.transport.loseConnection()


def _shown(greeting: bytes) -> str:
    return repr(greeting[:80].decode("utf-8", "replace").strip()) if greeting else "nothing at all"
