"""Reading columns of messages: only those that are wanted are read and sent.

The statement is put together for the columns that are asked for; it joins contents only when
a column of theirs is among them. Texts carry octets (`sora.mail.carrier`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta, timezone
from functools import lru_cache
from itertools import repeat
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from sora.mail.carrier import to_bytes
from sora.mail.numbers import NumberSet
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    BodyPlace,
    Column,
    ColumnSet,
    ObjectPlace,
    Operation,
    Read,
    Stored,
    StoredMessage,
    Want,
)

BATCH: Final = 1000
"""Messages of one round trip."""

SOURCE: Final = "messages_in_v1"
"""the function that gives the messages of a mailbox by their UIDs"""

BODY_COLUMNS: Final = (
    "m.trace",
    "c.id",
    "c.hash",
    "c.size",
    "c.staging_slot is not null",
    "(select string_agg(o.id || E'\\t' || o.store || E'\\t' || coalesce(o.key_id, '')"
    " || E'\\t' || coalesce(o.stored_size, 0), E'\\n' order by o.created_at) from objects o"
    " where o.content_id = c.id and o.state = 'stored')",
)

_COLUMNS: Final[dict[Want, tuple[str, ...]]] = {
    Want.ENVELOPE: ("c.envelope",),
    Want.STRUCTURE: ("c.structure",),
    Want.HEADER: ("m.trace", "c.header"),
    Want.PARTS: ("c.parts",),
    Want.PREVIEW: ("c.preview",),
    Want.BODY: BODY_COLUMNS,
}
_ALWAYS: Final = (
    "m.uid",
    "m.size",
    "m.internal_date",
    "m.internal_zone",
    "m.email_id::text",
    "m.thread_id::text",
    "m.save_date",
)


_LISTED: Final[dict[Column, str]] = {
    Column.SIZE: "m.size",
    Column.DATE: "m.internal_date, m.internal_zone",
    Column.ENVELOPE: "c.envelope",
    Column.STRUCTURE: "c.structure",
    Column.HEADER: "concat(m.trace, c.header)",
    Column.EMAIL_ID: "m.email_id::text",
    Column.SAVE_DATE: "m.save_date",
    Column.PREVIEW: "c.preview",
}

_READ: Final[dict[Column, Callable[[Any], Any]]] = {
    Column.SIZE: int,
    Column.EMAIL_ID: UUID,
    Column.SAVE_DATE: lambda date: date.astimezone(UTC),
    Column.PREVIEW: str,
}
"""how a value is made of what PostgreSQL gives, where it is no text of octets"""

_PLACED: Final = (
    "c.envelope",
    "c.structure",
    "c.header",
    "m.trace",
    "c.parts",
    "c.id",
    "c.preview",
)


# Messages are chosen before contents are joined, so that a wide range reads no more of them
# than are sent; and each content is found by its key, whatever the planner thinks of sizes.
CONTENTS: Final = " cross join lateral (select * from contents where id = m.content_id offset 0) c"


@frozen
class Places:
    """Where the columns of `_PLACED` are in a row; the columns of a body follow one another."""

    envelope: int | None
    structure: int | None
    header: int | None
    trace: int | None
    parts: int | None
    body: int | None
    preview: int | None


async def read(
    database: Database,
    mailbox_id: int,
    uids: NumberSet,
    wants: frozenset[Want],
    see: Operation | None,
) -> Read:
    """`IMessages.read`: one round trip for each 1,000 messages."""
    sql, places = statement_of(wants)
    messages: list[StoredMessage] = []
    stored: Stored | None = None
    left = uids
    if see is not None:
        stored, rows = await _seeing(database, mailbox_id, uids, see, sql)
    else:
        rows = await _batch(database, mailbox_id, left, sql)
    while True:
        messages.extend(stored_message(row, places) for row in rows)
        if len(rows) < BATCH:
            return Read(tuple(messages), stored)
        left = left - NumberSet(((1, messages[-1].uid),))
        if not left:
            return Read(tuple(messages), stored)
        rows = await _batch(database, mailbox_id, left, sql)


async def columns(
    database: Database, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
) -> ColumnSet:
    """`IMessages.columns`. What is not wanted is neither read nor made: parsing dates and UUIDs
    that nobody asked for took longer than all the rest."""
    chosen = tuple(dict.fromkeys(wanted))
    sql = listing_of(chosen)

    async def work(tx: Tx) -> list[tuple[Any, ...]]:
        return await tx.all(sql, (mailbox_id, uids.multirange()))

    rows = await database.reads.run("read", mailbox_id, work, uid=_highest(uids))
    return column_set(chosen, rows)


def column_set(chosen: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> ColumnSet:
    """The rows of `listing_of` as values."""
    read = iter(zip(*rows, strict=True)) if rows else repeat(())
    found = next(read)
    values: dict[Column, Sequence[Any]] = {}
    for column in chosen:
        texts = next(read)
        if column is Column.DATE:
            zones = map(_zone, next(read))
            values[column] = [
                date.astimezone(zone) for date, zone in zip(texts, zones, strict=False)
            ]
        else:
            values[column] = list(map(_READ.get(column, to_bytes), texts))
    return ColumnSet(found, values)


@lru_cache(maxsize=64)
def listing_of(columns: tuple[Column, ...], source: str = SOURCE) -> str:
    """The statement for columns of at most `BATCH` messages; its parameters are the mailbox and the
    UIDs, which are those of `source`."""
    listed = ", ".join(["m.uid", *[_LISTED[column] for column in columns]])
    needs_content = any("c." in _LISTED[column] for column in columns)
    return (
        f"select {listed} from (select * from {source}(%s, %s::int8multirange)"
        f" order by uid limit {BATCH}) m{CONTENTS if needs_content else ''} order by m.uid"
    )


async def _batch(
    database: Database, mailbox_id: int, uids: NumberSet, sql: str
) -> list[tuple[Any, ...]]:
    async def work(tx: Tx) -> list[tuple[Any, ...]]:
        return await tx.all(sql, (mailbox_id, uids.multirange()))

    return await database.reads.run("read", mailbox_id, work, uid=_highest(uids))


def _highest(uids: NumberSet) -> int:
    return uids.ranges[-1][1] if uids else 0


async def _seeing(
    database: Database, mailbox_id: int, uids: NumberSet, see: Operation, sql: str
) -> tuple[Stored, list[tuple[Any, ...]]]:
    """Read the first batch, and set \\Seen on all, in one statement."""

    async def work(tx: Tx) -> list[tuple[Any, ...]]:
        return await tx.all(
            "select s.o_before, s.o_modseq, s.o_uids, s.o_flags, s.o_spots, r.*"
            " from store_v1(%s, %s, 'add', 1::smallint, '{}', '{}', null, 2147483647, "
            f"{packing.OPERATION}) s left join ({sql}) r on true",
            (
                mailbox_id,
                uids.multirange(),
                *packing.operation(see),
                mailbox_id,
                uids.multirange(),
            ),
        )

    rows = await database.run("read", work, write=True, only_flags=True)
    before, modseq, changed, flags, spots = rows[0][:5]
    stored = Stored(mailbox_id, before, modseq, packing.states(changed, flags, modseq, spots))
    return stored, [row[5:] for row in rows if row[5] is not None]


@lru_cache(maxsize=64)
def statement_of(wants: frozenset[Want], source: str = SOURCE) -> "tuple[str, Places]":
    """The statement for these columns, and where each column is in its rows; for the rest see
    `listing_of`."""
    columns = list(_ALWAYS)
    for want in sorted(wants):
        columns.extend(column for column in _COLUMNS[want] if column not in columns)
    join = CONTENTS if wants else ""
    named = ", ".join(f"{column} as c{place}" for place, column in enumerate(columns))
    sql = (
        f"select {named} from (select * from {source}(%s, %s::int8multirange)"
        f" order by uid limit {BATCH}) m{join} order by m.uid"
    )
    places = {column: place for place, column in enumerate(columns)}
    return sql, Places(*(places.get(column) for column in _PLACED))


@lru_cache(maxsize=2048)
def _zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


def stored_message(row: tuple[Any, ...], at: Places) -> StoredMessage:
    """A row as a value. This runs for every message of a FETCH: no calls that can be spared."""
    uid, size, internal_date, zone, email_id, thread_id, save_date = row[:7]
    return StoredMessage(
        uid,
        size,
        internal_date.astimezone(_zone(zone)),
        UUID(email_id),
        None if thread_id is None else UUID(thread_id),
        save_date,
        None if at.envelope is None else to_bytes(row[at.envelope]),
        None if at.structure is None else to_bytes(row[at.structure]),
        None if at.header is None else to_bytes(row[at.header]),
        None if at.trace is None else to_bytes(row[at.trace] or ""),
        None if at.parts is None else row[at.parts],
        None if at.body is None else body_place(row, at.body),
        None if at.preview is None else row[at.preview],
    )


def body_place(row: Sequence[Any], at: int) -> BodyPlace:
    """Where a body is, from the columns behind the trace of `BODY_COLUMNS`."""
    content_id, hash_, size, staged, objects = row[at : at + 5]
    return BodyPlace(content_id, bytes(hash_), size, staged, object_places(objects))


def object_places(text: str | None) -> tuple[ObjectPlace, ...]:
    """Lines of id, store, key, stored size, with tabs between."""
    places = []
    for line in text.split("\n") if text else ():
        name, store, key, size = line.split("\t")
        places.append(ObjectPlace(packing.uuid(name), store, key or None, int(size)))
    return tuple(places)
