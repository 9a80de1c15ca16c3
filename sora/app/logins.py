"""How fast a process lets logins in, and what its health says of it."""

import os
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen
from prometheus_client import CollectorRegistry

from sora.auth.pacing import Paces, Pacing
from sora.auth.pressure import Pressure
from sora.config.config import Config
from sora.health import Finding, Status
from sora.metrics.authentication import PacingMetrics
from sora.storage.postgres.database import Database

LONG: Final = 1.0
"""seconds that a login may wait before health tells of it"""
LATELY: Final = 60.0
"""seconds for which it tells that somebody was sent away"""


@frozen
class LoginPaces:
    """The paces, and the service that measures what they depend on."""

    pressure: Pressure
    paces: Paces

    async def look(self) -> Finding:
        """Whether logins wait, and why."""
        reads, hashes = self.paces.reads.waiting, self.paces.hashes.waiting
        count, longest = reads.count + hashes.count, max(reads.longest, hashes.longest)
        refused = [one.refused for one in (reads, hashes) if one.refused is not None]
        why = self.pressure.reason
        facts = {"waiting": count, "longest": round(longest, 3), "pressure": why or None}
        remedy = (
            "Who has logged in is served first. Add nodes, or raise [limits] concurrent_logins"
            " where the database has room"
        )
        reason = f": {why}" if why else ", as more come than are let in at a time"
        if longest >= LONG:
            text = f"{count} logins wait, the first for {longest:.1f} seconds{reason}"
            return Finding(Status.DEGRADED, text, remedy, facts)
        if refused and min(refused) < LATELY:
            text = f"Logins were told to come again later{reason}"
            return Finding(Status.DEGRADED, text, remedy, facts)
        return Finding(Status.HEALTHY, "Logins are let in as they come", facts=facts)


def login_paces(
    config: Config, database: Database, *, reactor: Any, registry: CollectorRegistry
) -> LoginPaces:
    """Those of a process. The service is not started."""
    pressure = Pressure(reactor, exhausted_by(database))
    metrics = PacingMetrics(registry)

    def pacing(step: str, most: int) -> Pacing:
        return Pacing(reactor, step, most=most, pressure=lambda: pressure.reason, metrics=metrics)

    reads = config.limits.concurrent_logins or max(1, config.database.max_conns // 2)
    return LoginPaces(pressure, Paces(pacing("read", reads), pacing("hash", os.cpu_count() or 1)))


def exhausted_by(database: Database) -> Callable[[], int]:
    """How many wait because all connections are in use: not because there is none to be had, which
    waiting for a turn would not mend."""
    pool = database.pool

    def waiting() -> int:
        return pool.waiting if pool.size >= pool.limits.maximum else 0

    return waiting
