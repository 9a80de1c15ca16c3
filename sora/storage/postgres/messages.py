"""Messages in PostgreSQL: `IMessages`. Every write is one call of one function, see
`0003_writing.sql` for what it locks; here its arguments are made and its answer is unpacked.

When the answer of a write is lost, what it did is read back from `events` (`outcomes.py`)
and the same answer is built from there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.mail.rights import FLAG_RIGHTS, flags_of
from sora.storage.interfaces import IMessages
from sora.storage.postgres import packing, reading, search
from sora.storage.postgres.arriving import (
    append_parameters,
    appended_after_all,
    content_parameters,
    is_by_another,
    is_named,
    place_parameters,
    placed_after_all,
)
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.delivering import (
    DELIVER,
    DELIVER_PLAINLY,
    LostDeliveries,
    deliver_parameters,
    delivered,
    is_plain,
    plain_parameters,
    plainly_delivered,
)
from sora.storage.postgres.outcomes import Outcomes, of_kind
from sora.storage.postgres.transferring import Transfer, Transferring, states_now
from sora.storage.rows import (
    Appended,
    Arrival,
    Claim,
    Column,
    ColumnSet,
    Copied,
    Delivered,
    EventKind,
    Expunged,
    Fate,
    FlagChange,
    Moved,
    Operation,
    Placed,
    Placement,
    Prepared,
    Read,
    Replaced,
    SortKey,
    Stored,
    Target,
    ThreadRow,
    Want,
)

_PLACE: Final = (
    "select fate, mailbox, uid, uidvalidity, modseq, before, keywords, names,"
    " content_id, used_object, needs_body from place_v1("
    "%s, %s, %s, %s::text[], %s, %s, %s, %s, %s, %s, %s::text[], %s::uuid, %s, %s, %s, %s, "
)
_PLACE_END: Final = ", " + packing.OPERATION + ") order by place"
PLACE: Final = _PLACE + "%s" + _PLACE_END
# As of the statement's begin: a mailbox that is renamed while its lock is waited for gets the
# message as if it had come before that; one that is deleted is no mailbox.
_TARGETS_BY_NAME: Final = (
    "(select jsonb_agg(named_target_v1(t) order by place)"
    " from jsonb_array_elements(%s::jsonb) with ordinality as r (t, place))"
)
PLACE_BY_NAME: Final = _PLACE + _TARGETS_BY_NAME + _PLACE_END
APPEND: Final = (
    "select place, mailbox, uid, uidvalidity, modseq, before, keywords, names, content_id,"
    " used_object, needs_body, source_before, source_modseq from append_v1("
    + "%s, %s, "
    + "%s::text[], " * 7
    + _TARGETS_BY_NAME
    + ", %s, %s, "
    + packing.OPERATION
    + ") order by place"
)
PREPARE: Final = (
    "select o_content, o_used_object from prepare_v1("
    "%s, %s, %s, %s::text[], %s, %s, %s, %s, %s, %s, %s::text[], %s::uuid, %s, %s, %s, %s)"
)
# Rights may keep flags off: so they are looked at.
PLACE_BY_OTHERS: Final = PLACE_BY_NAME.replace(
    " from place_v1(", ", flags_at_v1(mailbox, uid) from place_v1(", 1
)
APPEND_BY_OTHERS: Final = APPEND.replace(
    " from append_v1(", ", flags_at_v1(mailbox, uid) from append_v1(", 1
)
STORE: Final = (
    "select o_before, o_modseq, o_uids, o_flags, o_spots, o_modified, o_keywords from store_v1("
    "%s, %s, %s, %s::smallint, %s::text[], %s::text[], %s, %s, " + packing.OPERATION + ")"
)
# UNCHANGEDSINCE looks at the flags that are added or removed, and not at all flags of a message.
STORE_IF_UNTOUCHED: Final = STORE.replace("store_v1(", "store_v2(")
STORE_AMONG: Final = STORE.replace(
    "store_v1(%s, %s, %s, %s::smallint, %s::text[], %s::text[], ",
    "store_among_v1(%s, %s, %s, %s::smallint, %s::text[], %s::text[], %s::smallint, %s, ",
)
EXPUNGE: Final = (
    "select o_before, o_modseq, o_vanished from expunge_v1(%s, %s, " + packing.OPERATION + ")"
)


@implementer(IMessages)
class Messages:
    """`IMessages` in PostgreSQL."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._outcomes = Outcomes(database, clock)
        self._lost = LostDeliveries(database, clock)
        self._transferring = Transferring(database, self._outcomes)

    # ------------------------------------------------------------------ place

    @deferred
    async def place(
        self, scope_id: int, arrival: Arrival, targets: Sequence[Target], operation: Operation
    ) -> Placement:
        parameters = place_parameters(scope_id, arrival, targets)
        statement = PLACE_BY_NAME if any(map(is_named, targets)) else PLACE
        by_others = any(map(is_by_another, targets))
        if by_others:
            statement = PLACE_BY_OTHERS

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(statement, (*parameters, *packing.operation(operation)))

        try:
            rows = await self._database.run("place", work, write=True)
        except OutcomeUnknown as unknown:
            return await placed_after_all(
                self._database, self._outcomes, scope_id, arrival, targets, operation, unknown
            )
        if rows and rows[0][10]:
            return Placement((), needs_body=True)
        placed = tuple(
            _placed(row, target, row[11] if by_others else target.flags.system)
            for row, target in zip(rows, targets, strict=True)
        )
        content_id, used = (rows[0][8], rows[0][9]) if rows else (0, False)
        return Placement(placed, content_id, used)

    # ------------------------------------------------------------------ deliver

    @deferred
    async def deliver(
        self,
        arrivals: Sequence[tuple[int, Arrival]],
        claims: Sequence[Claim],
        operation: Operation,
    ) -> Delivered:
        plain = is_plain(arrivals, claims)
        parameters = (plain_parameters if plain else deliver_parameters)(arrivals, claims)
        statement = DELIVER_PLAINLY if plain else DELIVER

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(statement, (*parameters, *packing.operation(operation)))

        try:
            rows = await self._database.run("deliver", work, write=True)
        except OutcomeUnknown as unknown:
            return await self._lost.find(arrivals, claims, operation, unknown)
        return plainly_delivered(claims[0], rows[0]) if plain else delivered(arrivals, claims, rows)

    @deferred
    async def seen_before(self, account_id: int, key: bytes) -> bool:
        async def work(tx: Tx) -> bool:
            return bool(await tx.value("select seen_before_v1(%s, %s)", (account_id, key)))

        return await self._database.run("seen_before", work, write=False)

    # ------------------------------------------------------------------ append

    @deferred
    async def append(
        self,
        scope_id: int,
        arrivals: Sequence[Arrival],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None = None,
    ) -> Appended:
        parameters = append_parameters(scope_id, arrivals, targets, replaced)
        statement = APPEND_BY_OTHERS if is_by_another(targets[0]) else APPEND

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(statement, (*parameters, *packing.operation(operation)))

        try:
            rows = await self._database.run("append", work, write=True)
        except OutcomeUnknown as unknown:
            return await appended_after_all(
                self._database, self._outcomes, arrivals, targets, replaced, operation, unknown
            )
        return _appended(rows, targets, replaced)

    @deferred
    async def prepare(self, scope_id: int, arrival: Arrival) -> Prepared:
        parameters = content_parameters(scope_id, arrival)

        async def work(tx: Tx) -> Prepared:
            row = await tx.one(PREPARE, parameters)
            content_id, used = cast(tuple[Any, ...], row)
            return Prepared(content_id, used)

        return await self._database.run("prepare", work, write=True)

    # ------------------------------------------------------------------ store

    @deferred
    async def store(
        self,
        mailbox_id: int,
        uids: NumberSet,
        change: FlagChange,
        operation: Operation,
        known_keywords: int = 0,
    ) -> Stored:
        names, keys = packing.keyword_names(change.flags)
        is_bounded = change.mode == "replace" and change.rights != FLAG_RIGHTS
        statement = STORE_AMONG if is_bounded else STORE
        if change.mode != "replace" and change.unchanged_since is not None:
            statement = STORE_IF_UNTOUCHED

        async def work(tx: Tx) -> Stored:
            row = await tx.one(
                statement,
                (
                    mailbox_id,
                    uids.multirange(),
                    change.mode,
                    change.flags.system,
                    names,
                    keys,
                    *(flags_of(change.rights) if is_bounded else ()),
                    change.unchanged_since,
                    known_keywords,
                    *packing.operation(operation),
                ),
            )
            return _stored(mailbox_id, cast(tuple[Any, ...], row))

        try:
            return await self._database.run("store", work, write=True, only_flags=True)
        except OutcomeUnknown as unknown:
            return await self._stored_after_all(mailbox_id, operation, known_keywords, unknown)

    async def _stored_after_all(
        self, mailbox_id: int, operation: Operation, known: int, unknown: OutcomeUnknown
    ) -> Stored:
        events = await self._outcomes.events(operation.id, [mailbox_id], unknown=unknown)
        event = of_kind(events, EventKind.FLAGS)
        if event is None:
            raise unknown
        changed = await states_now(self._database, mailbox_id, event.uids)

        async def words(tx: Tx) -> str:
            return await tx.value(
                "select keywords_from_v1(account_id, %s) from mailboxes where id = %s",
                (known, mailbox_id),
            )

        text = await self._database.run("outcome", words, write=False)
        return Stored(
            mailbox_id,
            event.before,
            event.modseq,
            changed,
            packing.number_set(cast(str | None, event.detail.get("modified"))),
            packing.keywords(text),
        )

    # ------------------------------------------------------------------ expunge

    @deferred
    async def expunge(
        self, mailbox_id: int, uids: NumberSet | None, operation: Operation
    ) -> Expunged:
        which = packing.EVERY_UID if uids is None else uids.multirange()

        async def work(tx: Tx) -> Expunged:
            row = await tx.one(EXPUNGE, (mailbox_id, which, *packing.operation(operation)))
            before, modseq, vanished = cast(tuple[Any, ...], row)
            return Expunged(mailbox_id, before, modseq, packing.number_set(vanished))

        try:
            return await self._database.run("expunge", work, write=True)
        except OutcomeUnknown as unknown:
            events = await self._outcomes.events(operation.id, [mailbox_id], unknown=unknown)
            event = of_kind(events, EventKind.EXPUNGED)
            if event is None:
                raise
            return Expunged(mailbox_id, event.before, event.modseq, event.uids)

    # ------------------------------------------------------------------ copy, move

    @deferred
    async def copy(
        self,
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Copied:
        transfer = Transfer(mailbox_id, uids, account_id, destination, operation, asker)
        return (await self._transferring.copy(transfer)).copied

    @deferred
    async def move(
        self,
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Moved:
        transfer = Transfer(mailbox_id, uids, account_id, destination, operation, asker)
        return await self._transferring.move(transfer)

    # ------------------------------------------------------------------ reading

    @deferred
    async def columns(
        self, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> ColumnSet:
        return await reading.columns(self._database, mailbox_id, uids, wanted)

    @deferred
    async def read(
        self,
        mailbox_id: int,
        uids: NumberSet,
        wants: frozenset[Want],
        see: Operation | None = None,
    ) -> Read:
        try:
            return await reading.read(self._database, mailbox_id, uids, wants, see)
        except OutcomeUnknown as unknown:
            if see is None:
                raise
            stored = await self._stored_after_all(mailbox_id, see, 0, unknown)
            seen = await reading.read(self._database, mailbox_id, uids, wants, None)
            return Read(seen.messages, stored)

    @deferred
    async def search(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[int]:
        return await search.search(self._database, mailbox_id, criterion, gone_since)

    @deferred
    async def sort(
        self,
        mailbox_id: int,
        criterion: Criterion,
        keys: Sequence[SortKey],
        gone_since: int | None = None,
    ) -> Sequence[int]:
        return await search.sort(self._database, mailbox_id, criterion, keys, gone_since)

    @deferred
    async def threads(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[ThreadRow]:
        return await search.threads(self._database, mailbox_id, criterion, gone_since)

    @deferred
    async def relevance(
        self, mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> Mapping[int, int]:
        return await search.relevance(self._database, mailbox_id, criterion, uids)


def _placed(row: tuple[Any, ...], target: Target, system: int) -> Placed:
    fate, mailbox_id, uid, uidvalidity, modseq, before, ids, names = row[:8]
    if fate != Fate.PLACED:
        return Placed(Fate(fate), mailbox_id or 0, uid or 0, uidvalidity or 0)
    mask = system | packing.keyword_mask(ids)
    words = packing.used(packing.keywords(names), (mask,))
    return Placed(Fate.PLACED, mailbox_id, uid, uidvalidity, modseq, before, mask, words)


def _appended(
    rows: Sequence[tuple[Any, ...]], targets: Sequence[Target], replaced: Replaced | None
) -> Appended:
    if rows[0][10]:
        missing = {row[0] for row in rows}
        return Appended(
            tuple(Placement((), needs_body=place in missing) for place in range(len(targets)))
        )
    placements = []
    for row, target in zip(rows, targets, strict=True):
        system = row[13] if is_by_another(target) else target.flags.system
        placed = _placed((Fate.PLACED, *row[1:8]), target, system)
        placements.append(Placement((placed,), row[8], row[9]))
    gone = None
    if replaced is not None:
        uids = NumberSet(((replaced.uid, replaced.uid),))
        gone = Expunged(replaced.mailbox_id, rows[0][11], rows[0][12], uids)
    return Appended(tuple(placements), gone)


def _stored(mailbox_id: int, row: tuple[Any, ...]) -> Stored:
    before, modseq, uids, flags, spots, modified, words = row[:7]
    return Stored(
        mailbox_id,
        before,
        modseq,
        packing.states(uids, flags, modseq, spots),
        packing.number_set(modified),
        packing.keywords(words),
    )
