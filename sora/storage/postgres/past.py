"""The pasts of mailboxes in PostgreSQL: `IPast`, see `0041_past.sql`.

All of it is asked of the primary: a look gives out numbers, and what is read is what it has found.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import NoSuchMailbox, OutcomeUnknown
from sora.mail.criteria import Criterion
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IPast
from sora.storage.postgres import packing, search
from sora.storage.postgres import statements_of_search as statements
from sora.storage.postgres.database import Database, Row, Tx
from sora.storage.postgres.outcomes import Outcomes, of_kind
from sora.storage.postgres.reading import (
    BATCH,
    column_set,
    listing_of,
    statement_of,
    stored_message,
)
from sora.storage.postgres.statements_of_search import Statement
from sora.storage.postgres.transferring import states_now
from sora.storage.rows import (
    Column,
    ColumnSet,
    Copied,
    EventKind,
    MailboxRow,
    Operation,
    Past,
    Read,
    SortKey,
    StoredMessage,
    ThreadRow,
    Want,
)

SOURCE: Final = "past_in_v1"

NAMES: Final = (
    "select b.id, b.account_id, n.name, 'P' || substr(b.object_id, 2), b.uidvalidity, 0, 0, 0, 0,"
    " 0, 0, null from past_names_v1(%s) n join mailboxes b on b.id = n.mailbox_id"
    " order by n.name_key"
)
COUNTED: Final = (
    "select (l.o_box).* from past_names_v1(%s) n"
    " cross join lateral look_at_past_v1(n.mailbox_id, n.name, null, false) l"
    " where (l.o_box).id is not null order by n.name_key"
)
FIND: Final = (
    "select (l.o_box).* from past_names_v1(%s) n"
    " cross join lateral look_at_past_v1(n.mailbox_id, n.name, null, false) l"
    " where n.name_key = %s"
)
_LOOKED: Final = (
    "select (l.o_box).*, o_is_news, o_uids, o_sources, o_flags, o_modseqs, o_spots, o_keywords"
)
OPEN: Final = (
    f"{_LOOKED} from past_names_v1(%s) n"
    " cross join lateral look_at_past_v1(n.mailbox_id, n.name, null, true) l"
    " where n.name_key = %s"
)
# It may have no message any more, and so no name.
CHANGES: Final = (
    f"{_LOOKED} from (select name, name_key from past_names_v1(%s) where mailbox_id = %s"
    " union all select '', null order by 2 nulls last limit 1) n"
    " cross join lateral look_at_past_v1(%s, n.name, %s, true) l"
)
COPY: Final = (
    "select o_mailbox, o_uidvalidity, o_before, o_modseq, o_first, o_flags, o_spots, o_keywords"
    " from copy_from_past_v1(%s, %s::bigint[], %s, %s, %s, " + packing.OPERATION + ")"
)


@implementer(IPast)
class PastMail:
    """`IPast` in PostgreSQL."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._outcomes = Outcomes(database, clock)

    # ------------------------------------------------------------------ looking

    @deferred
    async def all(self, account_id: int, counted: bool = False) -> Sequence[MailboxRow]:
        if counted:
            rows = await self._look("list past", COUNTED, (account_id,))
        else:
            rows = await self._read("list past", (NAMES, (account_id,)))
        return [packing.mailbox(row) for row in rows]

    @deferred
    async def find(self, account_id: int, name: str) -> MailboxRow:
        rows = await self._look("find past", FIND, (account_id, name_key(name)))
        if not rows or rows[0][0] is None:
            raise NoSuchMailbox(f"There is no mailbox {name}.")
        return packing.mailbox(rows[0])

    @deferred
    async def open(self, account_id: int, name: str) -> Past:
        rows = await self._look("open past", OPEN, (account_id, name_key(name)))
        if not rows or rows[0][0] is None:
            raise NoSuchMailbox(f"There is no mailbox {name}.")
        return _past(rows[0])

    @deferred
    async def changes(self, account_id: int, mailbox_id: int, known: int) -> Past | None:
        rows = await self._look(
            "look at past", CHANGES, (account_id, mailbox_id, mailbox_id, known)
        )
        if not rows or rows[0][0] is None:
            raise NoSuchMailbox("The mailbox is no longer there.")
        return _past(rows[0]) if rows[0][12] else None

    async def _look(self, name: str, sql: str, parameters: tuple[Any, ...]) -> list[Row]:
        """A look writes what it finds, and does no harm when it is done twice."""

        async def work(tx: Tx) -> list[Row]:
            return await tx.all(sql, parameters)

        try:
            return await self._database.run(name, work, write=True)
        except OutcomeUnknown:
            return await self._database.run(name, work, write=True)

    # ------------------------------------------------------------------ copy

    @deferred
    async def copy(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Copied:
        parameters = (
            mailbox_id,
            list(uids),
            account_id,
            name_key(destination),
            asker,
            *packing.operation(operation),
        )

        async def work(tx: Tx) -> Copied:
            row = cast(tuple[Any, ...], await tx.one(COPY, parameters))
            target_id, uidvalidity, before, modseq, first, flags, spots, words = row
            made = tuple(range(first, first + len(uids)))
            masks = tuple(packing.masks(made, flags, spots))
            keywords = packing.used(packing.keywords(words), masks)
            return Copied(
                target_id, uidvalidity, before, modseq, tuple(uids), made, masks, keywords
            )

        try:
            return await self._database.run("copy from past", work, write=True)
        except OutcomeUnknown as unknown:
            return await self._copied_after_all(uids, account_id, operation, unknown)

    async def _copied_after_all(
        self, uids: Sequence[int], account_id: int, operation: Operation, unknown: OutcomeUnknown
    ) -> Copied:
        """The answer that was lost (G14)."""
        events = await self._outcomes.events(
            operation.id, [], account_id=account_id, unknown=unknown
        )
        event = of_kind(events, EventKind.COPIED_IN)
        if event is None:
            raise unknown
        now = await states_now(self._database, event.mailbox_id, event.uids)
        mask_of = dict(zip(now.uids, now.masks, strict=True))

        async def rest(tx: Tx) -> tuple[Any, ...] | None:
            return await tx.one(
                "select uidvalidity, keywords_from_v1(account_id, 0) from mailboxes where id = %s",
                (event.mailbox_id,),
            )

        uidvalidity, words = await self._database.run("outcome", rest, write=False) or (0, None)
        made = tuple(event.uids)
        masks = tuple(mask_of.get(uid, 0) for uid in made)
        keywords = packing.used(packing.keywords(words), masks)
        return Copied(
            event.mailbox_id,
            uidvalidity,
            event.before,
            event.modseq,
            tuple(uids),
            made,
            masks,
            keywords,
        )

    # ------------------------------------------------------------------ reading

    @deferred
    async def read(self, mailbox_id: int, uids: NumberSet, wants: frozenset[Want]) -> Read:
        sql, places = statement_of(wants, SOURCE)
        messages: list[StoredMessage] = []
        left = uids
        while left:
            rows = await self._read("read past", (sql, (mailbox_id, left.multirange())))
            messages += [stored_message(row, places) for row in rows]
            if len(rows) < BATCH:
                break
            left = left - NumberSet(((1, messages[-1].uid),))
        return Read(tuple(messages))

    @deferred
    async def columns(
        self, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> ColumnSet:
        chosen = tuple(dict.fromkeys(wanted))
        sql = listing_of(chosen, SOURCE)
        rows = await self._read("read past", (sql, (mailbox_id, uids.multirange())))
        return column_set(chosen, rows)

    @deferred
    async def search(self, mailbox_id: int, criterion: Criterion) -> Sequence[int]:
        return await self._numbers(statements.search(mailbox_id, criterion, past=True))

    @deferred
    async def sort(
        self, mailbox_id: int, criterion: Criterion, keys: Sequence[SortKey]
    ) -> Sequence[int]:
        return await self._numbers(statements.sort(mailbox_id, criterion, keys, past=True))

    @deferred
    async def threads(self, mailbox_id: int, criterion: Criterion) -> Sequence[ThreadRow]:
        statement = statements.threads(mailbox_id, criterion, past=True)
        return [search.thread_row(row) for row in await self._search(statement)]

    @deferred
    async def relevance(
        self, mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> Mapping[int, int]:
        statement = statements.scores(mailbox_id, criterion, uids, past=True)
        return dict(await self._search(statement))

    async def _numbers(self, statement: Statement) -> Sequence[int]:
        [(text,)] = await self._search(statement)
        return packing.numbers(text)

    async def _search(self, statement: Statement) -> list[Row]:
        return await self._read("search past", statement, self._database.timing.search)

    async def _read(
        self, name: str, statement: tuple[str, Any], limit: float | None = None
    ) -> list[Row]:
        sql, parameters = statement

        async def work(tx: Tx) -> list[Row]:
            return await tx.all(sql, parameters)

        return await self._database.run(name, work, write=False, timeout=limit)


def _past(row: Row) -> Past:
    uids, sources, flags, modseqs, spots, words = row[13:19]
    return Past(
        packing.mailbox(row),
        packing.states(uids, flags, modseqs, spots),
        packing.numbers(sources),
        packing.keywords(words),
    )
