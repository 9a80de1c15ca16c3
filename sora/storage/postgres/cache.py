"""How the caches of bodies were, in PostgreSQL: `ICacheHistory`. See `0045_cache_metrics.sql`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import ICacheHistory
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import CacheSample, CacheStatus

_COLUMNS: Final = (
    "instance, at, began_at, objects, octets, capacity, max_object_size, hits, misses, written,"
    " evicted, damaged"
)
_NOTE: Final = f"""
with gone as (delete from cache_metrics where at < %s)
insert into cache_metrics ({_COLUMNS})
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
_SAMPLES: Final = f"""
select {_COLUMNS} from cache_metrics where at >= %s and %s in ('', instance)
order by at desc, instance limit %s
"""
_LATEST: Final = f"""
select * from (
    select distinct on (instance) {_COLUMNS} from cache_metrics
    where at >= %s and %s in ('', instance) order by instance, at desc
) last order by instance limit %s
"""


@implementer(ICacheHistory)
class CacheHistory:
    """`ICacheHistory` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def note(self, sample: CacheSample, keep: timedelta) -> None:
        status = sample.status
        values = (
            sample.at - keep,
            sample.instance,
            sample.at,
            sample.began_at,
            status.objects,
            status.octets,
            status.capacity,
            status.max_object_size,
            status.hits,
            status.misses,
            status.written,
            status.evicted,
            status.damaged,
        )

        async def work(tx: Tx) -> None:
            await tx.do(_NOTE, values)

        await self._database.run("note_cache", work, write=True)

    @deferred
    async def samples(
        self, since: datetime, instance: str, limit: int, latest: bool
    ) -> Sequence[CacheSample]:
        sql = _LATEST if latest else _SAMPLES

        async def work(tx: Tx) -> Sequence[CacheSample]:
            return [_sample(row) for row in await tx.all(sql, (since, instance, limit))]

        return await self._database.run("cache_samples", work, write=False)


def _sample(row: Sequence[Any]) -> CacheSample:
    instance, at, began_at, *figures = row
    return CacheSample(instance, at, began_at, CacheStatus(*figures))
