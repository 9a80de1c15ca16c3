"""What is looked at of bodies: the object stores, the keys, what waits, what is damaged."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Final
from uuid import UUID

from sora.app.health_database import DATABASE
from sora.app.storage import BodyStorage
from sora.app.tables import Tables
from sora.config.config import Config
from sora.health import Check, Finding, Status
from sora.storage.interfaces import ICopies
from sora.storage.s3.objects import S3Objects
from sora.storage.stores import ObjectStore
from sora.workers.backlog import BacklogWatch

DAY: Final = 86400.0
SAMPLED: Final = 100
"""objects whose key is looked at in a look"""
REMEMBERED: Final = 3600.0
"""seconds for which it is told that an object was found whose key is missing"""
RECENT: Final = 30.0
"""seconds for which a backlog that a worker has asked for is as good as a new one"""

Look = Callable[[], Awaitable[Finding]]

_ASK_DATABASE: Final = "See the health of the database"
_ASK_STORE: Final = "See the health of the object store; sora-admin uploader status tells more"


def checks_of_bodies(
    config: Config,
    tables: Tables,
    storage: BodyStorage,
    random: Random,
    now: Callable[[], float],
    *,
    once: bool = False,
) -> list[Check]:
    """The stores first, since the rest follows from them. Who looks `once` tries all that is done
    there, and so writes and deletes; who looks again and again asks what costs least."""
    patience, old = config.health.s3_timeout, config.upload.warn_after
    checks = [_store_check(store, patience, once) for store in storage.objects.values()]
    keys = MissingKeys(
        tables.copies, {entry.id for entry in config.s3.encryption_keys}, random, now
    )
    uploads = look_at_backlog(storage.uploads, "bodies wait for the object store", old)
    checks += [
        Check("encryption keys", keys.look, patience, _ASK_DATABASE, DATABASE),
        Check("uploads", uploads, patience, _ASK_DATABASE, DATABASE),
    ]
    for name, watch in storage.copying.items():
        copies = look_at_backlog(watch, f"bodies wait for their copy in the store {name}", old)
        checks.append(Check(f"copies to {name}", copies, patience, _ASK_DATABASE, DATABASE))
    look = _integrity(config, tables)
    checks.append(Check("integrity", look, patience, _ASK_DATABASE, DATABASE))
    return checks


def _store_check(store: ObjectStore, patience: float, once: bool) -> Check:
    if store.is_remote:
        remedy = (
            "Look at [s3] and at the store's own health; mail is taken meanwhile, and read as far"
            " as it is staged or cached"
        )
    else:
        remedy = "Look whether the disk of [s3] path is mounted and writable"
    objects = store.objects

    async def look() -> Finding:
        if not isinstance(objects, S3Objects):
            await objects.probe()
            return Finding(Status.HEALTHY, f"The object store {store.name} answers")
        await (objects.try_all() if once else objects.probe())
        return look_at_s3(
            store.name,
            {kind.value: (one.state, one.trouble) for kind, one in objects.breakers.items()},
            {kind.value: text for kind, text in objects.refusals.items()},
            objects.skew,
        )

    return Check(f"object store {store.name}", look, patience, remedy)


def look_at_s3(
    store: str,
    breakers: Mapping[str, tuple[str, str]],
    refusals: Mapping[str, str],
    skew: str,
) -> Finding:
    """A store that answers a question may still refuse others: `breakers` are the states of its
    circuit breakers and what went wrong last, `refusals` what it has refused last, both by the kind
    of operation; `skew` tells of the clock."""
    away = [kind for kind, (state, _) in breakers.items() if state != "closed"]
    facts = {f"circuit breaker of {kind}": str(state) for kind, (state, _) in breakers.items()}
    if away:
        why = breakers[away[0]][1]
        return Finding(
            Status.DEGRADED,
            f"The object store {store} answers, but the circuit breaker of {', '.join(away)}"
            f" is open{f': {why}' if why else ''}",
            "Look at the rights of the keys, the room and the quota of the bucket, and at the log;"
            " what is not uploaded is staged in the database meanwhile",
            facts,
        )
    if refusals:
        kind, text = next(iter(refusals.items()))
        return Finding(
            Status.DEGRADED,
            f"The object store {store} refuses to {kind}: {text}",
            "Look at the rights of the keys; what is not uploaded is staged in the database until"
            " sora-admin uploader retry, what is not deleted is tried again",
            facts,
        )
    if skew:
        return Finding(
            Status.DEGRADED,
            f"{skew[0].upper()}{skew[1:]}; requests are signed with the store's time",
            "Set this machine's clock, and run an NTP client",
            facts,
        )
    return Finding(Status.HEALTHY, f"The object store {store} answers", facts=facts)


class MissingKeys:
    """Whether objects have keys that are not configured. Each look takes a sample: names of objects
    are random, so a page of them from anywhere is one. What was found is remembered for a while."""

    def __init__(
        self,
        copies: ICopies,
        configured: Collection[str],
        random: Random,
        now: Callable[[], float],
    ) -> None:
        self._copies = copies
        self._configured = configured
        self._random = random
        self._now = now
        self._found: dict[str, float] = {}

    async def look(self) -> Finding:
        """Sample, and tell of all that were found lately."""
        now = self._now()
        for one in await self._copies.page(UUID(int=self._random.getrandbits(128)), SAMPLED):
            key = one.place.key_id
            if key is not None and key not in self._configured:
                self._found[key] = now
        self._found = {key: at for key, at in self._found.items() if now - at < REMEMBERED}
        if not self._found:
            return Finding(Status.HEALTHY, "No object was found whose key is missing")
        names = ", ".join(sorted(self._found))
        return Finding(
            Status.UNHEALTHY,
            f"Objects are encrypted with keys that are not configured: {names}",
            "Add them to [[s3.encryption_keys]] after the first and restart: until then these"
            " messages cannot be read. sora-admin objects status counts them",
            {"missing": names},
        )


def look_at_backlog(watch: BacklogWatch, what: str, old: float) -> Look:
    """What waits, as its worker has asked just now; from `old` seconds of age on it is alarming
    (G10)."""

    async def look() -> Finding:
        backlog = await watch.recent(RECENT)
        facts = {"contents": backlog.contents, "octets": backlog.octets, "oldest": backlog.oldest}
        text = f"{backlog.contents} {what}"
        if backlog.oldest >= old:
            text += f", the oldest for {backlog.oldest:.0f} seconds"
            return Finding(Status.DEGRADED, text, _ASK_STORE, facts)
        return Finding(Status.HEALTHY, text, facts=facts)

    return look


def _integrity(config: Config, tables: Tables) -> Look:
    async def look() -> Finding:
        damages = await tables.verifying.damages(0, 1000)
        if damages:
            return Finding(
                Status.UNHEALTHY,
                f"{len(damages)} bodies are damaged or missing",
                "sora-admin verify --known names the messages; verify --repair mends what is"
                " elsewhere, the rest has to come from a backup of the store",
                {"damaged": len(damages)},
            )
        now, facts = datetime.now(UTC), {}
        for sweep in await tables.verifying.sweeps():
            facts[sweep.store] = (now - sweep.proven_since).total_seconds()
        oldest = max(facts.values(), default=0.0)
        if config.integrity.rate and 0 < config.integrity.warn_after * DAY < oldest:
            return Finding(
                Status.DEGRADED,
                f"A body was not verified for {oldest / DAY:.0f} days",
                "Raise [integrity] rate, or warn_after",
                facts,
            )
        return Finding(Status.HEALTHY, "No damage is known", facts=facts)

    return look
