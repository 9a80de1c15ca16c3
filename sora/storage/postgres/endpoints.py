"""A Database on its servers: the primary's hosts, and the replicas."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from attrs import evolve, frozen

from sora.metrics.database import DatabaseMetrics
from sora.storage.postgres.connection import Connection, Server, connect
from sora.storage.postgres.database import Database, Faults, Timing, breaker_of
from sora.storage.postgres.hosts import PrimaryHosts
from sora.storage.postgres.lookout import INTERVAL, Lookout
from sora.storage.postgres.pool import Limits, Pool
from sora.storage.postgres.replicas import Replica, Replicas

WAIT_FOR_REPLICA: Final = 0.5
"""Seconds that a read waits for a connection to a replica before the primary is asked."""
ONE_OF_SEVERAL: Final = 2.0
"""Seconds to connect where another host may be the one."""


@frozen
class Endpoints:
    """Where a database is. `primary` are the hosts of one cluster, `replicas` those that answer
    reads, each with the most connections that are opened to it."""

    primary: Sequence[Server]
    replicas: Sequence[tuple[Server, int]] = ()
    max_lag: float = 10.0
    """seconds behind which a replica is not asked"""
    interval: float = INTERVAL
    """seconds between two looks at a server"""


def hosts_of(servers: Sequence[Server], reactor: Any) -> PrimaryHosts:
    """The hosts of a primary; each is given less time where there are several."""
    if len(servers) > 1:
        servers = [_quicker(server) for server in servers]
    return PrimaryHosts(servers, lambda server: connect(server, reactor, reactor), reactor)


def database_on(
    where: Server | Endpoints,
    limits: Limits,
    *,
    reactor: Any,
    random: Random,
    metrics: DatabaseMetrics,
    timing: Timing | None = None,
    faults: Faults | None = None,
    async_flags: bool = False,
) -> Database:
    """A Database, begun by its `start` and ended by its `close`."""
    endpoints = where if isinstance(where, Endpoints) else Endpoints([where])

    async def open_at(server: Server) -> Connection:
        return await connect(server, reactor, reactor)

    hosts = hosts_of(endpoints.primary, reactor)
    pool: Pool[Connection] = Pool(hosts.open, limits, clock=reactor, random=random, metrics=metrics)
    breaker = breaker_of(pool, reactor, random, metrics)

    def replica(server: Server, most: int) -> Replica:
        server = _quicker(server)
        replica_pool: Pool[Connection] = Pool(
            lambda: open_at(server),
            evolve(
                limits,
                minimum=0,
                maximum=most,
                acquire_timeout=min(WAIT_FOR_REPLICA, limits.acquire_timeout),
            ),
            clock=reactor,
            random=random,
            metrics=metrics,
            role=server.where,
        )
        replica_breaker = breaker_of(replica_pool, reactor, random, metrics)
        return Replica(server, replica_pool, replica_breaker, endpoints.max_lag)

    replicas = Replicas([replica(server, most) for server, most in endpoints.replicas])
    lookout = Lookout(hosts, replicas, pool, breaker, open_at, reactor, metrics, endpoints.interval)
    return Database(
        pool,
        clock=reactor,
        random=random,
        metrics=metrics,
        timing=timing,
        faults=faults,
        hosts=hosts,
        breaker=breaker,
        replicas=replicas,
        lookout=lookout,
        async_flags=async_flags,
    )


def _quicker(server: Server) -> Server:
    return evolve(server, connect_timeout=min(server.connect_timeout, ONE_OF_SEVERAL))
