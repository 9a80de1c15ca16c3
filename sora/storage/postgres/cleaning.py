"""What the cleaner does: `ICleaning` in PostgreSQL. See `0007_bodies.sql` for why it is safe.

Every step may be repeated at any time, also when its answer was lost.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import ICleaning
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Condemned


@implementer(ICleaning)
class Cleaning:
    """`ICleaning` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def purge_expunged(self, grace: timedelta, limit: int) -> int:
        return await self._count("purge_expunged", "select purge_expunged_v1(%s, %s)", grace, limit)

    @deferred
    async def condemn(self, grace: timedelta, limit: int) -> int:
        return await self._count("condemn", "select condemn_v1(%s, %s)", grace, limit)

    @deferred
    async def condemned(self, limit: int) -> Sequence[Condemned]:
        async def work(tx: Tx) -> Sequence[Condemned]:
            rows = await tx.all(
                "select object_id::text, store, content_id from condemned_v1(%s)", (limit,)
            )
            return [Condemned(packing.uuid(name), store, content) for name, store, content in rows]

        return await self._database.run("condemned", work, write=True)

    @deferred
    async def forget(self, object_ids: Sequence[UUID]) -> int:
        return await self._count(
            "forget", "select forget_objects_v1(%s::uuid[])", [str(name) for name in object_ids]
        )

    @deferred
    async def forget_deliveries(self, age: timedelta, limit: int) -> int:
        return await self._count(
            "forget_deliveries", "select forget_deliveries_v1(%s, %s)", age, limit
        )

    @deferred
    async def forget_memories(self, limit: int) -> int:
        return await self._count("forget_memories", "select forget_memories_v1(%s)", limit)

    @deferred
    async def drop_staging(self) -> int:
        return await self._count("drop_staging", "select drop_staging_v1()")

    @deferred
    async def make_partitions(self) -> int:
        return await self._count("make_partitions", "select make_partitions_v1()")

    async def _count(self, name: str, sql: str, *parameters: object) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value(sql, parameters or None) or 0

        return await self._database.run(name, work, write=True)
