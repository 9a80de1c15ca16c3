"""The caches of bodies."""

from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import asdict, frozen

from sora.errors import BadArgument
from sora.operations.cache import MOST_SAMPLES
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.storage.rows import CacheSample

DAY: Final = 86400
KEPT: Final = 30 * DAY


@frozen(kw_only=True)
class CacheFigures:
    """How the cache of a process was at a time. What is counted is counted since it began."""

    instance: str = said("Which process: its node.", example="mail-1")
    at: datetime = said("When it was so.")
    began_at: datetime = said("Since when is counted.")
    objects: int = said("Bodies in it.", minimum=0)
    octets: int = said("Their octets.", minimum=0)
    capacity: int = said("Octets that it may have.", minimum=0)
    max_object_size: int = said("Octets that a body in it may have.", minimum=0)
    hits: int = said("Bodies that were asked for and were there.", minimum=0)
    misses: int = said("Those that were not.", minimum=0)
    written: int = said("Bodies that came into it.", minimum=0)
    evicted: int = said("Those that had to make room.", minimum=0)
    damaged: int = said("Those that were not what they should have been.", minimum=0)


@frozen(kw_only=True)
class CacheStats(CacheFigures):
    """The cache of this process, now."""

    path: str = said("Its directory.", example="/var/cache/sora")


@frozen
class Wanted:
    """Which figures."""

    instance: str = said("Of this process alone.", default="", max_length=255)
    since: int = said("In so many seconds until now.", default=DAY, minimum=1, maximum=KEPT)
    history: bool = said("All, every five minutes, and not only the last of each.", default=False)
    limit: int = said("How many at most.", default=100, minimum=1, maximum=MOST_SAMPLES)


@frozen
class CacheMetrics:
    """Figures: the last ones first, or without `history` one of each process, by name."""

    items: tuple[CacheFigures, ...] = said("The figures.")


@frozen
class Purged:
    """What became of it."""

    objects: int = said("How many bodies were removed.", minimum=0)
    octets: int = said("Their octets.", minimum=0)


def _fields(sample: CacheSample) -> dict[str, Any]:
    return {
        "instance": sample.instance,
        "at": sample.at,
        "began_at": sample.began_at,
        **asdict(sample.status),
    }


async def _stats(nouns: Nouns, call: Call) -> CacheStats:
    row = nouns.cache.stats()
    return CacheStats(path=row.path, **_fields(row.sample))


async def _metrics(nouns: Nouns, call: Call) -> CacheMetrics:
    wanted: Wanted = call.query
    samples = await nouns.cache.metrics(wanted.instance, wanted.since, wanted.limit, wanted.history)
    return CacheMetrics(items=tuple(CacheFigures(**_fields(sample)) for sample in samples))


async def _purge(nouns: Nouns, call: Call) -> Purged:
    objects, octets = await nouns.cache.purge()
    return Purged(objects=objects, octets=octets)


_endpoint = partial(Endpoint, group="cache", errors=(BadArgument,))


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/cache/stats",
        name="showCache",
        summary="Show how full the cache of this process is, and how good",
        answer=CacheStats,
        run=_stats,
    ),
    _endpoint(
        method="GET",
        path="/cache/metrics",
        name="listCacheMetrics",
        summary="Show how good the caches of all processes are, or were",
        query=Wanted,
        answer=CacheMetrics,
        run=_metrics,
    ),
    _endpoint(
        method="POST",
        path="/cache/purge",
        name="purgeCache",
        summary="Empty the cache of this process",
        scope=Scope.WRITE,
        answer=Purged,
        changes="purged the cache",
        run=_purge,
    ),
)
