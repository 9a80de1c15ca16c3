"""Import into PostgreSQL: `IImporting`. See `0044_imports.sql`.

A write whose answer is lost is sent again once: each of them does nothing the second time. Of `put`
that would look as if the messages had been there before; so they are looked for by their ids.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from attrs import evolve
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.mail.mailbox_names import name_key, superiors
from sora.storage.interfaces import IImporting
from sora.storage.postgres import packing
from sora.storage.postgres.arriving import content_fields, pieces, texts_of
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    Arrival,
    ImportDone,
    Imported,
    ImportFate,
    Incoming,
    MailboxRow,
    Operation,
)

PUT: Final = (
    "select place, fate, uid, content_id, used_object, needs_body from import_v1("
    + "%s, %s, %s, "
    + "%s::text[], " * 7
    + "%s, "
    + packing.OPERATION
    + ") order by place"
)


@implementer(IImporting)
class Importing:
    """`IImporting` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def begin(
        self,
        account_id: int,
        name: str,
        special_use: str | None,
        uidvalidity: int | None,
        operation: Operation,
    ) -> MailboxRow:
        async def work(tx: Tx) -> MailboxRow:
            row = await tx.one(
                "select r.* from begin_import_v1("
                f"%s, %s, %s, %s::text[], %s, {packing.OPERATION}) r",
                (
                    account_id,
                    name_key(name),
                    special_use,
                    superiors(name_key(name)),
                    uidvalidity,
                    *packing.operation(operation),
                ),
            )
            return packing.mailbox(cast(tuple[Any, ...], row))

        try:
            return await self._database.run("begin_import", work, write=True)
        except OutcomeUnknown:
            return await self._database.run("begin_import", work, write=True)

    @deferred
    async def known(self, mailbox_id: int, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        async def work(tx: Tx) -> Mapping[bytes, int]:
            rows = await tx.all(
                "select i.key, i.uid from unnest(%s::bytea[]) k"
                " join imported i on i.mailbox_id = %s and i.key = k",
                ([*keys], mailbox_id),
            )
            return {bytes(key): uid for key, uid in rows}

        return await self._database.run("known_imports", work, write=False)

    @deferred
    async def put(
        self,
        scope_id: int,
        mailbox_id: int,
        arrivals: Sequence[Arrival],
        messages: Sequence[Incoming],
        operation: Operation,
    ) -> ImportDone:
        parameters = _parameters(scope_id, mailbox_id, arrivals, messages)

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(PUT, (*parameters, *packing.operation(operation)))

        try:
            return _done(await self._database.run("import", work, write=True))
        except OutcomeUnknown:
            done = _done(await self._database.run("import", work, write=True))
            return await self._after_all(mailbox_id, messages, done)

    async def _after_all(
        self, mailbox_id: int, messages: Sequence[Incoming], done: ImportDone
    ) -> ImportDone:
        """The answer that the first of two tries would have given: what the second one found to be
        there under ids that are this command's own was made by the first."""

        async def work(tx: Tx) -> dict[str, int]:
            rows = await tx.all(
                "select email_id::text, uid from messages"
                " where mailbox_id = %s and uid = any (%s::bigint[])",
                (mailbox_id, [one.uid for one in done.imported]),
            )
            return dict(rows)

        made = await self._database.run("outcome", work, write=False)
        return evolve(
            done,
            imported=tuple(
                evolve(one, fate=ImportFate.PLACED)
                if made.get(str(message.email_id)) == one.uid
                else one
                for message, one in zip(messages, done.imported, strict=False)
            ),
        )

    @deferred
    async def finish(self, mailbox_id: int, uidnext: int) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select finish_import_v1(%s, %s)", (mailbox_id, uidnext))

        try:
            await self._database.run("finish_import", work, write=True)
        except OutcomeUnknown:
            await self._database.run("finish_import", work, write=True)


def _parameters(
    scope_id: int, mailbox_id: int, arrivals: Sequence[Arrival], messages: Sequence[Incoming]
) -> tuple[Any, ...]:
    """The parameters of `import_v1` before the operation."""
    bodies = [None if one.body is None else pieces(one.body) for one in arrivals]
    texts = [(None,) * 6 if one.facts is None else texts_of(one.facts) for one in arrivals]
    contents = [
        content_fields(arrival, None if body is None else len(body))
        for arrival, body in zip(arrivals, bodies, strict=True)
    ]
    return (
        scope_id,
        mailbox_id,
        json.dumps(contents, ensure_ascii=False),
        *(list(column) for column in zip(*texts, strict=True)),
        [piece for body in bodies for piece in body or ()],
        json.dumps([_fields(message) for message in messages], ensure_ascii=False),
    )


def _fields(message: Incoming) -> dict[str, Any]:
    offset = message.internal_date.utcoffset()
    fields: dict[str, Any] = {
        "i": message.key.hex(),
        "d": message.internal_date.isoformat(),
        "z": round(offset.total_seconds() / 60) if offset else 0,
        "e": str(message.email_id),
        "f": message.flags.system,
    }
    if message.uid is not None:
        fields["u"] = message.uid
    if message.flags.keywords:
        fields["k"], fields["kk"] = packing.keyword_names(message.flags)
    return fields


def _done(rows: Sequence[tuple[Any, ...]]) -> ImportDone:
    missing = frozenset(row[0] for row in rows if row[5])
    if missing:
        return ImportDone(missing=missing)
    return ImportDone(
        tuple(
            Imported(ImportFate(fate), uid, content_id, bool(used))
            for _, fate, uid, content_id, used, _ in rows
        )
    )
