"""What happened, in PostgreSQL: `IHistory`. See `0046_history.sql`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, cast
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.mail.carrier import to_bytes
from sora.mail.envelope import subject
from sora.storage.interfaces import IHistory
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    Counters,
    Described,
    EventDetail,
    EventKind,
    Happened,
    History,
    Recount,
    modseq_at,
    time_of,
)

_COLUMNS: Final = (
    "mailbox_id, name, modseq, kind, uids, detail, at, actor, session, protocol, address"
)
_WITH_KEYWORDS: Final = f"select {_COLUMNS}, keywords_from_v1(%s, 0) from "


@implementer(IHistory)
class Events:
    """`IHistory` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def begins(self) -> datetime | None:
        async def work(tx: Tx) -> datetime | None:
            horizon = await tx.value("select events_horizon from sora")
            return time_of(horizon) if horizon else None

        return await self._database.run("history_begins", work, write=False)

    @deferred
    async def latest(
        self,
        account_id: int,
        mailbox_ids: Sequence[int] | None,
        below: tuple[int, int] | None,
        since: datetime | None,
        limit: int,
    ) -> History:
        return await self._history(
            "history",
            _WITH_KEYWORDS + "history_v1(%s, %s::bigint[], %s, %s, %s, %s)",
            (
                account_id,
                account_id,
                None if mailbox_ids is None else list(mailbox_ids),
                *(below or (None, None)),
                None if since is None else modseq_at(since),
                limit,
            ),
        )

    @deferred
    async def after(self, mailbox_id: int, modseq: int, limit: int) -> Sequence[Happened]:
        async def work(tx: Tx) -> Sequence[Happened]:
            rows = await tx.all(
                f"select {_COLUMNS} from events_after_v1(%s, %s, %s)",
                (mailbox_id, modseq, limit),
            )
            return [_happened(row) for row in rows]

        return await self._database.run("events_after", work, write=False)

    @deferred
    async def about(
        self, account_id: int, places: Sequence[tuple[int, int]], limit: int
    ) -> History:
        boxes, uids = [box for box, _ in places], [uid for _, uid in places]
        return await self._history(
            "life",
            _WITH_KEYWORDS + "life_v1(%s, %s::bigint[], %s::bigint[], %s)",
            (account_id, account_id, boxes, uids, limit),
        )

    @deferred
    async def places(self, account_id: int, email_id: UUID) -> Sequence[tuple[int, int]]:
        async def work(tx: Tx) -> Sequence[tuple[int, int]]:
            rows = await tx.all(
                "select o_mailbox, o_uid from places_of_v1(%s, %s::uuid) order by 1, 2",
                (account_id, str(email_id)),
            )
            return [(box, uid) for box, uid in rows]

        return await self._database.run("places_of", work, write=False)

    @deferred
    async def described(self, mailbox_id: int, uids: Sequence[int]) -> Sequence[Described]:
        async def work(tx: Tx) -> Sequence[Described]:
            rows = await tx.all(
                "select o_uid, o_gone, o_email, o_date, o_zone, o_size, o_flags, o_keywords,"
                " o_from, o_envelope from described_v1(%s, %s::bigint[])",
                (mailbox_id, list(uids)),
            )
            return [_described(row) for row in rows]

        return await self._database.run("described", work, write=False)

    @deferred
    async def recount(self, mailbox_id: int, mend: bool) -> Recount:
        async def work(tx: Tx) -> Recount:
            row = await tx.one(
                "select o_name, o_is, o_should from recount_v1(%s, %s)", (mailbox_id, mend)
            )
            name, was, counted = cast(tuple[Any, ...], row)
            return Recount(name, Counters(*was), Counters(*counted))

        return await self._database.run("recount", work, write=mend)

    async def _history(self, name: str, sql: str, parameters: tuple[Any, ...]) -> History:
        async def work(tx: Tx) -> History:
            rows = await tx.all(sql, parameters)
            words = packing.keywords(rows[0][11]) if rows else ()
            return History(tuple(_happened(row[:11]) for row in rows), words)

        return await self._database.run(name, work, write=False)


def _described(row: Sequence[Any]) -> Described:
    uid, is_gone, email_id, date, zone, size, flags, keywords, sender, envelope = row
    return Described(
        uid,
        is_gone,
        packing.uuid(email_id),
        date.astimezone(timezone(timedelta(minutes=zone))),
        size,
        flags | packing.keyword_mask(keywords),
        sender,
        subject(to_bytes(envelope)),
    )


def _happened(row: Sequence[Any]) -> Happened:
    mailbox_id, name, modseq, kind, uids, detail, at, actor, session, protocol, address = row
    return Happened(
        mailbox_id,
        name,
        modseq,
        EventKind(kind),
        packing.number_set(uids),
        at,
        actor,
        session,
        protocol,
        address,
        _detail(EventKind(kind), detail or {}),
    )


def _detail(kind: EventKind, detail: Mapping[str, Any]) -> EventDetail:
    if kind is EventKind.FLAGS:
        return EventDetail(
            mode=detail.get("mode", ""),
            flags=(detail.get("flags") or 0) | packing.keyword_mask(detail.get("keywords")),
            was=tuple(
                (
                    one["flags"] | packing.keyword_mask(one["keywords"]),
                    packing.number_set(one["uids"]),
                )
                for one in detail.get("was") or ()
            ),
        )
    return EventDetail(
        other=detail.get("mailbox"),
        sources=packing.number_set(detail.get("sources")),
        is_past=bool(detail.get("past")),
        first=detail.get("first", 0),
        name=detail.get("to") or detail.get("name") or "",
        old_name=detail.get("from") or "",
    )
