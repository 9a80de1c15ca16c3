"""Annotations: `IMetadata` in PostgreSQL. The functions are in `0016_metadata.sql`, and that which
writes in `0019_annotated_modseq.sql`; event scripts are in `0028_event_scripts.sql`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.mail.annotations import Entry
from sora.mail.carrier import to_bytes, to_text
from sora.mail.mailbox_names import name_key
from sora.storage.interfaces import IMetadata
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Annotated, Annotation, Noted, Operation

READ: Final = (
    "select o_private, o_entry, o_size, o_value"
    " from get_metadata_v1(%s, %s, %s, %s::boolean[], %s::text[], %s, %s)"
)
LISTED: Final = (
    "select o_mailbox, o_private, o_entry, o_size, o_value"
    " from list_metadata_v1(%s::bigint[], %s, %s::boolean[], %s::text[], %s)"
)
WRITE: Final = (
    "select o_mailbox, o_before, o_modseq from set_metadata_v2("
    f"%s, %s, %s, %s::boolean[], %s::text[], %s::text[], %s, %s, %s, %s, {packing.OPERATION})"
)


@implementer(IMetadata)
class Metadata:
    """`IMetadata` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def read(
        self,
        account_id: int,
        name: str | None,
        asker: int,
        entries: Sequence[Entry],
        depth: int | None = 0,
        most: int | None = None,
    ) -> Annotated:
        async def work(tx: Tx) -> Annotated:
            first, *rows = await tx.all(
                READ, (account_id, _key(name), asker, *_columns(entries), depth, most)
            )
            return Annotated(
                tuple(
                    Annotation(Entry(private, path), size, None if text is None else to_bytes(text))
                    for private, path, size, text in rows
                ),
                first[3],
            )

        return await self._database.run("metadata", work, write=False)

    @deferred
    async def listed(
        self, mailbox_ids: Sequence[int], asker: int, entries: Sequence[Entry], most: int
    ) -> Mapping[int, Sequence[Annotation]]:
        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(LISTED, ([*mailbox_ids], asker, *_columns(entries), most))

        found: dict[int, list[Annotation]] = {}
        rows = await self._database.run("list_metadata", work, write=False)
        for mailbox_id, private, path, size, text in rows:
            value = None if text is None else to_bytes(text)
            annotation = Annotation(Entry(private, path), size, value)
            found.setdefault(mailbox_id, []).append(annotation)
        return found

    @deferred
    async def accounts_with_event_scripts(self, most: int) -> frozenset[int] | None:
        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all("select event_script_accounts_v1(%s)", (most + 1,))

        rows = await self._database.run("event_scripts", work, write=False)
        return None if len(rows) > most else frozenset(row[0] for row in rows)

    @deferred
    async def write(
        self,
        account_id: int,
        name: str | None,
        asker: int,
        values: Mapping[Entry, bytes | None],
        most: int,
        total: int,
        operation: Operation,
        special_use: str | Literal[False] | None = False,
    ) -> Noted | None:
        async def work(tx: Tx) -> Noted | None:
            row = await tx.one(
                WRITE,
                (
                    account_id,
                    _key(name),
                    asker,
                    *_columns([*values]),
                    [None if value is None else to_text(value) for value in values.values()],
                    most,
                    total,
                    special_use is not False,
                    special_use or None,
                    *packing.operation(operation),
                ),
            )
            return None if row is None or row[0] is None else Noted(*row)

        try:
            return await self._database.run("set_metadata", work, write=True)
        except OutcomeUnknown:
            # To set the same values again is to have set them once: this is the read-back.
            return await self._database.run("set_metadata", work, write=True)


def _key(name: str | None) -> str | None:
    return None if name is None else name_key(name)


def _columns(entries: Sequence[Entry]) -> tuple[list[bool], list[str]]:
    return [entry.is_private for entry in entries], [entry.path for entry in entries]
