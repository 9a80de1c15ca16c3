"""Making the index of words: `IIndexing` in PostgreSQL. See `0012_search_index.sql`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from zope.interface import implementer

from sora.deferreds import deferred
from sora.mail.carrier import to_bytes
from sora.mail.facts import header_text
from sora.storage.interfaces import IIndexing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import SearchText, Segment, Unindexed

T = TypeVar("T")

_TEXTS: Final = (
    "select k.uid, t.header, t.body, k.trace from ("
    "select m.uid, m.content_id, m.trace, sum(octet_length(t.header) + octet_length(t.body))"
    " over (order by m.uid rows between unbounded preceding and 1 preceding) as before"
    " from (select * from messages where mailbox_id = %s and uid > %s"
    " and uid < 9223372036854775807 order by uid limit %s) m"
    " left join lateral (select * from content_texts where content_id = m.content_id offset 0) t"
    " on true) k left join lateral ("
    "select * from content_texts where content_id = k.content_id offset 0) t on true"
    " where coalesce(k.before, 0) < %s order by k.uid"
)
_ADD: Final = "select index_v1(%s, %s, %s, %s, %s, %s::bigint[], %s::text[], %s::text[], %s, %s)"


@implementer(IIndexing)
class Indexing:
    """`IIndexing` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def claim(
        self, least: int, limit: int, lease: timedelta, among: Sequence[int] | None = None
    ) -> Sequence[Unindexed]:
        ids = None if among is None else list(among)

        async def work(tx: Tx) -> Sequence[Unindexed]:
            rows = await tx.all(
                "select account_id, mailbox_id, indexed_uid"
                " from claim_indexing_v2(%s::bigint[], %s, %s, %s)",
                (ids, least, limit, lease),
            )
            return [Unindexed(*row) for row in rows]

        return await self._run("claim_indexing", work)

    @deferred
    async def texts(
        self, mailbox_id: int, after: int, limit: int, octets: int
    ) -> Sequence[SearchText]:
        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(_TEXTS, (mailbox_id, after, limit, octets))

        rows = await self._database.run("unindexed_texts", work, write=False)
        return [
            SearchText(
                uid,
                (header_text(to_bytes(trace)) if trace else "") + (header or ""),
                body or "",
            )
            for uid, header, body, trace in rows
        ]

    @deferred
    async def add(self, mailbox: Unindexed, segment: Segment) -> bool:
        rows = segment.rows
        parameters = (
            mailbox.account_id,
            mailbox.mailbox_id,
            segment.after,
            segment.first_uid,
            segment.last_uid,
            list(segment.replies),
            [row.of_field for row in rows],
            [row.grams for row in rows],
            [row.words for row in rows],
            [row.postings for row in rows],
        )

        async def work(tx: Tx) -> bool:
            return bool(await tx.value(_ADD, parameters))

        return await self._run("index", work)

    @deferred
    async def release(self, mailbox_id: int) -> None:
        async def work(tx: Tx) -> int:
            return await tx.do("delete from search_leases where mailbox_id = %s", (mailbox_id,))

        await self._database.run("release_indexing", work, write=True)

    @deferred
    async def prune(self, limit: int) -> int:
        async def work(tx: Tx) -> int:
            return int(await tx.value("select prune_index_v1(%s)", (limit,)))

        return await self._run("prune_index", work)

    async def _run(self, name: str, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Work that nobody waits for."""
        limit = self._database.timing.bulk
        return await self._database.run(name, work, write=True, timeout=limit)
