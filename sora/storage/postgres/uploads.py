"""Contents between staging and the object stores: `IUploads` in PostgreSQL.

These writes may be repeated: a claim that was lost ends with its lease, a piece is written
over itself, an object that is stored already is left as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.mail.carrier import to_bytes, to_text
from sora.storage.interfaces import IUploads
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.reading import object_places
from sora.storage.rows import Backlog, ObjectPlace, Upload, UploadQueue


@implementer(IUploads)
class Uploads:
    """`IUploads` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def reserve(self, store: str, count: int) -> Sequence[UUID]:
        async def work(tx: Tx) -> Sequence[UUID]:
            rows = await tx.all(
                "insert into objects (store) select %s from generate_series(1, %s)"
                " returning id::text",
                (store, count),
            )
            return [packing.uuid(name) for (name,) in rows]

        return await self._database.run("reserve", work, write=True)

    @deferred
    async def known(self, scope_id: int, hash: bytes) -> bool:
        async def work(tx: Tx) -> bool:
            return await tx.value(
                "select exists (select from contents"
                " where scope_id = %s and hash = %s and state = 'live')",
                (scope_id, hash),
            )

        return await self._database.run("known", work, write=False)

    @deferred
    async def stage_piece(
        self,
        scope_id: int,
        hash: bytes,
        size: int,
        content_id: int | None,
        number: int,
        piece: bytes,
    ) -> int:
        text = to_text(piece)

        async def work(tx: Tx) -> int:
            return await tx.value(
                "select stage_piece_v1(%s, %s, %s, %s, %s, %s)",
                (scope_id, hash, size, content_id, number, text),
            )

        return await self._database.run("stage_piece", work, write=True)

    @deferred
    async def staged(self, content_id: int, first: int, count: int) -> Sequence[bytes]:
        async def work(tx: Tx) -> Sequence[bytes]:
            rows = await tx.all(
                "select s.piece from contents c join staging s"
                " on s.slot = c.staging_slot and s.content_id = c.id"
                " where c.id = %s and s.n >= %s and s.n < %s order by s.n",
                (content_id, first, first + count),
            )
            return [to_bytes(piece) for (piece,) in rows]

        return await self._database.run("staged", work, write=False)

    @deferred
    async def staged_bodies(self, content_ids: Sequence[int]) -> Mapping[int, bytes]:
        async def work(tx: Tx) -> Mapping[int, bytes]:
            rows = await tx.all(
                "select c.id, string_agg(s.piece, '' order by s.n) from contents c join staging s"
                " on s.slot = c.staging_slot and s.content_id = c.id"
                " where c.id = any (%s) group by c.id",
                (list(content_ids),),
            )
            return {content_id: to_bytes(body) for content_id, body in rows}

        return await self._database.run("staged_bodies", work, write=False)

    @deferred
    async def place_of(self, content_id: int) -> tuple[bool, Sequence[ObjectPlace]]:
        async def work(tx: Tx) -> tuple[bool, Sequence[ObjectPlace]]:
            row = await tx.one(
                "select c.staging_slot is not null,"
                " (select string_agg(o.id || E'\\t' || o.store || E'\\t' || coalesce(o.key_id, '')"
                " || E'\\t' || coalesce(o.stored_size, 0), E'\\n' order by o.created_at)"
                " from objects o where o.content_id = c.id and o.state = 'stored')"
                " from contents c where c.id = %s",
                (content_id,),
            )
            return (False, ()) if row is None else (row[0], object_places(row[1]))

        return await self._database.run("place_of", work, write=False)

    @deferred
    async def claim(self, store: str, limit: int, lease: timedelta) -> Sequence[Upload]:
        async def work(tx: Tx) -> Sequence[Upload]:
            rows = await tx.all(
                "select content_id, object_id::text, hash, size, attempts"
                " from claim_uploads_v2(%s, %s, %s)",
                (store, limit, lease),
            )
            return [
                Upload(content_id, packing.uuid(name), bytes(hash_), size, attempts)
                for content_id, name, hash_, size, attempts in rows
            ]

        return await self._database.run("claim", work, write=True)

    @deferred
    async def finish(
        self, upload: Upload, stored_size: int, checksum: str, key_id: str | None
    ) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select finish_upload_v1(%s::uuid, %s, %s, %s)",
                (str(upload.object_id), stored_size, checksum, key_id),
            )

        # Finishing twice changes nothing, so a lost answer is a reason to send it again.
        await self._database.run("finish", work, write=False)

    @deferred
    async def finish_many(
        self, stored: Sequence[tuple[Upload, int, str]], key_id: str | None
    ) -> Sequence[UUID]:
        names = [str(upload.object_id) for upload, _, _ in stored]
        sizes = [size for _, size, _ in stored]
        checksums = [checksum for _, _, checksum in stored]

        async def work(tx: Tx) -> Sequence[UUID]:
            rows = await tx.all(
                "select o::text from"
                " finish_uploads_v2(%s::uuid[], %s::bigint[], %s::text[], %s) as o",
                (names, sizes, checksums, key_id),
            )
            return [packing.uuid(name) for (name,) in rows]

        return await self._database.run("finish_many", work, write=False)

    @deferred
    async def postpone(self, upload: Upload, delay: timedelta, count: bool) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "update objects set due_at = now() + %s, attempts = attempts + %s"
                " where id = %s and state = 'pending'",
                (delay, int(count), str(upload.object_id)),
            )

        await self._database.run("postpone", work, write=True)

    @deferred
    async def backlog(self) -> Backlog:
        async def work(tx: Tx) -> Backlog:
            row = await tx.one(
                "select count(*), coalesce(sum(c.size), 0)::bigint,"
                " coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::float8"
                " from objects o join contents c on c.id = o.content_id"
                " where o.state = 'pending' and o.content_id is not null and c.state = 'live'"
            )
            contents, octets, oldest = row or (0, 0, 0.0)
            return Backlog(contents, octets, max(0.0, oldest))

        return await self._database.run("backlog", work, write=False)

    @deferred
    async def queue(self) -> UploadQueue:
        async def work(tx: Tx) -> UploadQueue:
            row = await tx.one(
                "select count(*), coalesce(sum(c.size), 0)::bigint,"
                " coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::float8,"
                " count(*) filter (where o.due_at > now() and o.attempts = 0),"
                " count(*) filter (where o.attempts > 0)"
                " from objects o join contents c on c.id = o.content_id"
                " where o.state = 'pending' and o.content_id is not null and c.state = 'live'"
            )
            contents, octets, oldest, claimed, refused = row or (0, 0, 0.0, 0, 0)
            return UploadQueue(contents, octets, max(0.0, oldest), claimed, refused)

        return await self._database.run("upload_queue", work, write=False)

    @deferred
    async def retry(self) -> int:
        async def work(tx: Tx) -> int:
            # One that a worker has in hand may be done twice, under the same name: it is the same.
            return await tx.value(
                "with again as (update objects set due_at = now(), attempts = 0"
                " where state = 'pending' and content_id is not null and attempts > 0 returning 1)"
                " select count(*) from again"
            )

        return await self._database.run("retry_uploads", work, write=False)
