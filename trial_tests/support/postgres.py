"""A real PostgreSQL for tests: one server for the run, a fresh database for each test.

The server is the one that `SORA_TEST_POSTGRES` names (a socket's directory, or a DSN), as
`python -m trial_tests.support.run_postgres -- COMMAND` sets it for a whole run. Without it, each
test process starts one of its own in a temporary directory and stops it at its end.

A *template* database has all migrations applied. It is made once for each text of the migrations
and each hour (partitions follow the time), by whichever process comes first, and copied for each
test. A copy is three hundred files: in memory (`/dev/shm`) and as plain files that takes 0.04 s, on
a disk that others use, too, 0.6 s.

    class MyTests(DatabaseTestCase):
        async def test_something(self) -> None:
            database = await self.new_database()
            await database.run("insert", lambda tx: tx.do("INSERT …"), write=True)
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psycopg2
from attrs import define, evolve
from prometheus_client import CollectorRegistry
from psycopg2.extensions import parse_dsn
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.app.postgres_server import CARELESS, PostgresServer
from sora.metrics.database import DatabaseMetrics
from sora.retry import pause
from sora.storage.postgres.connection import Connection, Server, connect
from sora.storage.postgres.database import Database, Faults, Timing
from sora.storage.postgres.endpoints import Endpoints, database_on
from sora.storage.postgres.migrate import checksum_of, load_migrations, migrate
from sora.storage.postgres.pool import Limits

VARIABLE = "SORA_TEST_POSTGRES"
_DISK = "/tmp"
_MEMORY_WANTED = 2 * 1024**3
"""octets free: the log's 256 MB, and 9 MB for each of the databases that are there at a time"""
_PLAIN_COPIES_SINCE = 150000
"""the version of PostgreSQL that copies databases through its log unless told otherwise"""

_started: list[Server] = []
_version: list[int] = []
_templates: set[str] = set()


def the_server() -> Server:
    """The run's server, started if there is none."""
    if not _started:
        named = os.environ.get(VARIABLE, "")
        _started.append(_named(named) if named else _start())
    return _started[0]


def _named(text: str) -> Server:
    if text.startswith("/"):
        return Server(host=text, database="postgres", user="sora")
    words = parse_dsn(text)
    return Server(
        host=words.get("host", "localhost"),
        port=int(words.get("port", 5432)),
        database=words.get("dbname", "postgres"),
        user=words.get("user", "sora"),
        password=words.get("password", ""),
    )


def _start() -> Server:
    server = server_for_tests(connections=200)
    atexit.register(shutil.rmtree, server.directory, ignore_errors=True)
    atexit.register(server.stop)  # runs before the line above
    server.start()
    return server.server("postgres")


def server_for_tests(connections: int) -> PostgresServer:
    """A server in a new directory, in memory where there is enough of it; not started."""
    settings = {
        **CARELESS,
        "max_connections": str(connections),
        "max_wal_size": "256MB",
        # It would visit the template now and then, and whoever copies it had to wait.
        "autovacuum": "off",
    }
    return PostgresServer(temporary_directory("sora-test-postgres-", _roomy_place()), settings)


def _roomy_place() -> str:
    memory = "/dev/shm"
    if os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free >= _MEMORY_WANTED:
        return memory
    return _DISK


def temporary_directory(prefix: str, place: str = _DISK) -> Path:
    """A directory that an unprivileged account can enter; whoever makes it removes it."""
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    directory.chmod(0o755)
    return directory


def administer(sql: str) -> list[tuple[Any, ...]]:
    """Run one statement on the server's own database, now, blocking."""
    return run_on(the_server(), sql)


def run_on(server: Server, sql: str) -> list[tuple[Any, ...]]:
    """The same on any database."""
    connection = psycopg2.connect(**server.parameters())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _plainly() -> str:
    """What makes CREATE DATABASE copy files: on old versions it knows no other way."""
    if not _version:
        _version.append(int(administer("SHOW server_version_num")[0][0]))
    return " STRATEGY FILE_COPY" if _version[0] >= _PLAIN_COPIES_SINCE else ""


async def template() -> str:
    """The name of a database that has all migrations, and the partitions of this hour; made when it
    is not there."""
    hour = int(reactor.seconds() // 3600)  # type: ignore[attr-defined]
    name = f"sora_template_{checksum_of(load_migrations())[:16]}_{hour}"
    if name not in _templates:
        await _make_template(name)
        _templates.add(name)
    return name


async def _make_template(name: str) -> None:
    """Whoever creates the guard's database makes the template; the others wait for it."""
    building = f"{name}_building_{os.getpid()}"
    guard = psycopg2.connect(**the_server().parameters())
    guard.autocommit = True
    try:
        with guard.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,))
            while not cursor.fetchone()[0]:
                await pause(reactor, 0.05)  # type: ignore[arg-type]
                cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(f'DROP DATABASE IF EXISTS "{building}" WITH (FORCE)')
                cursor.execute(f'CREATE DATABASE "{building}" TEMPLATE template0')
                await migrate(connector(building), reactor, uuid4())  # type: ignore[arg-type]
                await _wait_until_left(building)
                cursor.execute(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
    finally:
        guard.close()


async def _wait_until_left(database: str) -> None:
    """A closed connection's server process needs a moment to end; a rename needs it gone."""
    query = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database}'"
    while administer(query):
        await pause(reactor, 0.01)  # type: ignore[arg-type]


def connector(database: str) -> Callable[[], Awaitable[Connection]]:
    """What opens connections to this database, as `migrate` wants it."""
    server = evolve(the_server(), database=database)
    return lambda: connect(server, reactor, reactor)  # type: ignore[arg-type]


class LoseAnswer:
    """Faults for a Database: the answers of the next statements of these operations are lost
    after they ran, as when the connection breaks before COMMIT's acknowledgement arrives (G14).

    `before` operations lose their connection before they are sent.
    """

    def __init__(self, *names: str, times: int = 1, before: tuple[str, ...] = ()) -> None:
        self.names = names
        self.times = times
        self.before_names = before
        self.struck: list[str] = []

    def before(self, name: str, sql: str) -> bool:
        return self._strike(name, self.before_names)

    def after(self, name: str, sql: str) -> bool:
        return self._strike(name, self.names)

    def _strike(self, name: str, names: tuple[str, ...]) -> bool:
        if name not in names or self.times <= 0:
            return False
        self.times -= 1
        self.struck.append(name)
        return True


@define
class FreshDatabase:
    """A database of one test."""

    name: str
    server: Server

    def drop(self) -> None:
        administer(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


class DatabaseTestCase(TestCase):
    """Tests on a real PostgreSQL. `async def` tests work as they are."""

    timeout = 60

    async def fresh(self, migrated: bool = True) -> FreshDatabase:
        """A new database, dropped after the test; empty without `migrated`."""
        source = await template() if migrated else "template0"
        name = f"test_{uuid4().hex[:20]}"
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{source}"{_plainly()}')
        fresh = FreshDatabase(name, evolve(the_server(), database=name))
        self.addCleanup(fresh.drop)
        return fresh

    def open(
        self,
        server: Server | Endpoints,
        *,
        limits: Limits | None = None,
        timing: Timing | None = None,
        faults: Faults | None = None,
        registry: CollectorRegistry | None = None,
        connect: Callable[[], Awaitable[Connection]] | None = None,
    ) -> Database:
        """A Database on a server, or on what `connect` opens; its pool is closed after the
        test."""
        database = database_on(
            server,
            limits or Limits(minimum=0, maximum=8),
            reactor=reactor,
            random=Random(0),
            metrics=DatabaseMetrics(registry or CollectorRegistry()),
            timing=timing,
            faults=faults,
        )
        if connect is not None:
            database.pool.open_one = connect
        database.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(database.close(grace=1)))
        return database

    async def new_database(
        self,
        *,
        migrated: bool = True,
        limits: Limits | None = None,
        timing: Timing | None = None,
        faults: Faults | None = None,
        registry: CollectorRegistry | None = None,
    ) -> Database:
        """A Database on a fresh database with all migrations (or empty)."""
        fresh = await self.fresh(migrated)
        return self.open(
            fresh.server, limits=limits, timing=timing, faults=faults, registry=registry
        )

    async def connect(self, server: Server) -> Connection:
        """A connection of its own, closed after the test."""
        connection = await connect(server, reactor, reactor)  # type: ignore[arg-type]
        self.addCleanup(connection.close)
        return connection


def asynchronous(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> "Callable[..., Deferred[None]]":
    """For a hook (`setUp`) that is written as `async def`; trial awaits tests by itself."""

    @wraps(test)
    def run(*args: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(test(*args))

    return run
