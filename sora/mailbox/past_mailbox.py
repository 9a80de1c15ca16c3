"""The past of a mailbox, as one session has it open.

It is as it was at SELECT, until the session asks for news (NOOP, CHECK): then one look tells what
was expunged since, which appears at the end, and what the cleaner has removed or somebody brought
back with its mailbox, which is told as EXPUNGE. What is gone and was not told yet has no columns
and no body: FETCH leaves it out, and COPY is refused.

Storage knows the messages by the UIDs that they had; here they are translated. What this process
keeps of messages (`Kept`) is kept under the negative id of the mailbox, so that nobody takes the
one for the other; the numbers of a past never change, so that it is good for all sessions.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from sora.deferreds import deferred
from sora.errors import ExpungeIssued, NoSuchMailbox, Unavailable
from sora.mail.criteria import And, Criterion, Fuzzy, Not, Or, UidIn, needs_storage
from sora.mail.flags import Keywords
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.mailbox.local_search import search as search_locally
from sora.mailbox.past_numbers import PastNumbers
from sora.mailbox.state import Change, MailboxState
from sora.mailbox.turns import Recency
from sora.storage.interfaces import IPast
from sora.storage.rows import (
    Changes,
    Column,
    ColumnSet,
    Copied,
    MailboxRow,
    Opened,
    Operation,
    Past,
    Read,
    SortKey,
    States,
    ThreadRow,
    Vanished,
    Want,
)

PAST_RIGHTS: Final = Rights.LOOKUP | Rights.READ
"""What anybody may do with what is past (RFC 4314): see it, and read it."""


def past_row(row: MailboxRow) -> MailboxRow:
    """The row of a past among those of mailboxes."""
    return evolve(row, id=-row.id, rights=PAST_RIGHTS)


def is_past(row: MailboxRow) -> bool:
    """Whether it is the row of a past."""
    return row.id < 0


class PastMailbox:
    """`behind.Behind` for what is past; and what of `IMessages` reads and copies."""

    log = Logger()

    def __init__(self, past: IPast, opened: Past) -> None:
        row = opened.mailbox
        self._past = past
        self._mailbox_id = row.id
        self._state = MailboxState(
            Opened(past_row(row), opened.states, opened.keywords), Keywords(), Recency()
        )
        self._numbers = PastNumbers(opened.states.uids, opened.sources)

    # -------------------------------------------------------------- behind

    @property
    def state(self) -> MailboxState:
        """See `Behind.state`."""
        return self._state

    def watch(self, session: object, changed: Callable[[], None] | None) -> None:
        """Nobody is woken for what is past."""

    def begin_write(self) -> None:
        """A copy changes nothing here."""

    def end_write(self) -> None:
        """See `begin_write`."""

    def settle(self, modseq: int) -> "Deferred[None]":
        """See `begin_write`."""
        return succeed(None)

    def gone_after(self, since: int, among: NumberSet) -> "Deferred[Vanished]":
        """Nobody remembers what was removed for good, so that it is all that is not there."""
        return succeed(Vanished(None))

    def leave(self) -> None:
        """See `Behind.leave`."""

    async def refresh(self) -> None:
        """One round trip."""
        state = self._state
        since = state.highest_modseq
        try:
            now = await self._past.changes(state.account_id, self._mailbox_id, since)
        except NoSuchMailbox:
            everything = NumberSet.ascending(state.uids)
            state.apply(Change(since, since + 1, vanished=everything))
            return
        except Unavailable as error:
            self.log.debug("cannot look at what is past: {error}", error=error.text)
            return
        if now is not None and state.highest_modseq == since:
            self._follow(now, since)

    def _follow(self, now: Past, since: int) -> None:
        known, there = set(self._state.uids), set(now.states.uids)
        row = past_row(now.mailbox)
        if not row.name:  # no message is left, and so no name
            row = evolve(row, name=self._state.name)
        self._state.update(
            Changes(
                since,
                row,
                _without(now.states, known),
                NumberSet.of(known - there),
                now.keywords,
            )
        )
        self._numbers = PastNumbers(now.states.uids, now.sources)

    # -------------------------------------------------------------- reading

    @deferred
    async def read(
        self,
        mailbox_id: int,
        uids: NumberSet,
        wants: frozenset[Want],
        see: Operation | None = None,
    ) -> Read:
        """See `IMessages.read`; \\Seen stays as it was."""
        numbers = self._numbers
        read = await self._past.read(self._mailbox_id, self._sources(uids), wants)
        messages = [evolve(message, uid=numbers.uid(message.uid)) for message in read.messages]
        messages.sort(key=lambda message: message.uid)
        return Read(tuple(messages))

    @deferred
    async def columns(
        self, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> ColumnSet:
        """See `IMessages.columns`."""
        numbers = self._numbers
        found = await self._past.columns(self._mailbox_id, self._sources(uids), wanted)
        known = list(map(numbers.uid, found.uids))
        order = sorted(range(len(known)), key=known.__getitem__)
        values: dict[Column, Sequence[Any]] = {
            column: [each[place] for place in order] for column, each in found.values.items()
        }
        return ColumnSet([known[place] for place in order], values)

    def _sources(self, uids: NumberSet) -> NumberSet:
        return NumberSet.of(self._numbers.sources(uids))

    # -------------------------------------------------------------- finding

    @deferred
    async def search(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[int]:
        """See `IMessages.search`. What is gone is not found."""
        asked = self._translated(criterion)
        return sorted(self._numbers.known(await self._past.search(self._mailbox_id, asked)))

    @deferred
    async def sort(
        self,
        mailbox_id: int,
        criterion: Criterion,
        keys: Sequence[SortKey],
        gone_since: int | None = None,
    ) -> Sequence[int]:
        """See `IMessages.sort`."""
        asked = self._translated(criterion)
        return self._numbers.known(await self._past.sort(self._mailbox_id, asked, keys))

    @deferred
    async def threads(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[ThreadRow]:
        """See `IMessages.threads`."""
        numbers = self._numbers
        rows = await self._past.threads(self._mailbox_id, self._translated(criterion))
        found = [evolve(row, uid=numbers.uid(row.uid)) for row in rows]
        return sorted((row for row in found if row.uid), key=lambda row: row.uid)

    @deferred
    async def relevance(
        self, mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> Mapping[int, int]:
        """See `IMessages.relevance`."""
        numbers, asked = self._numbers, self._translated(criterion)
        scores = await self._past.relevance(self._mailbox_id, asked, self._sources(uids))
        return {numbers.uid(uid): score for uid, score in scores.items()}

    def _translated(self, criterion: Criterion) -> Criterion:
        """The same for storage: what is known here becomes a set of the UIDs that messages had."""
        if not needs_storage(criterion):
            found = search_locally(self._state, criterion)
            return UidIn(self._sources(NumberSet.ascending(found)))
        match criterion:
            case And(parts):
                return And(tuple(map(self._translated, parts)))
            case Or(parts):
                return Or(tuple(map(self._translated, parts)))
            case Not(part):
                return Not(self._translated(part))
            case Fuzzy(part):
                return Fuzzy(self._translated(part))
        return criterion

    # -------------------------------------------------------------- copying

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
        """See `IMessages.copy`: bring messages back, in the order in which they appear here."""
        sources = list(self._numbers.sources(uids))
        if len(sources) != len(uids):
            raise ExpungeIssued()
        copied = await self._past.copy(
            self._mailbox_id, sources, account_id, destination, operation, asker
        )
        return evolve(copied, sources=tuple(uids))


def _without(states: States, known: set[int]) -> States:
    """The states of messages that are not known."""
    places = [place for place, uid in enumerate(states.uids) if uid not in known]
    return States(
        array("Q", (states.uids[place] for place in places)),
        [states.masks[place] for place in places],
        array("Q", (states.modseqs[place] for place in places)),
    )
