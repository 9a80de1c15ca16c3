"""`[database]` made into a Database, its pool, and its migrations."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

from attrs import evolve
from prometheus_client import CollectorRegistry

from sora.config.database import DatabaseConfig
from sora.errors import BadArgument
from sora.metrics.database import DatabaseMetrics
from sora.operations.migrations import MigrationOperations, MigrationRow
from sora.storage.postgres.connection import Connection, Server, connect
from sora.storage.postgres.database import Database, Faults, Timing, Tx, database_on
from sora.storage.postgres.migrate import MigrationFailed, load_migrations, migrate, status
from sora.storage.postgres.pool import Limits


def server_of(config: DatabaseConfig) -> Server:
    """Where the primary is, and how to reach it."""
    return Server(
        host=config.host,
        port=config.port,
        database=config.dbname,
        user=config.user,
        password=config.password,
        sslmode="require" if config.tls else "",
    )


def migration_server_of(config: DatabaseConfig) -> Server:
    """The direct way to the primary, around a PgBouncer if there is one."""
    server = server_of(config)
    return evolve(
        server,
        host=config.migrate_host or server.host,
        port=config.migrate_port or server.port,
    )


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
    """A Database whose pool is not started yet."""
    return database_on(
        server_of(config),
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
    )


async def migrate_database(
    config: DatabaseConfig, *, reactor: Any, holder: UUID, say: Callable[[str], None]
) -> list[int]:
    """Bring the schema up to date. Raises Unavailable, MigrationFailed."""
    server = migration_server_of(config)
    return await migrate(lambda: connect(server, reactor, reactor), reactor, holder, say)


def migration_operations(config: DatabaseConfig, *, reactor: Any) -> MigrationOperations:
    """What an operator can do with the schema, on a direct connection to the primary."""
    server = migration_server_of(config)

    async def open_connection() -> Connection:
        return await connect(server, reactor, reactor)

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
    """Before anybody is served, see whether the database was set back meanwhile (G70)."""

    async def work(tx: Tx) -> None:
        await tx.do("SELECT notice_epoch_v1(NULL)")

    # Who notices it twice has noticed it.
    await database.run("notice epoch", work, write=False)


async def database_id(database: Database) -> UUID:
    """The database's own name, below which its objects are kept."""

    async def work(tx: Tx) -> str:
        return str(await tx.value("SELECT database_id::text FROM sora"))

    return UUID(await database.run("database_id", work, write=False))
