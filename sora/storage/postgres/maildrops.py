"""POP3's maildrops: `IMaildrops` in PostgreSQL. See `0022_maildrops.sql` for leases and fences.

Opening, renewing and giving back may be repeated: a session that has its lease gets it again.
The end of a session is a write like any other, and when its answer is lost it is read back
from `events` (`outcomes.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.mail.carrier import to_bytes
from sora.mail.mailbox_names import INBOX, name_key
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IMaildrops
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.maildrop_lists import UNKNOWN, Lists, listed
from sora.storage.postgres.outcomes import Outcomes, of_kind
from sora.storage.postgres.reading import BODY_COLUMNS, CONTENTS, body_place
from sora.storage.postgres.transferring import states_now
from sora.storage.rows import (
    EventKind,
    Expunged,
    MaildropBody,
    MaildropClosed,
    MaildropOpened,
    Operation,
    Stored,
)

BODIES: Final = (
    f"select m.uid, {', '.join(BODY_COLUMNS)} from (select uid, trace, content_id"
    f" from messages_in_v1(%s, %s::int8multirange) order by uid) m{CONTENTS} order by m.uid"
)
OPEN: Final = (
    "select o_mailbox, o_uidvalidity, o_epoch, o_modseq, o_goes_on, o_uids, o_sizes"
    " from open_maildrop_v2(%s, %s, %s::uuid, %s, %s, %s, %s, %s, %s, %s, %s)"
)
QUIT: Final = (
    "select o_seen_before, o_seen_modseq, o_uids, o_flags, o_spots, o_before, o_modseq, o_vanished"
    " from quit_maildrop_v1(%s, %s::uuid, %s, %s, %s, " + packing.OPERATION + ")"
)


@implementer(IMaildrops)
class Maildrops:
    """`IMaildrops` in PostgreSQL."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._outcomes = Outcomes(database, clock)
        self._lists = Lists()

    @deferred
    async def open(
        self, account_id: int, session: UUID, lease: timedelta, delay: timedelta
    ) -> MaildropOpened:
        known = self._lists.of(account_id)

        async def work(tx: Tx) -> tuple[Any, ...]:
            row = await tx.one(
                OPEN,
                (
                    *(account_id, name_key(INBOX), str(session), lease, delay),
                    *(UNKNOWN if known is None else known.mark),
                ),
            )
            return cast(tuple[Any, ...], row)

        try:
            row = await self._database.run("open_maildrop", work, write=True)
        except OutcomeUnknown:
            # Doing it twice is doing it once: this is the read-back.
            row = await self._database.run("open_maildrop", work, write=True)
        found = listed(row, known)
        self._lists.keep(account_id, found)
        return MaildropOpened(found.mailbox_id, found.uidvalidity, found.uids, found.sizes)

    @deferred
    async def bodies(self, mailbox_id: int, uids: NumberSet) -> Mapping[int, MaildropBody]:
        async def work(tx: Tx) -> Mapping[int, MaildropBody]:
            return _Bodies(await tx.all(BODIES, (mailbox_id, uids.multirange())))

        return await self._database.run("maildrop_bodies", work, write=False)

    @deferred
    async def renew(self, sessions: Mapping[int, UUID], lease: timedelta) -> Sequence[UUID]:
        async def work(tx: Tx) -> Sequence[UUID]:
            rows = await tx.all(
                "select r::text from renew_maildrops_v1(%s::bigint[], %s::uuid[], %s) r",
                ([*sessions], [str(one) for one in sessions.values()], lease),
            )
            return [packing.uuid(name) for (name,) in rows]

        return await self._database.run("renew_maildrops", work, write=True)

    @deferred
    async def release(self, account_id: int, session: UUID) -> None:
        async def work(tx: Tx) -> None:
            await tx.do("select release_maildrop_v1(%s, %s::uuid)", (account_id, str(session)))

        try:
            await self._database.run("release_maildrop", work, write=True)
        except OutcomeUnknown:
            await self._database.run("release_maildrop", work, write=True)

    @deferred
    async def quit(
        self,
        account_id: int,
        session: UUID,
        mailbox_id: int,
        seen: NumberSet,
        gone: NumberSet,
        operation: Operation,
    ) -> MaildropClosed:
        async def work(tx: Tx) -> MaildropClosed:
            row = await tx.one(
                QUIT,
                (
                    account_id,
                    str(session),
                    mailbox_id,
                    seen.multirange(),
                    gone.multirange(),
                    *packing.operation(operation),
                ),
            )
            return _closed(mailbox_id, cast(tuple[Any, ...], row))

        try:
            return await self._database.run("quit_maildrop", work, write=True)
        except OutcomeUnknown as unknown:
            if not seen and not gone:
                return MaildropClosed()
            return await self._closed_after_all(mailbox_id, gone, operation, unknown)

    async def _closed_after_all(
        self, mailbox_id: int, gone: NumberSet, operation: Operation, unknown: OutcomeUnknown
    ) -> MaildropClosed:
        events = await self._outcomes.events(operation.id, [mailbox_id], unknown=unknown)
        flags, expunged = of_kind(events, EventKind.FLAGS), of_kind(events, EventKind.EXPUNGED)
        removed, stored = None, None
        if expunged is not None:
            removed = Expunged(mailbox_id, expunged.before, expunged.modseq, expunged.uids)
        elif gone:
            # Somebody else has removed them all, as one event of the transaction proves.
            assert flags is not None
            removed = Expunged(mailbox_id, flags.modseq, flags.modseq, NumberSet())
        if flags is not None:
            changed = await states_now(self._database, mailbox_id, flags.uids)
            stored = Stored(mailbox_id, flags.before, flags.modseq, changed)
        return MaildropClosed(stored, removed)


class _Bodies(Mapping[int, MaildropBody]):
    """Rows of `BODIES` by UID."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = {row[0]: row for row in rows}

    def __getitem__(self, uid: int) -> MaildropBody:
        row = self._rows[uid]
        return MaildropBody(uid, to_bytes(row[1]) if row[1] else b"", body_place(row, 2))

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _closed(mailbox_id: int, row: tuple[Any, ...]) -> MaildropClosed:
    seen_before, seen_modseq, uids, flags, spots, before, modseq, vanished = row
    stored, removed = None, None
    if seen_modseq is not None:
        changed = packing.states(uids, flags, seen_modseq, spots)
        stored = Stored(mailbox_id, seen_before, seen_modseq, changed)
    if modseq is not None:
        removed = Expunged(mailbox_id, before, modseq, packing.number_set(vanished))
    return MaildropClosed(stored, removed)
