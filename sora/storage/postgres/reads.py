"""Reads that a replica may answer, and never from the past of the reader (G21).

**What goes where.** What tells a session how far a mailbox is, is read on the primary: SELECT
and EXAMINE, what changed since, the poll behind NOOP and IDLE, LIST and STATUS; and so is
whatever a decision depends on: login, rights, quota, leases, claims, delivery. What is large
and asked for by uid or by criterion goes through this door: columns of messages, the places of
their bodies, SEARCH, SORT and THREAD, what vanished. Who asks for these has been told by the
primary where the mailbox is.

**The token** is the mailbox's modseq as this process knows it (`tokens.py`): at least what any
of its sessions has been told, for a mailbox that it knows nothing of the primary is asked. It
travels as a guard in front of the statement, in the same message, so that it costs no round
trip:

    SET LOCAL statement_timeout = 30000; SELECT require_known_v1(7, 4711, 12); SELECT ...

On a replica that has not applied that much the guard fails, and the read is repeated on the
primary. The guard's snapshot is older than that of the statement, and a replica only goes
forward: what the guard has seen, the statement sees.

**Which replica**: `replicas.py`. Whatever goes wrong there (lost, too slow to connect, a
conflict with recovery, any error), the primary is asked, and the client notices nothing. Only a
time limit that struck is not tried again: the statement is too dear.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import psycopg2
from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sora.deferreds import shielded
from sora.errors import SoraError, Unavailable
from sora.storage.postgres.connection import Answer, Parameters
from sora.storage.postgres.errors import BEHIND, Lost, sqlstate, translate
from sora.storage.postgres.replicas import Replica, Replicas
from sora.storage.postgres.tokens import Tokens
from sora.storage.postgres.tx import Tx

if TYPE_CHECKING:
    from sora.storage.postgres.database import Database

T = TypeVar("T")

_TIME_LIMIT = "57014"
_CONFLICT = "40001"


class Reads:
    """The door, beside `Database.run(write=False)`."""

    log = Logger()

    def __init__(self, database: "Database", replicas: Replicas, tokens: Tokens) -> None:
        self._database = database
        self._replicas = replicas
        self._tokens = tokens

    async def run(
        self,
        name: str,
        mailbox_id: int,
        work: Callable[[Tx], Awaitable[T]],
        *,
        uid: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109 - the server's limit, not ours
    ) -> T:
        """Do `work`, which reads in one mailbox and changes nothing; it may be called twice.

        `uid` is the highest UID that is asked for by number: a replica has to have heard of it. For
        the rest, and what is raised, see `Database.run`.
        """
        if self._replicas.all:
            token = self._tokens.get(mailbox_id)
            replica = None if token is None else self._replicas.choose(token.since)
            if token is not None and replica is not None:
                guard = f"SELECT require_known_v1({mailbox_id}, {token.modseq}, {uid}); "
                limit = timeout or self._database.timing.statement
                try:
                    return await work(_OnReplica(self._database, replica, name, guard, limit))
                except _Missed as missed:
                    self._database.metrics.replica_misses.labels(missed.reason).inc()
                    self.log.debug(
                        "{operation} is asked of the primary of the database: {where} {reason}",
                        operation=name,
                        where=replica.where,
                        reason=str(missed.__cause__),
                    )
        return await self._database.run(name, work, write=False, timeout=timeout)


class _Missed(Exception):
    """The replica did not answer; the primary is to be asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@define
class _OnReplica(Tx):
    """The `tx` of an attempt on a replica."""

    _database: "Database"
    _replica: Replica
    _name: str
    _guard: str
    _limit: float

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        replica = self._replica
        try:
            answer = await self._exchange(sql, parameters)
        except psycopg2.Error as error:
            state = sqlstate(error)
            replica.breaker.succeeded()
            if state == _TIME_LIMIT:
                raise translate(self._name, error) from error
            if state == BEHIND:
                replica.refused()
                raise _Missed("behind") from error
            raise _Missed("conflict" if state == _CONFLICT else "error") from error
        except Lost as error:
            replica.breaker.failed(error)
            raise _Missed("lost") from error
        except Unavailable as error:
            raise _Missed("unavailable") from error
        except SoraError as error:
            raise _Missed("error") from error
        replica.breaker.succeeded()
        return answer

    async def _exchange(self, sql: str, parameters: Parameters) -> Answer:
        pool = self._replica.pool
        connection = await pool.acquire()
        message = f"{self._database.limits(self._limit, write=False)}{self._guard}{sql}"

        async def to_the_end() -> Answer:
            try:
                return await self._database.exchange(
                    connection, self._name, message, parameters, self._limit, pool.role
                )
            finally:
                pool.release(connection)

        return await shielded(Deferred.fromCoroutine(to_the_end()))
