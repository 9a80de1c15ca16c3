"""Mailboxes by name, and the state of what is in them: `IMailboxes` in PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import NoSuchAccount, NoSuchMailbox, OutcomeUnknown
from sora.mail.mailbox_names import name_key, superiors
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, letters, parse_rights
from sora.storage.interfaces import IMailboxes
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.membership import LATELY
from sora.storage.postgres.outcomes import Outcomes, of_kind
from sora.storage.rows import (
    Changes,
    EventKind,
    Listing,
    MailboxRow,
    Opened,
    Operation,
    Owner,
    SharedMailbox,
    Turn,
    Vanished,
)

_ROW: Final = "(mailbox_row_v1(b)).*"
_EPOCH: Final = (
    "lateral (select b.lost::text as lost, b.epoch <> s.epoch as is_old"
    " from mailboxes b, sora s where b.id = (r.o_box).id) e"
)
_TURN: Final = "take_turn_v1({}, %s::uuid, %s) t"
"""What is read beside it may be of the moment before; the rest is heard of later."""


@implementer(IMailboxes)
class Mailboxes:
    """`IMailboxes` in PostgreSQL."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._outcomes = Outcomes(database, clock)

    # ------------------------------------------------------------------ reading

    @deferred
    async def list(
        self, account_id: int, shared: bool = False, deleted_sizes: bool = False
    ) -> Listing:
        deleted = "deleted_size_v1((o_box).id, (o_box).deleted)" if deleted_sizes else "0"
        which = "" if shared else " where o_letters is null"

        async def all_of_them(tx: Tx) -> Listing:
            rows = await tx.all(
                "select o_version, o_subscriptions, o_letters, o_owner, o_scope,"
                f" {deleted}, (o_box).* from list_v1(%s){which}",
                (account_id,),
            )
            if not rows:
                raise NoSuchAccount("There is no such account.")
            return _listing(rows)

        async def work(tx: Tx) -> Listing:
            rows = await tx.all(
                "select a.version, array(select name from subscriptions"
                f" where account_id = a.id order by name_key), {_ROW}"
                " from accounts a left join mailboxes b on b.account_id = a.id"
                " and b.deleted_at is null where a.id = %s order by b.name_key",
                (account_id,),
            )
            if not rows:
                raise NoSuchAccount("There is no such account.")
            version, subscriptions = rows[0][:2]
            mailboxes = tuple(packing.mailbox(row[2:]) for row in rows if row[2] is not None)
            return Listing(version, mailboxes, tuple(subscriptions))

        reading = all_of_them if shared or deleted_sizes else work
        return await self._database.run("list", reading, write=False)

    @deferred
    async def find(
        self, account_id: int, name: str, asker: int | None = None, deleted_size: bool = False
    ) -> MailboxRow:
        if asker in (None, account_id) and not deleted_size:
            return await self._database.run("find", self._by_name(account_id, name), write=False)
        deleted = "deleted_size_v1(b.id, b.deleted)" if deleted_size else "0"

        async def work(tx: Tx) -> MailboxRow:
            row = await tx.one(
                f"select {_ROW}, rights_of_v1(b.account_id, b.id, %s), {deleted}"
                " from mailboxes b where account_id = %s and name_key = %s and deleted_at is null",
                (asker, account_id, name_key(name)),
            )
            if row is None:
                raise NoSuchMailbox(f"There is no mailbox {name}.")
            rights = parse_rights(row[12])
            return evolve(packing.mailbox(row), rights=rights, deleted_size=row[13])

        return await self._database.run("find", work, write=False)

    @deferred
    async def open(self, account_id: int, name: str, taker: UUID | None = None) -> Opened:
        turn = _TURN.format("(r.o_box).id")

        async def work(tx: Tx) -> tuple[Opened, bool]:
            row = await tx.one(
                "select (r.o_box).*, o_uids, o_flags, o_modseqs, o_spots, o_keywords,"
                " acl_of_v1((r.o_box).id), e.lost, o_turn, o_uid, e.is_old"
                f" from open_v1(%s, %s) r, {turn}, {_EPOCH}",
                (account_id, name_key(name), *_taking(taker)),
            )
            if row is None or row[0] is None:
                raise NoSuchMailbox(f"There is no mailbox {name}.")
            opened = Opened(
                packing.mailbox(row),
                packing.states(*row[12:16]),
                packing.keywords(row[16]),
                packing.acl(row[17]),
                _turn(row[19:21]),
                packing.number_set(row[18]),
            )
            return opened, row[21]

        # Who takes a turn twice has it once.
        opened, is_old = await self._database.run("open", work, write=False)
        if is_old:
            await self._renew(opened.mailbox.id)
            opened, _ = await self._database.run("open", work, write=False)
        self.heard(opened.mailbox.id, opened.mailbox.highest_modseq)
        return opened

    async def _renew(self, mailbox_id: int) -> None:
        """Let a mailbox begin a new epoch, as its first write would, before a client is told of a
        UIDNEXT and a HIGHESTMODSEQ that are smaller than those it knows (G70)."""

        async def work(tx: Tx) -> None:
            await tx.do("select (lock_mailbox_v1(%s)).id", (mailbox_id,))

        try:
            await self._database.run("renew", work, write=True)
        except OutcomeUnknown:
            # If it did not happen, the first write does it.
            return

    @deferred
    async def changes(
        self, mailbox_id: int, since: int, known_keywords: int, taker: UUID | None = None
    ) -> Changes:
        turn = "" if taker is None else f", {_TURN.format('(r.o_box).id')}"
        columns = "" if taker is None else ", o_turn, o_uid"

        async def work(tx: Tx) -> Changes:
            row = await tx.one(
                "select (r.o_box).*, o_uids, o_flags, o_modseqs, o_spots, o_vanished,"
                f" o_keywords, o_complete, acl_of_v1((r.o_box).id), e.lost{columns}"
                f" from changes_v1(%s, %s, %s) r{turn}, {_EPOCH}",
                (mailbox_id, since, known_keywords, *([] if taker is None else _taking(taker))),
            )
            if row is None or row[0] is None:
                raise NoSuchMailbox("The mailbox is no longer there.")
            return Changes(
                since,
                packing.mailbox(row),
                packing.states(*row[12:16]),
                packing.number_set(row[16]),
                packing.keywords(row[17]),
                row[18],
                packing.acl(row[19]),
                _turn(row[21:]),
                packing.number_set(row[20]),
            )

        changes = await self._database.run("changes", work, write=False)
        self.heard(mailbox_id, changes.mailbox.highest_modseq)
        return changes

    def heard(self, mailbox_id: int, modseq: int) -> None:
        self._database.tokens.note(mailbox_id, modseq)

    @deferred
    async def take_turns(self, mailbox_ids: Sequence[int], taker: UUID) -> Mapping[int, Turn]:
        async def work(tx: Tx) -> Mapping[int, Turn]:
            rows = await tx.all(
                "select id, o_turn, o_uid from unnest(%s::bigint[]) id,"
                f" {_TURN.format('id')} where o_turn is not null",
                (sorted(mailbox_ids), *_taking(taker)),
            )
            return {mailbox_id: Turn(number, known) for mailbox_id, number, known in rows}

        return await self._database.run("take turns", work, write=False)

    @deferred
    async def end_turns(self, turns: Mapping[int, Turn], taker: UUID) -> None:
        numbers = [turn.number for turn in turns.values()]
        known = [turn.known for turn in turns.values()]

        async def work(tx: Tx) -> None:
            await tx.do(
                "select end_turns_v1(%s::uuid, %s::bigint[], %s::bigint[], %s::bigint[])",
                (str(taker), [*turns], numbers, known),
            )

        # What ended does not end again.
        await self._database.run("end turns", work, write=False)

    @deferred
    async def vanished(self, mailbox_id: int, since: int, among: NumberSet) -> Vanished:
        async def work(tx: Tx) -> Vanished:
            row = await tx.one(
                "select o_vanished, o_lost from vanished_v1(%s, %s, %s)",
                (mailbox_id, since, among.multirange()),
            )
            if row is None:
                raise NoSuchMailbox("The mailbox is no longer there.")
            text, is_lost = row
            return Vanished(None if text is None else packing.number_set(text), is_lost)

        return await self._database.reads.run("vanished", mailbox_id, work)

    @deferred
    async def poll(self, mailbox_ids: Sequence[int]) -> Mapping[int, int]:
        async def work(tx: Tx) -> Mapping[int, int]:
            rows = await tx.all(
                "select id, highest_modseq from mailboxes"
                " where id = any (%s::bigint[]) and deleted_at is null",
                ([*mailbox_ids],),
            )
            return dict(rows)

        found = await self._database.run("poll", work, write=False)
        for mailbox_id, modseq in found.items():
            self.heard(mailbox_id, modseq)
        return found

    @deferred
    async def versions(self, account_ids: Sequence[int]) -> Mapping[int, int]:
        async def work(tx: Tx) -> Mapping[int, int]:
            rows = await tx.all(
                "select id, version from accounts where id = any (%s::bigint[])",
                ([*account_ids],),
            )
            return dict(rows)

        return await self._database.run("versions", work, write=False)

    # ------------------------------------------------------------------ changing names

    @deferred
    async def create(
        self,
        account_id: int,
        name: str,
        special_use: str | None,
        operation: Operation,
        creator: int | None = None,
        rights: Rights = Rights.NONE,
    ) -> MailboxRow:
        async def work(tx: Tx) -> MailboxRow:
            row = await tx.one(
                "select r.* from create_mailbox_v3(%s, %s, %s, %s::text[], %s, %s,"
                f" {packing.OPERATION}) r",
                (
                    account_id,
                    name_key(name),
                    special_use,
                    superiors(name_key(name)),
                    creator,
                    letters(rights),
                    *packing.operation(operation),
                ),
            )
            return packing.mailbox(cast(tuple[Any, ...], row))

        try:
            return await self._database.run("create", work, write=True)
        except OutcomeUnknown as unknown:
            await self._happened(account_id, operation, EventKind.CREATED, unknown)
            return await self._database.run("outcome", self._by_name(account_id, name), write=False)

    @deferred
    async def delete(self, account_id: int, name: str, operation: Operation) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value(
                f"select delete_mailbox_v2(%s, %s, {packing.OPERATION})",
                (account_id, name_key(name), *packing.operation(operation)),
            )

        try:
            return await self._database.run("delete", work, write=True)
        except OutcomeUnknown as unknown:
            return await self._happened(account_id, operation, EventKind.DELETED, unknown)

    @deferred
    async def rename(self, account_id: int, old: str, new: str, operation: Operation) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                f"select rename_mailbox_v3(%s, %s, %s, %s::text[], {packing.OPERATION})",
                (
                    account_id,
                    name_key(old),
                    name_key(new),
                    superiors(name_key(new)),
                    *packing.operation(operation),
                ),
            )

        try:
            await self._database.run("rename", work, write=True)
        except OutcomeUnknown as unknown:
            # Any event of the operation proves the whole of it: it is one transaction.
            await self._outcomes.events(operation.id, account_id=account_id, unknown=unknown)

    @deferred
    async def subscribe(self, account_id: int, name: str) -> None:
        await self._subscribe("subscribe", account_id, name)

    @deferred
    async def unsubscribe(self, account_id: int, name: str) -> None:
        await self._subscribe("unsubscribe", account_id, name)

    async def _subscribe(self, what: str, account_id: int, name: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select subscribe_v1(%s, %s, %s)",
                (account_id, name_key(name), what == "subscribe"),
            )

        try:
            await self._database.run(what, work, write=True)
        except OutcomeUnknown:
            # Doing it twice is doing it once: this is the read-back.
            await self._database.run(what, work, write=True)

    # ------------------------------------------------------------------ lost answers

    async def _happened(
        self, account_id: int, operation: Operation, kind: EventKind, unknown: OutcomeUnknown
    ) -> int:
        """The mailbox that has the operation's event of this kind."""
        events = await self._outcomes.events(operation.id, account_id=account_id, unknown=unknown)
        event = of_kind(events, kind)
        if event is None:
            raise unknown
        return event.mailbox_id

    def _by_name(self, account_id: int, name: str) -> Callable[[Tx], Awaitable[MailboxRow]]:
        async def work(tx: Tx) -> MailboxRow:
            row = await tx.one(
                f"select {_ROW} from mailboxes b"
                " where account_id = %s and name_key = %s and deleted_at is null",
                (account_id, name_key(name)),
            )
            if row is None:
                raise NoSuchMailbox(f"There is no mailbox {name}.")
            return packing.mailbox(row)

        return work


def _taking(taker: UUID | None) -> tuple[str | None, timedelta]:
    """The parameters of `_TURN`."""
    return (None if taker is None else str(taker), LATELY)


def _turn(row: Sequence[int | None]) -> Turn | None:
    """A number, and a UID."""
    return Turn(row[0], row[1]) if row and row[0] is not None else None


def _listing(rows: Sequence[tuple[Any, ...]]) -> Listing:
    """The rows of list_v1."""
    version, subscriptions = rows[0][:2]
    mailboxes, shared = [], []
    for _, _, rights, address, scope_id, deleted_size, *box in rows[1:]:
        mailbox = packing.mailbox(box)
        if deleted_size:
            mailbox = evolve(mailbox, deleted_size=deleted_size)
        if rights is None:
            mailboxes.append(mailbox)
        else:
            owner = Owner(mailbox.account_id, scope_id, address)
            shared.append(SharedMailbox(owner, evolve(mailbox, rights=parse_rights(rights))))
    return Listing(version, tuple(mailboxes), tuple(subscriptions), tuple(shared))
