"""What was deleted comes back, in PostgreSQL: `IRestoring`. See `0043_restoring.sql`.

An answer that is lost is not read back: what was done can be repeated, and is then left out.
"""

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Any, Final, cast

from zope.interface import implementer

from sora.deferreds import deferred
from sora.mail.carrier import to_bytes
from sora.mail.envelope import subject
from sora.mail.flags import Flags
from sora.mail.mailbox_names import superiors
from sora.mail.text import fold
from sora.storage.interfaces import IRestoring
from sora.storage.interfaces.restoring import MOST
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    Copied,
    DeletedMailbox,
    GoneFilter,
    GoneMessage,
    GonePage,
    GonePlace,
    MailboxRow,
    Operation,
    Restored,
)

_GONE: Final = (
    "select o_fits, o_at, o_mailbox, o_uid, o_name, o_deleted, o_kind, o_grace_from, o_email,"
    " o_date, o_zone, o_size, o_flags, o_keywords, o_from, o_envelope from gone_v1("
    "%s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::int8multirange, %s::uuid[], %s, %s, %s)"
)
RESTORE: Final = (
    "select o_uidvalidity, o_before, o_modseq, o_sources, o_first, o_flags, o_spots, o_keywords,"
    " o_over from restore_v1(%s, %s::bigint[], %s, " + packing.OPERATION + ")"
)


@implementer(IRestoring)
class Restoring:
    """`IRestoring` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def gone(
        self, account_id: int, which: GoneFilter, below: GonePlace | None, limit: int
    ) -> GonePage:
        place = (None, None, None) if below is None else (below.at, below.mailbox_id, below.uid)
        boxes, uids, emails = which.mailbox_ids, which.uids, which.email_ids
        parameters = (
            account_id,
            *place,
            limit,
            which.since,
            which.before,
            None if boxes is None else list(boxes),
            None if uids is None else uids.multirange(),
            None if emails is None else list(map(str, emails)),
            fold(packing.clean(which.sender)) or None,
            fold(packing.clean(which.subject)) or None,
            which.moved,
        )

        async def work(tx: Tx) -> GonePage:
            rows = await tx.all(_GONE, parameters)
            found = [_gone(row[1:]) for row in rows if row[0]]
            last = GonePlace(*rows[-1][1:4]) if rows else None
            return GonePage(tuple(found), last)

        return await self._database.run("gone", work, write=False)

    @deferred
    async def restore(
        self, source_id: int, uids: Sequence[int], destination_id: int, operation: Operation
    ) -> Restored:
        if len(uids) > MOST:
            raise ValueError(f"more than {MOST} messages at once")
        parameters = (source_id, sorted(set(uids)), destination_id, *packing.operation(operation))

        async def work(tx: Tx) -> Restored:
            row = await tx.one(RESTORE, parameters)
            return _restored(destination_id, cast(tuple[Any, ...], row))

        return await self._database.run("restore", work, write=True)

    @deferred
    async def deleted_mailboxes(self, account_id: int) -> Sequence[DeletedMailbox]:
        async def work(tx: Tx) -> Sequence[DeletedMailbox]:
            rows = await tx.all(
                "select id, name, deleted_at, coalesce(grace_from, deleted_at), messages, size"
                " from mailboxes where account_id = %s and deleted_at is not null and not removing"
                " order by deleted_at desc, id desc limit %s",
                (account_id, MOST),
            )
            return [DeletedMailbox(*row) for row in rows]

        return await self._database.run("deleted_mailboxes", work, write=False)

    @deferred
    async def restore_mailbox(
        self, account_id: int, mailbox_id: int, name: str, operation: Operation
    ) -> MailboxRow:
        async def work(tx: Tx) -> MailboxRow:
            row = await tx.one(
                "select (r.o).* from (select restore_mailbox_v1("
                f"%s, %s, %s, %s::text[], {packing.OPERATION}) as o offset 0) r",
                (
                    account_id,
                    mailbox_id,
                    name,
                    list(superiors(name)),
                    *packing.operation(operation),
                ),
            )
            return packing.mailbox(cast(tuple[Any, ...], row))

        return await self._database.run("restore_mailbox", work, write=True)


def _gone(row: tuple[Any, ...]) -> GoneMessage:
    at, mailbox_id, uid, name, is_deleted, kind, grace_from, email_id, date, zone = row[:10]
    size, flags, keywords, sender, envelope = row[10:]
    return GoneMessage(
        GonePlace(at, mailbox_id, uid),
        name,
        is_deleted,
        kind,
        grace_from,
        packing.uuid(email_id),
        date.astimezone(timezone(timedelta(minutes=zone))),
        size,
        Flags(flags, tuple(keywords)),
        sender,
        subject(to_bytes(envelope)),
    )


def _restored(destination_id: int, row: tuple[Any, ...]) -> Restored:
    uidvalidity, before, modseq, sources, first, flags, spots, words, is_over = row
    chosen = tuple(packing.numbers(sources))
    uids = tuple(range(first, first + len(chosen)))
    masks = tuple(packing.masks(uids, flags, spots))
    return Restored(
        Copied(
            destination_id,
            uidvalidity,
            before,
            modseq,
            chosen,
            uids,
            masks,
            packing.used(packing.keywords(words), masks),
        ),
        is_over,
    )
