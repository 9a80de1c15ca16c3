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

**Flags may be committed asynchronously** (`async_flags`): a statement that changes nothing but
flags (`only_flags`) then has `SET LOCAL synchronous_commit = off` in front of it, in the same
message. A crash of the server may lose the last of them, and is the end of an epoch (G70), see
`0051_async_flags.sql`.

**Who waits may leave.** A cancelled `run` leaves the pool's queue if it still waits there. Once
something was sent, it is not cancelled (G15): the statement runs to its end unwatched, and its
connection goes back to the pool by itself.

`statements` counts what was sent, by name: the tests hold it against the budgets.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, Protocol, TypeVar

import psycopg2
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.breaker import Breaker, State
from sora.deferreds import gather, shielded
from sora.errors import OutcomeUnknown, Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.retry import Delays, pause
from sora.storage.postgres.connection import Answer, Connection, Parameters
from sora.storage.postgres.errors import Lost, Remedy, is_trouble, remedy, translate
from sora.storage.postgres.hosts import PrimaryHosts
from sora.storage.postgres.lookout import Lookout
from sora.storage.postgres.pool import Pool
from sora.storage.postgres.reads import Reads
from sora.storage.postgres.replicas import Replicas
from sora.storage.postgres.tokens import Tokens
from sora.storage.postgres.tx import Row, Tx
from sora.tracing.spans import begin

PROBE_WITHIN: Final = 5.0
"""seconds that the probe of a circuit breaker may take, beside the time to connect"""

_ASYNCHRONOUSLY: Final = "SET LOCAL synchronous_commit = off; "

__all__ = ["Database", "Faults", "Row", "Timing", "Tx"]

T = TypeVar("T")


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
        hosts: PrimaryHosts | None = None,
        breaker: Breaker | None = None,
        replicas: Replicas | None = None,
        lookout: Lookout | None = None,
        async_flags: bool = False,
    ) -> None:
        self.statements: Counter[str] = Counter()
        self.pool = pool
        self.timing = timing or Timing()
        self._clock = clock
        self._random = random
        self.metrics = metrics
        self._faults = faults
        self.hosts = hosts
        self.breaker = breaker or breaker_of(pool, clock, random, metrics)
        self.tokens = Tokens(clock.seconds)
        self.replicas = replicas or Replicas()
        self.reads = Reads(self, self.replicas, self.tokens)
        self.lookout = lookout
        self.async_flags = async_flags

    def start(self) -> None:
        """Open connections, and look after the servers."""
        for pool in self._pools:
            pool.start()
        if self.lookout is not None:
            self.lookout.start()

    async def close(self, grace: float = 10.0) -> None:
        """Look no more, and close all connections: see `Pool.close`."""
        if self.lookout is not None:
            await self.lookout.stop()
        breakers = [replica.breaker for replica in self.replicas.all]
        for breaker in [self.breaker, *breakers]:
            await breaker.stop()
        await gather(*[pool.close(grace) for pool in self._pools])

    @property
    def _pools(self) -> "list[Pool[Connection]]":
        return [self.pool, *[replica.pool for replica in self.replicas.all]]

    async def run(
        self,
        name: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        write: bool,
        timeout: float | None = None,  # noqa: ASYNC109 - the server's limit, not ours
        only_flags: bool = False,
    ) -> T:
        """Do `work`, each of whose statements is a transaction of its own.

        `write=False` promises that sending a statement twice does no harm. `timeout` is the
        limit of each statement in seconds. `only_flags` is said of a write that changes nothing
        else, and may be committed asynchronously.

        Raises:
            Unavailable: it did not happen.
            OutcomeUnknown: a write was sent, and its answer never came.
            SoraError: what the statement's own error means.
            StatementFailed: a bug.
        """
        limit = timeout or self.timing.statement
        before = self.limits(limit, write)
        if only_flags and self.async_flags:
            before += _ASYNCHRONOUSLY
        return await work(_EachAlone(self, name, write, limit, before))

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
            connection = await self._acquire()
            attempted = Deferred.fromCoroutine(self._attempt(connection, attempt))
            try:
                result = await shielded(attempted)
                self.breaker.succeeded()
                return result
            except Lost as error:
                failed: Exception = error
                if error.late:
                    self.breaker.failed(error)
                if error.sent and write:
                    raise OutcomeUnknown() from error
                final: Exception = Unavailable(
                    "The connection to the database was lost; try again later"
                )
            except psycopg2.Error as error:
                failed, final = error, translate(name, error)
                self.breaker.succeeded()  # an answer, though not the one that was wanted
                if is_trouble(error):
                    self.log.warn(
                        "{operation} failed in the database: {reason}",
                        operation=name,
                        reason=str(error).strip(),
                    )
                if remedy(error) is Remedy.RAISE:
                    raise final from error
                if remedy(error) is Remedy.LEAVE:
                    if self.hosts is not None:
                        self.hosts.doubt()
                    self.pool.reset()
            delay = next(delays, None)
            if delay is None:
                raise final from failed
            self.log.debug("{operation} is sent again: {reason}", operation=name, reason=failed)
            self.metrics.repeats.labels(name, self.pool.role).inc()
            await pause(self._clock, delay)

    async def _acquire(self) -> Connection:
        """A connection, unless the breaker is open. That too many wait is no failure of the
        server, and does not open it; that none can be opened is."""
        self.breaker.check()
        try:
            return await self.pool.acquire()
        except Unavailable as error:
            if self.pool.trouble:
                self.breaker.failed(error)
            raise

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
        began = self._clock.seconds()
        try:
            await tx.execute(f"BEGIN; {self.limits(limit, write=True)}")
            result = await work(tx)
            tx.committing = True
            answer = await tx.execute("COMMIT")
            if answer.status != "COMMIT":
                raise AssertionError(f"{name}: an error was swallowed, and COMMIT rolled back")
            committed = True
        finally:
            self.metrics.transactions.labels("commit" if committed else "rollback").inc()
            self.metrics.transaction_seconds.observe(self._clock.seconds() - began)
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
        self,
        connection: Connection,
        name: str,
        sql: str,
        parameters: Parameters,
        limit: float,
        role: str = "primary",
    ) -> Answer:
        """Send one message and wait for its answer, at most `limit` and the margin.

        For this package's own use. Raises Lost and psycopg2.Error.
        """
        if self._faults is not None and self._faults.before(name, sql):
            connection.close()
            raise Lost("a fault before sending", sent=False)
        deadline = self._clock.callLater(limit + self.timing.margin, connection.abort)
        began, status = self._clock.seconds(), "error"
        span = begin("postgresql", name)
        self.statements[name] += 1
        try:
            answer = await connection.execute(sql, parameters)
            status = "ok"
        except Lost as error:
            error.late = not deadline.active()
            status = "timeout" if error.late else "lost"
            raise
        finally:
            if deadline.active():
                deadline.cancel()
            self.metrics.statement(name, status, role, self._clock.seconds() - began)
            if span is not None:
                span.facts["db.system.name"] = "postgresql"
                span.facts["db.operation.name"] = name
                span.facts["sora.role"] = role
                span.end("" if status == "ok" else status)
        if self._faults is not None and self._faults.after(name, sql):
            connection.close()
            raise Lost("a fault before the answer was read", sent=True)
        return answer

    async def _alone(
        self, name: str, message: str, parameters: Parameters, limit: float, write: bool
    ) -> Answer:
        async def attempt(connection: Connection) -> Answer:
            return await self.exchange(connection, name, message, parameters, limit)

        return await self._repeating(name, attempt, write=write)

    def limits(self, limit: float, write: bool) -> str:
        """What stands in front of a statement. For this package's own use."""
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
    _before: str

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        message = f"{self._before}{sql}"
        return await self._database._alone(
            self._name, message, parameters, self._limit, self._write
        )


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
            lost = Lost(error.reason, sent=error.sent and self.committing)
            lost.late = error.late
            raise lost from error


def breaker_of(
    pool: Pool[Connection], clock: IReactorTime, random: Random, metrics: DatabaseMetrics
) -> Breaker:
    """The circuit breaker of a pool. Its probe opens a connection of its own, past the pool,
    and asks for a sign of life (G11)."""

    async def probe() -> None:
        connection = await pool.open_one()
        deadline = clock.callLater(PROBE_WITHIN, connection.abort)
        try:
            await connection.execute("SELECT 1")
        except (Lost, psycopg2.Error) as error:
            raise Unavailable(f"The database does not answer: {error}") from error
        finally:
            if deadline.active():
                deadline.cancel()
            connection.close()
        pool.wake()

    def changed(state: State) -> None:
        metrics.breaker_is(pool.role, state.value)
        if state is State.OPEN:
            metrics.breaker_opened(pool.role)

    metrics.breaker_is(pool.role, State.CLOSED.value)
    return Breaker(f"database pool {pool.role}", probe, clock=clock, random=random, changed=changed)


def _milliseconds(seconds: float) -> int:
    """At least 1: to PostgreSQL, 0 means no limit."""
    return max(1, round(seconds * 1000))
