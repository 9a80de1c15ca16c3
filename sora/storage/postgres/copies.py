"""Further objects of contents: `ICopies` in PostgreSQL. See `0032_copies.sql`."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import ICopies
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Backlog, Copy, ObjectPlace, StoredObject


@implementer(ICopies)
class Copies:
    """`ICopies` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def copy_to(self, stores: Sequence[str]) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select copy_to_v1(%s::text[])", (list(stores),))

        await self._database.run("copy_to", work, write=False)

    @deferred
    async def fill(self, store: str, limit: int) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value("select fill_copies_v1(%s, %s)", (store, limit))

        return await self._database.run("fill_copies", work, write=True)

    @deferred
    async def claim(self, store: str, limit: int, lease: timedelta) -> Sequence[Copy]:
        async def work(tx: Tx) -> Sequence[Copy]:
            rows = await tx.all(
                "select content_id, hash, size, attempts from claim_copies_v1(%s, %s, %s)",
                (store, limit, lease),
            )
            return [
                Copy(content_id, store, bytes(hash_), size, attempts)
                for content_id, hash_, size, attempts in rows
            ]

        return await self._database.run("claim_copies", work, write=True)

    @deferred
    async def bind(
        self, content_id: int, place: ObjectPlace, checksum: str, replaces: UUID | None
    ) -> bool:
        async def work(tx: Tx) -> bool:
            return await tx.value(
                "select bind_copy_v1(%s, %s::uuid, %s, %s, %s, %s, %s::uuid)",
                (
                    content_id,
                    str(place.id),
                    place.store,
                    place.key_id,
                    place.stored_size,
                    checksum,
                    None if replaces is None else str(replaces),
                ),
            )

        # Binding twice changes nothing, so a lost answer is a reason to send it again.
        return await self._database.run("bind_copy", work, write=False)

    @deferred
    async def postpone(self, copy: Copy, delay: timedelta, count: bool) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "update copies set due_at = now() + %s, attempts = attempts + %s"
                " where content_id = %s and store = %s",
                (delay, int(count), copy.content_id, copy.store),
            )

        await self._database.run("postpone_copy", work, write=True)

    @deferred
    async def backlog(self, store: str) -> Backlog:
        async def work(tx: Tx) -> Backlog:
            row = await tx.one(
                "select count(*), coalesce(sum(c.size), 0)::bigint,"
                " coalesce(extract(epoch from clock_timestamp() - min(w.created_at)), 0)::float8"
                " from copies w join contents c on c.id = w.content_id"
                " where w.store = %s and c.state = 'live'",
                (store,),
            )
            contents, octets, oldest = row or (0, 0, 0.0)
            return Backlog(contents, octets, max(0.0, oldest))

        return await self._database.run("copies_backlog", work, write=False)

    @deferred
    async def retry(self) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value(
                "with again as (update copies set due_at = now(), attempts = 0"
                " where attempts > 0 returning 1) select count(*) from again"
            )

        return await self._database.run("retry_copies", work, write=False)

    @deferred
    async def page(self, after: UUID, limit: int) -> Sequence[StoredObject]:
        async def work(tx: Tx) -> Sequence[StoredObject]:
            rows = await tx.all(
                "select o.id::text, o.store, o.key_id, o.stored_size, c.id, c.hash, c.size"
                " from objects o join contents c on c.id = o.content_id"
                " where o.id > %s::uuid and o.state = 'stored' and c.state = 'live'"
                " order by o.id limit %s",
                (str(after), limit),
            )
            return [
                StoredObject(
                    ObjectPlace(packing.uuid(name), store, key_id, stored or 0),
                    content_id,
                    bytes(hash_),
                    size,
                )
                for name, store, key_id, stored, content_id, hash_, size in rows
            ]

        return await self._database.run("page_of_objects", work, write=False)
