"""Looking at all servers, each about once a second, on a connection of its own.

Only where there is something to see: several hosts, or replicas. It finds

- a promoted primary before anybody's statement fails, and one that was demoted or left behind:
  the pool leaves it at once, with the statements that wait for its answer (G21);
- the primary that is back, so that nobody waits for the next attempt to connect;
- how far each replica is (`replicas.py`), and those that are gone.

A server that hangs holds up no look at another.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.breaker import Breaker
from sora.deferreds import Tasks
from sora.errors import Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.retry import pause
from sora.storage.postgres.connection import Connection, Server
from sora.storage.postgres.hosts import Connect, PrimaryHosts, Standing, look_at
from sora.storage.postgres.pool import Pool
from sora.storage.postgres.replicas import Replica, Replicas

INTERVAL: Final = 1.0
"""Seconds between two looks at a server."""
UNSURE: Final = 10.0
"""Seconds after a move to another primary in which no replica is asked: one may still follow the
old one, and have what the new one never had. By then the new epoch is known (G70)."""


@define(eq=False)
class _Eye:
    """One server, and what was last seen of it."""

    server: Server
    standing: Standing | None = None
    connection: Connection | None = None
    seen: Callable[[], None] = lambda: None
    lost: Callable[[Unavailable], None] = lambda _: None
    asked_at: float = field(default=0.0)


class Lookout:
    """Looks from `start` to `stop`."""

    log = Logger()

    def __init__(
        self,
        hosts: PrimaryHosts,
        replicas: Replicas,
        pool: Pool[Connection],
        breaker: Breaker,
        connect: Connect,
        clock: IReactorTime,
        metrics: DatabaseMetrics,
        interval: float = INTERVAL,
    ) -> None:
        self._hosts = hosts
        self._replicas = replicas
        self._pool = pool
        self._breaker = breaker
        self._connect = connect
        self._clock = clock
        self._metrics = metrics
        self._interval = interval
        self._tasks = Tasks()
        self._unsure_until = 0.0
        self._primaries = [_Eye(server) for server in hosts.servers]
        self._eyes = list(self._primaries)
        for eye in self._primaries:
            eye.seen = lambda eye=eye: self._saw_host(eye)  # type: ignore[misc]
            eye.lost = lambda error, eye=eye: self._lost_host(eye, error)  # type: ignore[misc]
        for replica in replicas.all:
            self._eyes.append(self._eye_of(replica))

    def _eye_of(self, replica: Replica) -> _Eye:
        eye = _Eye(replica.server)
        eye.seen = lambda: self._saw_replica(replica, eye)
        eye.lost = lambda error: self._lost_replica(replica, error)
        return eye

    def start(self) -> None:
        """Begin to look, where there is something to see."""
        if len(self._eyes) > 1:
            for eye in self._eyes:
                self._tasks.start(self._watch(eye), f"look at the database at {eye.server.where}")

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.cancel()
        for eye in self._eyes:
            self._close(eye)

    async def _watch(self, eye: _Eye) -> None:
        while True:
            await self._look(eye)
            await pause(self._clock, self._interval)

    async def _look(self, eye: _Eye) -> None:
        try:
            if eye.connection is None or not eye.connection.check():
                self._close(eye)
                eye.connection = await self._connect(eye.server)
            eye.asked_at = self._clock.seconds()
            eye.standing = await look_at(eye.connection, self._clock)
        except Unavailable as error:
            self._close(eye)
            eye.standing = None
            eye.lost(error)
        else:
            eye.seen()

    def _close(self, eye: _Eye) -> None:
        connection, eye.connection = eye.connection, None
        if connection is not None:
            connection.close()

    # ------------------------------------------------------------------ the primary

    def _saw_host(self, eye: _Eye) -> None:
        assert eye.standing is not None
        present = self._hosts.present
        if eye.server is not present:
            self._choose()
        elif self._hosts.accepts(eye.standing):
            self._hosts.accept(eye.server, eye.standing)
            self._breaker.succeeded()
            self._mark(eye)
        elif self._hosts.are_several:
            self.log.warn(
                "the database at {where} is no primary any more: its connection pool leaves it",
                where=eye.server.where,
            )
            self._hosts.doubt()
            self._move()
            self._choose()

    def _lost_host(self, eye: _Eye, error: Unavailable) -> None:
        if eye.server is self._hosts.present:
            self._breaker.failed(error)
            self._choose()

    def _choose(self) -> None:
        """See whether another host than the present one is the primary."""
        present = self._hosts.present
        best: _Eye | None = None
        for eye in self._primaries:
            if eye.standing is None or not self._hosts.accepts(eye.standing):
                continue
            if (
                best is None
                or best.standing is None
                or eye.standing.timeline > best.standing.timeline
            ):
                best = eye
        if best is None or best.standing is None or best.server is present:
            return
        there = next((eye.standing for eye in self._primaries if eye.server is present), None)
        is_well = there is not None and self._hosts.accepts(there)
        if there is not None and is_well and there.timeline >= best.standing.timeline:
            return
        self._hosts.accept(best.server, best.standing)
        self._move()
        self._mark(best)

    def _move(self) -> None:
        """The pool goes to another primary; what waits for an answer of the old one is told."""
        self._replicas.marks.clear()
        self._unsure_until = self._clock.seconds() + UNSURE
        self._metrics.moves.inc()
        self._pool.leave()

    def _mark(self, eye: _Eye) -> None:
        if eye.standing is not None:
            self._replicas.marks.add(eye.asked_at, eye.standing)

    # ------------------------------------------------------------------ replicas

    def _saw_replica(self, replica: Replica, eye: _Eye) -> None:
        assert eye.standing is not None
        now = self._clock.seconds()
        replica.breaker.succeeded()
        before = replica.trouble
        if now < self._unsure_until:
            replica.lost("the primary is another one since a moment ago")
        elif not eye.standing.is_replica and not self._hosts.accepts(eye.standing):
            replica.lost("it is a primary that was left behind")
        else:
            replica.seen(eye.standing, self._replicas.marks, now)
        self._tell(replica, before)

    def _lost_replica(self, replica: Replica, error: Unavailable) -> None:
        before = replica.trouble
        replica.breaker.failed(error)
        replica.lost(error.text)
        if not before:
            replica.pool.leave()  # whoever waits for it asks the primary
        self._tell(replica, before)

    def _tell(self, replica: Replica, before: str) -> None:
        self._metrics.replica_lag.labels(replica.where).set(replica.lag)
        self._metrics.replica_usable.labels(replica.where).set(not replica.trouble)
        if replica.trouble and not before:
            self.log.warn(
                "the replica of the database at {where} is not asked: {reason}",
                where=replica.where,
                reason=replica.trouble,
            )
        elif before and not replica.trouble:
            self.log.info("the replica of the database at {where} is asked", where=replica.where)
