"""Bring the schema up to date: numbered SQL files, one runner at a time (G19).

**One runner.** A node that waits in an advisory lock while another builds an index concurrently
dies of a deadlock, and session locks do not exist behind PgBouncer (docs/architecture.md,
trap 10). So there is a lease: a row with an expiry, taken by one statement, polled by whoever
waits, and renewed on a second connection while a long migration runs. A runner that was killed
loses it by doing nothing, and another continues. The row of a migration in `migrations` is its
fence: it is written in the migration's own transaction, after looking at the lease again, so a
runner that slept through the end of its lease fails on commit rather than doing a thing twice.

**One transaction each**, unless a file's first line is `-- outside a transaction` (for CREATE INDEX
CONCURRENTLY). Such a file is run statement by statement, and may be run again from its
beginning after a kill: it is written to be repeatable (DROP INDEX CONCURRENTLY IF EXISTS first).

**Older nodes keep working** while this runs, so a migration only adds. A version in the database
that this program does not know is the work of a newer node, and is fine. A migration whose file
changed after it was applied is refused.

Connections here are direct ones (`migrate_host`, `migrate_port`), never through PgBouncer: session
settings are used.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Final
from uuid import UUID

import psycopg2
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import Unavailable
from sora.retry import pause
from sora.storage.postgres.connection import Answer, Connection
from sora.storage.postgres.errors import Lost
from sora.storage.postgres.statements import split_statements

OUTSIDE: Final = "-- outside a transaction"
LEASE: Final = "migrations"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")

_BOOTSTRAP: Final = """
    CREATE TABLE IF NOT EXISTS leases (
        name text PRIMARY KEY,
        holder uuid NOT NULL,
        expires_at timestamptz NOT NULL
    );
    CREATE TABLE IF NOT EXISTS migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""

_ALREADY_THERE: Final = ("23505", "42P07", "42710")
"""What two simultaneous CREATE TABLE IF NOT EXISTS may answer, and a second COMMIT of a row."""


class MigrationFailed(Exception):
    """The schema could not be brought up to date; the text says which migration and why."""


class _LeaseLost(Exception):
    """Another runner has taken over."""


@frozen
class Migration:
    """One step: a file `NNNN_name.sql`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def outside(self) -> bool:
        """Whether it runs statement by statement, outside a transaction."""
        return self.sql.startswith(OUTSIDE)

    def __str__(self) -> str:
        return f"{self.version:04} {self.name}"


@frozen
class Status:
    """What the database has, and what it lacks."""

    applied: Sequence[int]
    pending: Sequence[Migration]
    changed: Sequence[Migration]
    """Applied from a file that reads differently now."""
    unknown: Sequence[int]
    """Applied by a newer program."""


@frozen
class Pace:
    """Seconds."""

    lease: float = 15.0
    poll: float = 0.25
    limit: float = 3600.0
    """For one statement of a migration."""
    lock: float = 10.0
    """How long a statement waits for a lock; it is then tried again."""
    patience: float = 7200.0
    """How long a node waits for another one's migrations."""
    lock_attempts: int = 6


def load_migrations() -> list[Migration]:
    """All migrations of this program, ascending."""
    found = []
    for file in files("sora.storage.postgres.migrations").iterdir():
        match = _NAME.match(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.version)
    versions = [migration.version for migration in found]
    if len(set(versions)) != len(versions):
        raise MigrationFailed(f"Two migrations have the same number: {versions}")
    return found


def checksum_of(migrations: Sequence[Migration]) -> str:
    """One name for this whole list."""
    text = "\n".join(f"{each} {each.checksum}" for each in migrations)
    return hashlib.sha256(text.encode()).hexdigest()


Connect = Callable[[], Awaitable[Connection]]


async def status(connect: Connect, migrations: Sequence[Migration] | None = None) -> Status:
    """What is applied and what is not; changes nothing."""
    wanted = load_migrations() if migrations is None else migrations
    connection = await connect()
    try:
        return await _status(connection, wanted)
    finally:
        connection.close()


async def migrate(
    connect: Connect,
    clock: IReactorTime,
    holder: UUID,
    progress: Callable[[str], None] = lambda _: None,
    *,
    migrations: Sequence[Migration] | None = None,
    pace: Pace | None = None,
) -> list[int]:
    """Apply what is missing, and give the versions that were applied here.

    `holder` names this runner. Waits while another runner works. Safe to kill at any time and to
    repeat.

    Raises:
        MigrationFailed: a migration's statement failed, or its file was changed.
        Unavailable: the database cannot be reached, or was lost meanwhile.
    """
    wanted = load_migrations() if migrations is None else list(migrations)
    runner = _Runner(connect, clock, holder, progress, wanted, pace or Pace())
    try:
        return await runner.run()
    except (Lost, _LeaseLost) as error:
        raise Unavailable(f"The migration was interrupted ({error}): start again") from error
    except psycopg2.Error as error:
        raise MigrationFailed(f"The schema cannot be examined: {_reason(error)}") from error


async def _status(connection: Connection, wanted: Sequence[Migration]) -> Status:
    there = await connection.execute("SELECT to_regclass('migrations')")
    rows = []
    if there.rows[0][0] is not None:
        rows = (await connection.execute("SELECT version, checksum FROM migrations")).rows
    applied = {int(version): str(checksum) for version, checksum in rows}
    return Status(
        applied=sorted(applied),
        pending=[each for each in wanted if each.version not in applied],
        changed=[
            each for each in wanted if applied.get(each.version, each.checksum) != each.checksum
        ],
        unknown=sorted(set(applied) - {each.version for each in wanted}),
    )


class _Runner:
    log = Logger()

    def __init__(
        self,
        connect: Connect,
        clock: IReactorTime,
        holder: UUID,
        progress: Callable[[str], None],
        migrations: Sequence[Migration],
        pace: Pace,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._holder = holder
        self._progress = progress
        self._migrations = migrations
        self._pace = pace

    async def run(self) -> list[int]:
        connection = await self._connect()
        try:
            found = await self._examine(connection)
            if found.unknown:
                self.log.warn(
                    "a newer version has changed the schema ({versions}): install it here, too",
                    versions=", ".join(f"{version:04}" for version in found.unknown),
                )
            if not found.pending:
                return []
            await self._bootstrap(connection)
            await self._take_lease(connection)
            try:
                return await self._apply_all(connection)
            finally:
                await self._give_up_lease(connection)
        finally:
            connection.close()

    async def _examine(self, connection: Connection) -> Status:
        found = await _status(connection, self._migrations)
        if found.changed:
            names = ", ".join(str(each) for each in found.changed)
            raise MigrationFailed(
                f"Changed after it was applied: {names}. The schema of this database is that of "
                "another text; use the program that made it, or a new database"
            )
        return found

    async def _bootstrap(self, connection: Connection) -> None:
        """Two nodes may do this at once; the second one's error means that it is done."""
        for _ in range(5):
            try:
                await connection.execute(_BOOTSTRAP)
                return
            except psycopg2.Error as error:
                if error.pgcode not in _ALREADY_THERE:
                    raise
            await pause(self._clock, self._pace.poll)
        await connection.execute(_BOOTSTRAP)

    # ------------------------------------------------------------------ the lease

    async def _take_lease(self, connection: Connection) -> None:
        began, told = self._clock.seconds(), False
        while not await self._lease(connection):
            if not told:
                self._progress("Waiting for another node's migrations")
                told = True
            if self._clock.seconds() - began > self._pace.patience:
                raise Unavailable("Another node's migrations take too long")
            await pause(self._clock, self._pace.poll)

    async def _lease(self, connection: Connection) -> bool:
        """Take the lease, or renew it. One statement, so one wins."""
        answer = await connection.execute(
            """
            INSERT INTO leases AS l (name, holder, expires_at)
            VALUES (%(name)s, %(holder)s, clock_timestamp() + %(lease)s * interval '1 second')
            ON CONFLICT (name) DO UPDATE
               SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
            RETURNING l.holder
            """,
            {"name": LEASE, "holder": self._holder, "lease": self._pace.lease},
        )
        return bool(answer.rows)

    async def _give_up_lease(self, connection: Connection) -> None:
        if not connection.usable:
            return
        try:
            await connection.execute(
                "DELETE FROM leases WHERE name = %s AND holder = %s", (LEASE, self._holder)
            )
        except (Lost, psycopg2.Error) as error:
            self.log.info("The lease of migrations ends by itself: {error}", error=error)

    async def _keep_lease(self, working: Connection) -> None:
        """Renew the lease on a connection of its own; end the work when it is lost."""
        renewing = await self._connect()
        try:
            while True:
                await pause(self._clock, self._pace.lease / 3)
                if not await self._lease(renewing):
                    working.abort()
                    return
        except (Lost, psycopg2.Error):
            working.abort()
        finally:
            renewing.close()

    # ------------------------------------------------------------------ the work

    async def _apply_all(self, connection: Connection) -> list[int]:
        keeping: Deferred[None] = Deferred.fromCoroutine(self._keep_lease(connection))
        keeping.addErrback(self._stopped_keeping, connection)
        applied = []
        try:
            await self._prepare_session(connection)
            # looked at again: while we waited, another runner may have done it all
            for migration in (await self._examine(connection)).pending:
                self._progress(f"Migration {migration}")
                if await self._apply(connection, migration):
                    applied.append(migration.version)
        finally:
            keeping.cancel()
        return applied

    async def _prepare_session(self, connection: Connection) -> None:
        limit, lock = int(self._pace.limit * 1000), int(self._pace.lock * 1000)
        await connection.execute(
            f"SET statement_timeout = {limit}; SET lock_timeout = {lock};"
            "SET client_min_messages = warning"
        )
        try:
            # A server whose runner was killed would work on, for nobody, and hold its locks.
            # Since PostgreSQL 14, and not on every system.
            await connection.execute(
                "SELECT set_config(name, '1000', false) FROM pg_settings "
                "WHERE name = 'client_connection_check_interval'"
            )
        except psycopg2.Error as error:
            self.log.debug("Dead runners are noticed late: {error}", error=error)

    def _stopped_keeping(self, failure: object, connection: Connection) -> None:
        trapped = getattr(failure, "check", lambda *_: None)(CancelledError)
        if trapped is None:
            self.log.warn("The lease of migrations cannot be renewed: {failure}", failure=failure)
            connection.abort()

    async def _apply(self, connection: Connection, migration: Migration) -> bool:
        for attempt in range(1, self._pace.lock_attempts + 1):
            try:
                if migration.outside:
                    await self._apply_outside(connection, migration)
                else:
                    await self._apply_inside(connection, migration)
                return True
            except psycopg2.Error as error:
                if not migration.outside:
                    await connection.execute("ROLLBACK")
                if error.pgcode == "23505" and await self._is_applied(connection, migration):
                    return False
                # 55P03: long readers are in the way; let them, and those behind us, go on
                if error.pgcode not in ("55P03", "40P01") or attempt == self._pace.lock_attempts:
                    raise MigrationFailed(f"Migration {migration}: {_reason(error)}") from error
            await pause(self._clock, self._pace.poll * 2**attempt)
        raise AssertionError("unreachable")

    async def _apply_inside(self, connection: Connection, migration: Migration) -> None:
        await connection.execute("BEGIN")
        await connection.execute(migration.sql)
        await self._record(connection, migration)
        await connection.execute("COMMIT")

    async def _apply_outside(self, connection: Connection, migration: Migration) -> None:
        for statement in split_statements(migration.sql):
            await connection.execute(statement)
        await self._record(connection, migration)

    async def _record(self, connection: Connection, migration: Migration) -> Answer:
        """One statement, which writes only while the lease is ours."""
        answer = await connection.execute(
            """
            INSERT INTO migrations (version, name, checksum)
            SELECT %(version)s, %(text)s, %(checksum)s
              FROM leases
             WHERE name = %(name)s AND holder = %(holder)s
            """,
            {
                "version": migration.version,
                "text": migration.name,
                "checksum": migration.checksum,
                "name": LEASE,
                "holder": self._holder,
            },
        )
        if answer.count != 1:
            raise _LeaseLost("another runner took over")
        return answer

    async def _is_applied(self, connection: Connection, migration: Migration) -> bool:
        answer = await connection.execute(
            "SELECT 1 FROM migrations WHERE version = %s", (migration.version,)
        )
        return bool(answer.rows)


def _reason(error: psycopg2.Error) -> str:
    text = (error.diag.message_primary or str(error)).strip()
    context = error.diag.context
    return f"{text} ({context})" if context else text
