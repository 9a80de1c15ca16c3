"""`[database]` made into a Database, its pool, and its migrations."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from sora.config.database import DatabaseConfig
from sora.config.units import endpoints_of
from sora.errors import BadArgument
from sora.metrics.database import DatabaseMetrics
from sora.operations.migrations import MigrationOperations, MigrationRow
from sora.storage.postgres.connection import Server
from sora.storage.postgres.database import Database, Faults, Timing, Tx
from sora.storage.postgres.endpoints import Endpoints, database_on, hosts_of
from sora.storage.postgres.migrate import MigrationFailed, load_migrations, migrate, status
from sora.storage.postgres.pool import Limits


def servers_of(config: DatabaseConfig, hosts: str = "", port: int = 0) -> list[Server]:
    """The hosts of the primary, or others with the same database, and how to reach them."""
    return [
        Server(
            host=endpoint.host,
            port=endpoint.port,
            database=config.dbname,
            user=config.user,
            password=config.password,
            sslmode="require" if config.tls else "",
        )
        for endpoint in endpoints_of(hosts or config.host, port or config.port)
    ]


def endpoints_in(config: DatabaseConfig) -> Endpoints:
    """All servers of the configuration."""
    replicas = [
        (server, endpoint.max_conns or config.max_conns)
        for endpoint in config.read_endpoints
        for server in servers_of(config, endpoint.host, endpoint.port)
    ]
    return Endpoints(servers_of(config), replicas, config.max_replica_lag)


def migration_servers_of(config: DatabaseConfig) -> list[Server]:
    """The direct way to the primary, around a PgBouncer if there is one."""
    return servers_of(config, config.migrate_host, config.migrate_port)


def limits_of(config: DatabaseConfig) -> Limits:
    """The bounds of the pool."""
    return Limits(
        minimum=config.min_conns,
        maximum=config.max_conns,
        lifetime=config.max_conn_lifetime,
        idle_time=config.max_conn_idle_time,
        acquire_timeout=config.acquire_timeout,
    )


def make_database(
    config: DatabaseConfig,
    *,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    limits: Limits | None = None,
    faults: Faults | None = None,
) -> Database:
    """A Database that is not started yet."""
    return database_on(
        endpoints_in(config),
        limits or limits_of(config),
        reactor=reactor,
        random=random,
        metrics=DatabaseMetrics(registry),
        timing=Timing(
            statement=config.query_timeout,
            search=config.search_timeout,
            bulk=config.bulk_timeout,
        ),
        faults=faults,
        async_flags=config.async_flags,
    )


async def migrate_database(
    config: DatabaseConfig, *, reactor: Any, holder: UUID, say: Callable[[str], None]
) -> list[int]:
    """Bring the schema up to date. Raises Unavailable, MigrationFailed."""
    return await migrate(hosts_of(migration_servers_of(config), reactor).open, reactor, holder, say)


def migration_operations(config: DatabaseConfig, *, reactor: Any) -> MigrationOperations:
    """What an operator can do with the schema, on a direct connection to the primary."""
    open_connection = hosts_of(migration_servers_of(config), reactor).open

    async def look() -> list[MigrationRow]:
        known = load_migrations()
        found = await status(open_connection, known)
        changed = {each.version for each in found.changed}
        rows = [MigrationRow(version, "", "newer") for version in found.unknown]
        for each in known:
            state = "applied" if each.version in found.applied else "pending"
            rows.append(
                MigrationRow(
                    each.version, each.name, "changed" if each.version in changed else state
                )
            )
        return rows

    async def apply(say: Callable[[str], None]) -> list[int]:
        try:
            return await migrate_database(config, reactor=reactor, holder=uuid4(), say=say)
        except MigrationFailed as error:
            raise BadArgument(str(error)) from error

    return MigrationOperations(look, apply)


async def notice_epoch(database: Database) -> None:
    """Before anybody is served, see whether the database was set back meanwhile (G70); and say if
    flags may be lost by a crash from now on."""
    function = "flags_are_async_v1()" if database.async_flags else "notice_epoch_v1(NULL)"

    async def work(tx: Tx) -> None:
        await tx.do(f"SELECT {function}")

    # Who notices it twice has noticed it.
    await database.run("notice epoch", work, write=False)


async def database_id(database: Database) -> UUID:
    """The database's own name, below which its objects are kept."""

    async def work(tx: Tx) -> str:
        return str(await tx.value("SELECT database_id::text FROM sora"))

    return UUID(await database.run("database_id", work, write=False))
