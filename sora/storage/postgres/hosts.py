"""Which of several hosts is the primary.

With one host there is nothing to choose: it is the primary, or what leads to it (PgBouncer, a
balancer). With several, each connection is asked what it leads to before anybody uses it, as
libpq's `target_session_attrs=primary` does, and more:

- Of two that say they are the primary, the one on the higher timeline is: the other was left
  behind by a promotion, and has come back without knowing it. A timeline lower than one that
  was seen is never accepted again while this process lives.
- A server of another cluster (another system identifier) is never accepted.

The present primary is asked first. When it is gone, or no primary any more, all are asked at
the same time.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import psycopg2
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sora.deferreds import gather
from sora.errors import Unavailable
from sora.storage.postgres.connection import Connection, Server
from sora.storage.postgres.errors import Lost

ANSWER_WITHIN: Final = 2.0
"""Seconds that a server may take to say what it is, beside the time to connect."""
_LOOK: Final = """
SELECT is_replica,
    (CASE WHEN is_replica THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
        - '0/0'::pg_lsn)::bigint,
    CASE WHEN is_replica THEN (pg_control_checkpoint()).timeline_id
        ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
    (pg_control_system()).system_identifier
FROM pg_is_in_recovery() is_replica
"""

Connect = Callable[[Server], Awaitable[Connection]]


@frozen
class Standing:
    """What a server says of itself."""

    is_replica: bool
    position: int
    """octets of the log: what a primary has written, what a replica has applied"""
    timeline: int
    """of a replica that of its last checkpoint, which may be older than what it follows"""
    cluster: int
    """the same for all members of a cluster"""


async def look_at(
    connection: Connection, clock: IReactorTime, limit: float = ANSWER_WITHIN
) -> Standing:
    """Ask a server what it is. One that does not say it in time loses the connection.

    Raises Unavailable.
    """
    deadline = clock.callLater(limit, connection.abort)
    try:
        answer = await connection.execute(_LOOK)
    except (Lost, psycopg2.Error) as error:
        reason = " ".join(str(error).split())
        text = reason if deadline.active() else f"it did not answer within {limit:g} s"
        raise Unavailable(f"The database does not say what it is: {text}") from error
    finally:
        if deadline.active():
            deadline.cancel()
    is_replica, position, timeline, cluster = answer.rows[0]
    return Standing(is_replica, position or 0, timeline, cluster)


class PrimaryHosts:
    """The hosts of one cluster. `connect` opens a connection to one of them."""

    log = Logger()

    def __init__(self, servers: Sequence[Server], connect: Connect, clock: IReactorTime) -> None:
        self.servers = tuple(servers)
        self.present: Server | None = self.servers[0] if len(self.servers) == 1 else None
        """the primary, as far as is known"""
        self._connect = connect
        self._clock = clock
        self._timeline = 0
        self._cluster: int | None = None
        self._last = ""
        self._waiting: list[Deferred[Server]] = []

    @property
    def are_several(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.servers) > 1

    async def open(self) -> Connection:
        """A connection to the primary. Raises Unavailable, whose text tells about each host."""
        if not self.are_several:
            return await self._connect(self.servers[0])
        present = self.present
        if present is not None:
            try:
                return await self._open_at(present)
            except Unavailable:
                if self.present is present:
                    self.present = None
        return await self._open_at(await self._chosen())

    def doubt(self) -> None:
        """The present primary refused a write (25006): look for it anew."""
        if self.are_several:
            self.present = None

    def accepts(self, standing: Standing) -> bool:
        """Whether this may be the primary."""
        is_ours = self._cluster in (None, standing.cluster)
        return not standing.is_replica and is_ours and standing.timeline >= self._timeline

    def accept(self, server: Server, standing: Standing) -> None:
        """This is the primary."""
        self.present = server
        self._timeline = max(self._timeline, standing.timeline)
        self._cluster = standing.cluster
        where = server.where
        if self._last != where:
            said = "the primary of the database is {where}, on timeline {timeline}"
            log = self.log.warn if self._last else self.log.info
            log(f"{said}: its connection pool goes there", where=where, timeline=standing.timeline)
        self._last = where

    async def _open_at(self, server: Server) -> Connection:
        connection = await self._connect(server)
        try:
            standing = await look_at(connection, self._clock)
            if not self.accepts(standing):
                raise Unavailable(f"The database at {server.where} {self._why_not(standing)}")
        except BaseException:
            connection.close()
            raise
        self.accept(server, standing)
        return connection

    async def _chosen(self) -> Server:
        """Whoever asks while all hosts are being asked gets the same answer."""
        waiting: Deferred[Server] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._answer())
        return await waiting

    async def _answer(self) -> None:
        outcome: Server | Failure
        try:
            outcome = await self._choose()
        except Exception:  # noqa: BLE001 - each who waits raises it
            outcome = Failure()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(outcome)  # a Failure makes it fail

    async def _choose(self) -> Server:
        looked = await gather(*[self._look(server) for server in self.servers])
        best: tuple[Server, Standing] | None = None
        reasons = []
        for server, standing in zip(self.servers, looked, strict=True):
            if isinstance(standing, Unavailable):
                reasons.append(standing.text)
            elif not self.accepts(standing):
                reasons.append(f"{server.where} {self._why_not(standing)}")
            elif best is None or standing.timeline > best[1].timeline:
                best = server, standing
        if best is None:
            raise Unavailable("No host of the database is its primary now. " + "; ".join(reasons))
        self.accept(*best)
        return best[0]

    async def _look(self, server: Server) -> Standing | Unavailable:
        try:
            connection = await self._connect(server)
        except Unavailable as error:
            return error
        try:
            return await look_at(connection, self._clock)
        except Unavailable as error:
            return error
        finally:
            connection.close()

    def _why_not(self, standing: Standing) -> str:
        if standing.is_replica:
            return "is a replica"
        if self._cluster not in (None, standing.cluster):
            return "belongs to another cluster"
        return (
            f"is on timeline {standing.timeline}, and another host was promoted since"
            f" (timeline {self._timeline}): make a replica of it, or stop it"
        )
