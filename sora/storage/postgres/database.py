"""The database as the adapters see it: named work, in which every failure has one meaning.

**One execute is one round trip and one transaction.** psycopg2's asynchronous mode is always
in autocommit, so BEGIN and COMMIT would be two more round trips. PostgreSQL runs all
statements of one simple-query message in one implicit transaction, so the time limit travels
in front of the statement, in the same message:

    SET LOCAL statement_timeout = 30000; SET LOCAL lock_timeout = 5000; SELECT deliver_v1(…)

`SET LOCAL` ends with that transaction, so nothing of it stays on the connection: this works
behind PgBouncer in transaction mode. The answer is that of the last statement.

**`run(name, work)`** gives `work` a `tx` of which each call is such a transaction of its own. A
connection is held for the one round trip, never while `work` computes or waits for something
else (G23). The statement is the unit of retry: it is the unit of what is rolled back.
**`transaction(name, work)`** is for the rare work that needs several statements to be one: BEGIN,
`work`, COMMIT on one connection; there the whole `work` is the unit, and may be called again.

**What can happen to a statement**, and what is made of it (G14):

    it never left us                            sent again, whatever it is
    PostgreSQL answered with an error           rolled back for certain:
        40001, 40P01                            sent again after a short random pause
        25006, the primary became read-only     the pool leaves the server, sent again (G21)
        anything else                           an error of the domain, see `errors.py`
    it was sent, and the connection ended       a read: sent again
                                                a write: OutcomeUnknown; the adapter reads back
    the server's time limit struck              an error like any other: Unavailable
    not even that came, `margin` seconds later  the connection is discarded; as if it had ended
    `work` of a transaction failed              ROLLBACK; if that fails, discarded (G13)
    a transaction's connection ended before
        COMMIT was sent                         nothing happened: `work` is called again
        after                                   OutcomeUnknown

**Who waits may leave.** A cancelled `run` leaves the pool's queue if it still waits there. Once
something was sent, it is not cancelled (G15): the statement runs to its end unwatched, and its
connection goes back to the pool by itself.

`statements` counts what was sent, by name: the tests hold it against the budgets.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Protocol, TypeVar

import psycopg2
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import shielded
from sora.errors import OutcomeUnknown, Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.retry import Delays, pause
from sora.storage.postgres.connection import Answer, Connection, Parameters, Server, connect
from sora.storage.postgres.errors import Lost, Remedy, is_trouble, remedy, translate
from sora.storage.postgres.pool import Limits, Pool

T = TypeVar("T")
Row = tuple[Any, ...]


class Faults(Protocol):
    """Where a test may break the connection. Each is told the operation and the statement."""

    def before(self, name: str, sql: str) -> bool:
        """Whether the connection ends before this statement is sent."""

    def after(self, name: str, sql: str) -> bool:
        """Whether the connection ends after this statement ran, its answer unread."""


@frozen
class Timing:
    """Limits of one statement, in seconds."""

    statement: float = 30.0
    lock: float = 5.0
    """How long a write waits for a lock."""
    search: float = 60.0
    """For SEARCH, SORT and THREAD, instead of `statement`."""
    bulk: float = 300.0
    """For work in the background that handles very many messages."""
    margin: float = 5.0
    """How much longer than `statement` we wait before the connection is discarded."""
    repeats: Delays = field(factory=lambda: Delays(first=0.01, longest=0.5, factor=3.0, attempts=5))
    """Pauses before a statement is sent again; when they are used up, the error is raised."""


class Tx:
    """The four verbs. `parameters` are those of psycopg2: `%s` or `%(name)s`.

    With parameters, a `%` in `sql` is written `%%`; without, as it is.
    """

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        """Everything that came back."""
        raise NotImplementedError

    async def all(self, sql: str, parameters: Parameters = None) -> list[Row]:
        """All rows."""
        return (await self.execute(sql, parameters)).rows

    async def one(self, sql: str, parameters: Parameters = None) -> Row | None:
        """The first row, or None when there is none."""
        rows = (await self.execute(sql, parameters)).rows
        return rows[0] if rows else None

    async def value(self, sql: str, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = await self.one(sql, parameters)
        return None if row is None else row[0]

    async def do(self, sql: str, parameters: Parameters = None) -> int:
        """Nothing of interest comes back; how many rows were changed."""
        return (await self.execute(sql, parameters)).count


class Database:
    """PostgreSQL, shared by all adapters. Made over a pool, which its owner starts and closes."""

    log = Logger()

    def __init__(
        self,
        pool: Pool[Connection],
        *,
        clock: IReactorTime,
        random: Random,
        metrics: DatabaseMetrics,
        timing: Timing | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.statements: Counter[str] = Counter()
        self.pool = pool
        self.timing = timing or Timing()
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._faults = faults

    async def run(
        self,
        name: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        write: bool,
        timeout: float | None = None,  # noqa: ASYNC109 - the server's limit, not ours
    ) -> T:
        """Do `work`, each of whose statements is a transaction of its own.

        `write=False` promises that sending a statement twice does no harm. `timeout` is the
        limit of each statement in seconds.

        Raises:
            Unavailable: it did not happen.
            OutcomeUnknown: a write was sent, and its answer never came.
            SoraError: what the statement's own error means.
            StatementFailed: a bug.
        """
        return await work(_EachAlone(self, name, write, timeout or self.timing.statement))

    async def transaction(
        self,
        name: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the server's limit, not ours
    ) -> T:
        """Do `work` in one transaction: two more round trips, and one connection throughout.

        `work` is called again after a conflict, so it changes nothing but the database. Raises
        as `run` does.
        """
        limit = timeout or self.timing.statement

        async def attempt(connection: Connection) -> T:
            return await self._transact(connection, name, work, limit)

        return await self._repeating(name, attempt, write=True)

    # ------------------------------------------------------------------ attempts

    async def _repeating(
        self, name: str, attempt: Callable[[Connection], Awaitable[T]], *, write: bool
    ) -> T:
        delays = self.timing.repeats.schedule(self._random)
        while True:
            connection = await self.pool.acquire()
            attempted = Deferred.fromCoroutine(self._attempt(connection, attempt))
            try:
                return await shielded(attempted)
            except Lost as error:
                failed: Exception = error
                if error.sent and write:
                    raise OutcomeUnknown() from error
                final: Exception = Unavailable(
                    "The connection to the database was lost; try again later"
                )
            except psycopg2.Error as error:
                failed, final = error, translate(name, error)
                if is_trouble(error):
                    self.log.warn(
                        "{operation} failed in the database: {reason}",
                        operation=name,
                        reason=str(error).strip(),
                    )
                if remedy(error) is Remedy.RAISE:
                    raise final from error
                if remedy(error) is Remedy.LEAVE:
                    self.pool.reset()
            delay = next(delays, None)
            if delay is None:
                raise final from failed
            self.log.debug("{operation} is sent again: {reason}", operation=name, reason=failed)
            self._metrics.repeats.labels(name, self.pool.role).inc()
            await pause(self._clock, delay)

    async def _attempt(
        self, connection: Connection, attempt: Callable[[Connection], Awaitable[T]]
    ) -> T:
        """One attempt, to its end: nobody cancels this, and the connection always goes back."""
        try:
            return await attempt(connection)
        finally:
            self.pool.release(connection)

    async def _transact(
        self,
        connection: Connection,
        name: str,
        work: Callable[[Tx], Awaitable[T]],
        limit: float,
    ) -> T:
        tx = _AllTogether(self, connection, name, limit)
        committed = False
        try:
            await tx.execute(f"BEGIN; {self._limits(limit, write=True)}")
            result = await work(tx)
            tx.committing = True
            answer = await tx.execute("COMMIT")
            if answer.status != "COMMIT":
                raise AssertionError(f"{name}: an error was swallowed, and COMMIT rolled back")
            committed = True
        finally:
            self._metrics.transactions.labels("commit" if committed else "rollback").inc()
            if not committed:
                await self._roll_back(connection, tx)
        return result

    async def _roll_back(self, connection: Connection, tx: "_AllTogether") -> None:
        if not connection.usable:
            return
        try:
            await tx.execute("ROLLBACK")
        except (Lost, psycopg2.Error) as error:
            self.log.info("A rollback failed, its connection is discarded: {error}", error=error)
            connection.close()

    # ------------------------------------------------------------------ one statement

    async def exchange(
        self, connection: Connection, name: str, sql: str, parameters: Parameters, limit: float
    ) -> Answer:
        """Send one message and wait for its answer, at most `limit` and the margin.

        For this module's own use. Raises Lost and psycopg2.Error.
        """
        if self._faults is not None and self._faults.before(name, sql):
            connection.close()
            raise Lost("a fault before sending", sent=False)
        deadline = self._clock.callLater(limit + self.timing.margin, connection.abort)
        began, status = self._clock.seconds(), "error"
        self.statements[name] += 1
        try:
            answer = await connection.execute(sql, parameters)
            status = "ok"
        except Lost:
            status = "lost" if deadline.active() else "timeout"
            raise
        finally:
            if deadline.active():
                deadline.cancel()
            self._metrics.statement(name, status, self.pool.role, self._clock.seconds() - began)
        if self._faults is not None and self._faults.after(name, sql):
            connection.close()
            raise Lost("a fault before the answer was read", sent=True)
        return answer

    async def _alone(
        self, name: str, sql: str, parameters: Parameters, limit: float, write: bool
    ) -> Answer:
        message = f"{self._limits(limit, write)}{sql}"

        async def attempt(connection: Connection) -> Answer:
            return await self.exchange(connection, name, message, parameters, limit)

        return await self._repeating(name, attempt, write=write)

    def _limits(self, limit: float, write: bool) -> str:
        limits = f"SET LOCAL statement_timeout = {_milliseconds(limit)}; "
        if write:
            limits += f"SET LOCAL lock_timeout = {_milliseconds(min(limit, self.timing.lock))}; "
        return limits


@define
class _EachAlone(Tx):
    """The `tx` of `run`."""

    _database: Database
    _name: str
    _write: bool
    _limit: float

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        return await self._database._alone(self._name, sql, parameters, self._limit, self._write)


@define
class _AllTogether(Tx):
    """The `tx` of `transaction`: until COMMIT is sent, a lost connection undid everything."""

    _database: Database
    _connection: Connection
    _name: str
    _limit: float
    committing: bool = field(default=False, init=False)

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        try:
            return await self._database.exchange(
                self._connection, self._name, sql, parameters, self._limit
            )
        except Lost as error:
            raise Lost(error.reason, sent=error.sent and self.committing) from error


def database_on(
    server: Server,
    limits: Limits,
    *,
    reactor: Any,
    random: Random,
    metrics: DatabaseMetrics,
    timing: Timing | None = None,
    faults: Faults | None = None,
) -> Database:
    """A Database on `server`. Its pool is started by `database.pool.start()`, and ended by
    `database.pool.close()`."""
    pool: Pool[Connection] = Pool(
        lambda: connect(server, reactor, reactor),
        limits,
        clock=reactor,
        random=random,
        metrics=metrics,
    )
    return Database(
        pool, clock=reactor, random=random, metrics=metrics, timing=timing, faults=faults
    )


def _milliseconds(seconds: float) -> int:
    """At least 1: to PostgreSQL, 0 means no limit."""
    return max(1, round(seconds * 1000))
