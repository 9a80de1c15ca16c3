"""What is looked at of the database: the primary through its pool, and each replica.

A replica is not asked for it: it is looked at every second anyhow (`lookout.py`).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sora.app.liveness import DatabaseLiveness
from sora.config.config import Config
from sora.errors import SoraError
from sora.health import Check, Finding, Status
from sora.retry import pause
from sora.storage.postgres.connection import Connection
from sora.storage.postgres.database import Database
from sora.storage.postgres.pool import Pool
from sora.storage.postgres.replicas import NOT_SEEN, Replica

EXHAUSTED: Final = 60.0
"""seconds for which it is told that somebody waited for a connection in vain"""

DATABASE: Final = "database"
"""the part on which most others stand"""
RUNS: Final = "Look whether PostgreSQL runs and can be reached: sora-admin database status"
# By words, and not by SQLSTATE, which is the same in all languages: of a connection that is refused
# libpq gives the text alone (psycopg2 has no pgcode then, and no way to PQsetErrorVerbosity), and
# lc_messages among the options of a connection counts only once it is let in. A handshake of our
# own would get the code, but without the password only for what is refused before it is asked for;
# and to send passwords, in all the ways that there are to prove one, is nothing for a diagnosis.
# Where PostgreSQL speaks another language its text stands as it is, with the mend for everything.
REMEDIES: Final = (
    (
        r"password authentication failed|no password supplied",
        "See [database] user and password (or password_file); ALTER ROLE … PASSWORD sets another in"
        " PostgreSQL",
    ),
    (
        r'role "\S*" does not exist|is not permitted to log in',
        "See [database] user, or make that role: createuser",
    ),
    (
        r'database "\S*" does not exist',
        "See [database] dbname, or make that database: createdb --owner ROLE --encoding UTF8"
        " --template template0 NAME",
    ),
    (
        r"no pg_hba.conf entry",
        "Let this host in with a line in PostgreSQL's pg_hba.conf, and reload it",
    ),
    (
        r"too many (clients|connections)|connection slots",
        "Raise max_connections in PostgreSQL or the role's or database's CONNECTION LIMIT, lower"
        " [database] max_conns of the nodes, or put PgBouncer between",
    ),
    (
        r"certificate|SSL|TLS",
        "See [database] tls, and whether PostgreSQL has ssl = on and a certificate",
    ),
    (
        r"starting up|shutting down|recovery",
        "Wait until PostgreSQL has started; its log tells how far it is",
    ),
)
"""what to do, by what PostgreSQL says in English to who wants to connect; else RUNS stands"""

Look = Callable[[], Awaitable[Finding]]


def database_checks(
    config: Config, database: Database, liveness: DatabaseLiveness, reactor: Any
) -> list[Check]:
    """The pool that writes first, then each replica that answers reads."""
    patience = config.health.database_timeout
    primary = Check(
        DATABASE,
        look_at_primary(database, liveness, reactor.seconds),
        patience,
        RUNS,
        why_late=lambda: _not_reached(database.pool.trouble),
    )
    replicas = [
        Check(
            f"database replica {replica.where}",
            look_at_replica(replica, reactor),
            patience,
            "Look whether it runs and can be reached; reads go to the primary meanwhile",
        )
        for replica in database.replicas.all
    ]
    return [primary, *replicas]


def remedy_of(text: str) -> str:
    """What to do about a database that refuses, by what it says."""
    for pattern, remedy in REMEDIES:
        if re.search(pattern, text):
            return remedy
    return RUNS


def _not_reached(trouble: str) -> Finding | None:
    """Why the last attempt to connect failed, if it did."""
    return Finding(Status.UNHEALTHY, trouble, remedy_of(trouble)) if trouble else None


def look_at_primary(
    database: Database, liveness: DatabaseLiveness, now: Callable[[], float]
) -> Look:
    """Whether it answers through its pool, which had connections for all who wanted one."""

    async def look() -> Finding:
        try:
            version = await liveness.version()
        except SoraError as error:
            text = database.pool.trouble or error.text
            return Finding(Status.UNHEALTHY, text, remedy_of(text))
        facts = {"server_version": version, **_figures(database.pool)}
        if database.hosts is not None and database.hosts.present is not None:
            facts["primary"] = database.hosts.present.where
        exhausted = _exhausted(database.pool, now())
        if exhausted:
            return Finding(
                Status.DEGRADED,
                exhausted,
                "Look for slow statements (sora_db_query_duration_seconds); raise [database]"
                " max_conns if PostgreSQL has room (max_connections), or put PgBouncer between",
                facts,
            )
        text = "The database answers, through its pool of connections"
        return Finding(Status.HEALTHY, text, facts=facts)

    return look


def look_at_replica(replica: Replica, reactor: Any) -> Look:
    """Whether it is asked, and why not; as it was seen last. Waits for the first look."""

    async def look() -> Finding:
        while replica.trouble == NOT_SEEN:
            await pause(reactor, 0.05)
        facts = {"lag": round(replica.lag, 1), **_figures(replica.pool)}
        if replica.breaker.is_open:
            return Finding(
                Status.DEGRADED,
                f"The circuit breaker of the database pool {replica.where} is open"
                + (f": {replica.trouble}" if replica.trouble else ""),
                "Look whether it runs and can be reached; reads go to the primary meanwhile",
                facts,
            )
        if replica.trouble:
            return Finding(
                Status.DEGRADED,
                f"This replica is not asked: {replica.trouble}",
                "sora-admin database status on the primary shows its replicas and their lag; look"
                " at the load, the network and long queries there; reads go to the primary"
                " meanwhile",
                facts,
            )
        exhausted = _exhausted(replica.pool, reactor.seconds())
        if exhausted:
            return Finding(
                Status.DEGRADED,
                exhausted,
                "Raise max_conns of this endpoint in [[database.read_endpoints]]; reads go to the"
                " primary meanwhile",
                facts,
            )
        return Finding(Status.HEALTHY, "This replica answers reads", facts=facts)

    return look


def _exhausted(pool: Pool[Connection], now: float) -> str:
    if now - pool.exhausted_at > EXHAUSTED:
        return ""
    return (
        f"All {pool.limits.maximum} connections of the database pool {pool.role} were in use:"
        " somebody waited for one in vain in the last minute"
    )


def _figures(pool: Pool[Connection]) -> dict[str, Any]:
    return {
        "connections": pool.size,
        "in_use": pool.size - pool.idle,
        "most": pool.limits.maximum,
        "waiting": pool.waiting,
    }
