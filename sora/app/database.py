"""`[database]` made into a Database, its pool, and its migrations."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

from attrs import evolve
from prometheus_client import CollectorRegistry

from sora.config.database import DatabaseConfig
from sora.metrics.database import DatabaseMetrics
from sora.storage.postgres.connection import Server, connect
from sora.storage.postgres.database import Database, Faults, Timing, Tx, database_on
from sora.storage.postgres.migrate import migrate
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
