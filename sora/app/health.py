"""What is looked at for the health of a process: the explicit list.

`docs/deployment.md` tells operators what each of them means.
"""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any, Final

from attrs import frozen
from prometheus_client import CollectorRegistry

from sora.app.health_bodies import checks_of_bodies
from sora.app.health_database import DATABASE, database_checks
from sora.app.liveness import DatabaseLiveness
from sora.app.logins import LoginPaces
from sora.app.relay import RelayParts
from sora.app.storage import BodyStorage
from sora.app.tables import Tables
from sora.config.config import Config
from sora.health import Check, Finding, Health, Status
from sora.metrics.health import HealthMetrics
from sora.metrics.surroundings import DiskMetrics
from sora.retry import pause
from sora.threads import Threads
from sora.tls.contexts import ServerTLS
from sora.tls.described import RENEW

LOW: Final = (0.05, 1024**3)
"""the share of a disk and the octets below both of which it is nearly full"""
FULL: Final = (0.01, 100 * 1024**2)
"""the same, and nothing more can be counted on"""
SAMPLE: Final = 0.2
"""seconds after which a call is to come"""
SLOW_TURN: Final = 1.0
"""seconds that a turn of the reactor may take"""
DAY: Final = 86400.0

Look = Callable[[], Awaitable[Finding]]


def health_of(
    config: Config,
    tables: Tables,
    storage: BodyStorage,
    relay: RelayParts,
    certificates: Iterable[ServerTLS],
    *,
    logins: LoginPaces,
    liveness: DatabaseLiveness,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    more: Sequence[Check] = (),
) -> Health:
    """The checks of this process, and `more` of them. Nothing of it is started."""
    patience = config.health.s3_timeout
    checks = [
        *database_checks(config, tables.database, liveness, reactor),
        *checks_of_bodies(config, tables, storage, random, reactor.seconds),
        *_checks_of_tables(config, tables, reactor.seconds),
        _disks_check(config, storage, DiskMetrics(registry)),
        Check("reactor", ReactorTurns(reactor).look, patience),
        Check("logins", logins.look),
        Check("cluster", _cluster(config)),
    ]
    if relay.check is not None:
        asked = config.health.relay_timeout
        look = _relay(relay.check, asked or None)
        checks.append(Check("relay", look, max(asked + 1, patience), relay_remedy(config)))
    known = list(dict.fromkeys(certificates))
    if known:
        look_at_them = look_at_certificates(known, storage.bodies.threads.run, reactor.seconds)
        checks.append(Check("certificates", look_at_them))
    return _health(config, [*checks, *more], reactor, registry)


def health_from_here(
    config: Config,
    tables: Tables,
    storage: BodyStorage | None,
    liveness: DatabaseLiveness,
    *,
    reactor: Any,
) -> Health:
    """What a process without servers can look at: what they stand on."""
    checks = checks_from_here(config, tables, storage, liveness, reactor)
    return health_of_checks(config, checks, reactor)


def checks_from_here(
    config: Config,
    tables: Tables,
    storage: BodyStorage | None,
    liveness: DatabaseLiveness,
    reactor: Any,
) -> list[Check]:
    """The database first; without `storage`, whose place only the database knows, nothing of it."""
    checks = database_checks(config, tables.database, liveness, reactor)
    if storage is None:
        return [*checks, Check("object store", _unknown, stands_on=DATABASE)]
    random, now = SystemRandom(), reactor.seconds
    checks += checks_of_bodies(config, tables, storage, random, now, once=True)
    checks.append(_disks_check(config, storage))
    return checks


async def _unknown() -> Finding:
    return Finding(
        Status.DEGRADED,
        "Where in it bodies are is not known: the database does not say",
        "See the health of the schema",
    )


def health_of_checks(config: Config, checks: Sequence[Check], reactor: Any) -> Health:
    """What looks once, for the command line."""
    return _health(config, checks, reactor, CollectorRegistry())


def _health(
    config: Config, checks: Sequence[Check], reactor: Any, registry: CollectorRegistry
) -> Health:
    return Health(
        checks,
        clock=reactor,
        interval=config.health.check_interval,
        metrics=HealthMetrics(registry),
    )


def _checks_of_tables(config: Config, tables: Tables, now: Callable[[], float]) -> list[Check]:
    patience = config.health.s3_timeout
    cleaner, deletions = look_at_cleaner(config, tables, now), look_at_deletions(tables, now)
    return [
        Check("cleaner", cleaner, patience, _ASK_DATABASE, DATABASE),
        Check("deletions", deletions, patience, _ASK_DATABASE, DATABASE),
    ]


_ASK_DATABASE: Final = "See the health of the database"
_DISKS: Final = "Look whether a file system hangs"


def relay_remedy(config: Config) -> str:
    """What to do when outgoing mail cannot be handed over."""
    where = "http_url" if config.relay.type == "http" else "smtp_host"
    login = "auth_token" if config.relay.type == "http" else "username and password"
    return (
        f"See that [relay] {where} is right and that what it names runs, takes {login} and has a"
        " certificate that is trusted (tls_*); mail waits in sora-admin relay list"
    )


def _disks_check(config: Config, storage: BodyStorage, metrics: DiskMetrics | None = None) -> Check:
    look = look_at_disks(_places(config), storage.bodies.threads, metrics)
    return Check("disks", look, config.health.s3_timeout, _DISKS)


def look_at_cleaner(config: Config, tables: Tables, now: Callable[[], float]) -> Look:
    """How the last rounds of all nodes went. Where there was none yet, it is to come."""

    async def look() -> Finding:
        rounds = await tables.cleaning.rounds()
        errors = [f"{each.node}: {each.error}" for each in rounds if each.error]
        ages = [now() - each.ended_at.timestamp() for each in rounds if not each.error]
        facts = {"nodes": len(rounds), "age": min(ages, default=None)}
        if rounds and min(ages, default=float("inf")) > 3 * config.cleanup.wake_interval + 3600:
            return Finding(
                Status.DEGRADED,
                "The cleaner has ended no round for long: what is deleted stays"
                + (f" ({errors[0]})" if errors else ""),
                "See the log for why, and sora-admin cleaner status for what waits",
                facts,
            )
        return Finding(Status.HEALTHY, "The cleaner keeps up", facts=facts)

    return look


def look_at_deletions(tables: Tables, now: Callable[[], float]) -> Look:
    """Whether accounts deleted far more than is their habit, and somebody should look: for a day
    from when it was noticed."""

    async def look() -> Finding:
        since = datetime.fromtimestamp(now() - DAY, UTC)
        runs = [run for run in await tables.deletions.runs(since) if run.noticed_at >= since]
        facts = {run.address or str(run.account_id): run.messages for run in runs[:10]}
        if not runs:
            return Finding(Status.HEALTHY, "Nobody deletes more than usually", facts=facts)
        first = runs[0]
        return Finding(
            Status.DEGRADED,
            f"{len(runs)} accounts deleted far more than is their habit: {first.address}"
            f" {first.messages} messages, with {first.remaining} left",
            "Ask whether it was on purpose: sora-admin cleaner runs names them, and until when what"
            f" they deleted is kept; sora-admin messages list-deleted --email {first.address} lists"
            " it, messages restore brings it back",
            facts,
        )

    return look


def _places(config: Config) -> Mapping[str, str]:
    has_cache = bool(config.cache.path and config.cache.capacity)
    places = {"the cache": config.cache.path} if has_cache else {}
    if config.s3.provider == "filesystem":
        places["the object store"] = config.s3.path
    if config.relay.type:
        places["the relay's queue"] = config.relay.queue.path
    return places


def look_at_disks(
    places: Mapping[str, str], threads: Threads, metrics: DiskMetrics | None = None
) -> Look:
    """How much room there is at these paths, by what is there."""

    async def look() -> Finding:
        seen: Mapping[str, Disk]
        finding, seen = await threads.run(_look_at_disks, places)
        if metrics is not None:
            for place, disk in seen.items():
                metrics.saw(place, disk.free, disk.size)
        return finding

    return look


@frozen
class Disk:
    """Octets of a file system."""

    free: int
    size: int

    def is_below(self, bounds: tuple[float, int]) -> bool:
        """Whether less is free than this share, and than so many octets."""
        return self.free < bounds[0] * self.size and self.free < bounds[1]


def _look_at_disks(places: Mapping[str, str]) -> tuple[Finding, Mapping[str, Disk]]:
    seen: dict[str, Disk] = {}
    missing = []
    for what, path in places.items():
        try:
            found = os.statvfs(path)
        except OSError as error:
            missing.append(f"{what} ({path}: {error.strerror})")
        else:
            seen[what] = Disk(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)
    return _judge_disks(places, seen, missing), seen


def _judge_disks(
    places: Mapping[str, str], seen: Mapping[str, Disk], missing: Sequence[str]
) -> Finding:
    facts = {places[what]: disk.free for what, disk in seen.items()}

    def below(bounds: tuple[float, int]) -> list[str]:
        return [
            f"{what} ({places[what]}: {disk.free >> 20} MB are free)"
            for what, disk in seen.items()
            if disk.is_below(bounds)
        ]

    full, low = below(FULL), below(LOW)
    remedy = "Make room there"
    if missing:
        text = f"There is no place for {', '.join(missing)}"
        mend = "Look whether its file system is mounted, and make the directory"
        return Finding(Status.UNHEALTHY, text, mend, facts)
    if full:
        return Finding(Status.UNHEALTHY, f"The disk is full of {', '.join(full)}", remedy, facts)
    if low:
        return Finding(Status.DEGRADED, f"Little room is left for {', '.join(low)}", remedy, facts)
    return Finding(Status.HEALTHY, "There is room", facts=facts)


class ReactorTurns:
    """Whether the one thread in which everything happens is kept from it. Measured by how late a
    call comes."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    async def look(self) -> Finding:
        """The delay that is there now. Takes `SAMPLE` seconds."""
        before = self._reactor.seconds()
        await pause(self._reactor, SAMPLE)
        late = self._reactor.seconds() - before - SAMPLE
        facts = {"delay": round(max(0.0, late), 3)}
        if late > SLOW_TURN:
            return Finding(
                Status.DEGRADED,
                f"Turns of the reactor take up to {late:.1f} seconds: all clients wait",
                "This process has more to do than it can: [process] workers, or more nodes",
                facts,
            )
        return Finding(Status.HEALTHY, "The reactor is in time", facts=facts)


def _cluster(config: Config) -> Look:
    async def look() -> Finding:
        facts = {"members": 1}
        if config.cluster.enabled:
            text = "This node is the only member of its cluster: this version has no gossip"
            mend = "Set [cluster] enabled = false; limits and blocks are those of each node"
            return Finding(Status.DEGRADED, text, mend, facts)
        text = "This node is the only member: [cluster] is not enabled"
        return Finding(Status.HEALTHY, text, facts=facts)

    return look


def _relay(check: Callable[[float | None], Awaitable[str]], patience: float | None) -> Look:
    async def look() -> Finding:
        return Finding(Status.HEALTHY, await check(patience))

    return look


def look_at_certificates(
    certificates: Iterable[ServerTLS],
    in_thread: Callable[..., Awaitable[Any]],
    seconds: Callable[[], float],
) -> Look:
    """When the first of them ends, and whether the files have others by now."""

    async def look() -> Finding:
        now = datetime.fromtimestamp(seconds(), UTC)
        ends = {str(one.files[0]): one.certificate.not_valid_after_utc for one in certificates}
        file, end = min(ends.items(), key=lambda item: item[1])
        facts = {name: moment.isoformat() for name, moment in ends.items()}
        renewed = [str(one.files[0]) for one in certificates if await in_thread(one.is_renewed)]
        if renewed:
            text = f"The file {renewed[0]} has another certificate than is served"
            mend = "Send SIGHUP (systemctl reload sora), also after each renewal"
            status = Status.UNHEALTHY if ends[renewed[0]] <= now else Status.DEGRADED
            return Finding(status, text, mend, facts)
        remedy = f"Replace {file} and send SIGHUP"
        if end <= now:
            text = f"The certificate {file} ended on {end:%Y-%m-%d}: clients refuse it"
            return Finding(Status.UNHEALTHY, text, remedy, facts)
        if end <= now + RENEW:
            text = f"The certificate {file} ends on {end:%Y-%m-%d}: its renewal is due"
            return Finding(Status.DEGRADED, text, remedy, facts)
        return Finding(Status.HEALTHY, f"The first certificate ends on {end:%Y-%m-%d}", facts=facts)

    return look
