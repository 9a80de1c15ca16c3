"""All mailboxes that this process has open, and those kept warm after their sessions left.

This is also where the doorbell ends: a ring makes an open mailbox read the changes, unless this
process made them itself and has told all of them (`sora.mailbox.announcing`).

What other processes tell comes in by `met`, `heard` and `heard_names`. It may be late,
repeated, or lost: `sora.mailbox.change_poll` makes up for that.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks, gather
from sora.errors import NoSuchMailbox, Unavailable
from sora.mail.annotations import Entry
from sora.mail.flags import Keywords
from sora.mail.mailbox_names import name_key
from sora.mailbox.announcing import Announcing, Bells
from sora.mailbox.names import Names
from sora.mailbox.open_mailbox import OpenMailbox
from sora.mailbox.sharing import Shared
from sora.mailbox.state import MailboxState
from sora.mailbox.turns import Turns
from sora.mailbox.watching import EVERYBODY, Watchers
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import MailboxRow, Opened

WARM_MEMORY: Final = 256 * 1024 * 1024
WARM_FOR: Final = 600.0
MET_AT_ONCE: Final = 4
"""Mailboxes that are looked at together when an epoch has begun."""


class OpenMailboxes:
    """States by mailbox id, shared, counted by their sessions.

    `alone` says that no other process writes to the database (`ChangePoll` keeps it right):
    what is known here is then all there is. What this process writes is told to `announce`.
    `process_id` is the process's own. `warm_memory` (octets) and `warm_for` (seconds) bound what is
    kept without sessions.
    """

    log = Logger()

    def __init__(
        self,
        mailboxes: IMailboxes,
        clock: IReactorTime,
        process_id: UUID,
        *,
        warm_memory: int = WARM_MEMORY,
        warm_for: float = WARM_FOR,
        bells: Bells | None = None,
    ) -> None:
        self.alone = False
        self.sightings = 0
        """how often another process was heard of"""
        self.names = Names(clock)
        self.watchers = Watchers()
        self.tasks = Tasks()
        self.turns = Turns(mailboxes, process_id, self.tasks)
        self.announce = Announcing(self, mailboxes, bells or Bells())
        self._mailboxes = mailboxes
        self._clock = clock
        self._warm_memory = warm_memory
        self._warm_for = warm_for
        self._wanted: dict[int, int] = {}
        self._open: dict[int, OpenMailbox] = {}
        self._warm: OrderedDict[int, float] = OrderedDict()
        self._keywords: WeakValueDictionary[int, Keywords] = WeakValueDictionary()
        self._opening: Shared[tuple[int, str, int, bool], Opened] = Shared()
        self._meanwhile: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[OpenMailbox]:
        return iter(self._open.values())

    def get(self, mailbox_id: int) -> OpenMailbox | None:
        """A mailbox that is open or warm."""
        return self._open.get(mailbox_id)

    def find(self, account_id: int, name: str) -> OpenMailbox | None:
        """The same by its name; it looks at all of them, for what is done rarely."""
        key = name_key(name)
        for mailbox in self._open.values():
            state = mailbox.state
            is_it = state.account_id == account_id and name_key(state.name) == key
            if is_it and not state.is_deleted:
                return mailbox
        return None

    @property
    def in_use(self) -> list[OpenMailbox]:
        """The mailboxes that sessions have open."""
        return [mailbox for mailbox in self._open.values() if mailbox.sessions]

    async def stop(self) -> None:
        """Wait for what is being learned in the background."""
        await self.tasks.join()

    # -------------------------------------------------------------- sessions

    async def acquire(
        self, account_id: int, name: str, asks: bool = False, takes: bool = False
    ) -> OpenMailbox:
        """Open a mailbox for one more session, which gives it back with `release`.

        At most one round trip; none when it is warm and this process is alone, unless the
        session `asks`: an operator's command may have changed the rights on it. `takes` says that
        what is \\Recent in it is so in no other; unless another such session has been there, that
        is a round trip, too. Raises NoSuchMailbox.
        """
        mailbox = await self._find_warm(account_id, name, asks or not self.alone, takes)
        if mailbox is None:
            opened, edition, is_fresh = await self._opened(account_id, name, takes)
            mailbox = self._take_in(opened)
            # What happened while the answer was on its way may not be in it.
            self.rang(mailbox.mailbox_id, self._meanwhile.get(mailbox.mailbox_id, 0))
            if not self._opening:
                self._meanwhile.clear()
            with mailbox.opening(takes):
                # Others have it open who know less than the answer (G21).
                await mailbox.settle(opened.mailbox.highest_modseq)
                if not is_fresh and not self.alone:
                    await mailbox.see_everything()
            mailbox = self._open.setdefault(mailbox.mailbox_id, mailbox)
            self.names.remember(account_id, name, opened.mailbox.id, edition)
        mailbox.sessions += 1
        mailbox.takers += takes
        self._warm.pop(mailbox.mailbox_id, None)
        return mailbox

    async def _opened(self, account_id: int, name: str, takes: bool) -> tuple[Opened, int, bool]:
        """What storage says of a name, and the edition of `names` in which it is so: when one
        was made, deleted or renamed meanwhile, the answer is from before that (G21). And whether
        the question was asked now: the answer to one that was on its way may be older than what a
        client has heard from another process."""

        async def opening() -> Opened:
            taker = self.turns.process_id if takes else None
            return await self._mailboxes.open(account_id, name, taker)

        while True:
            edition = self.names.edition(account_id)
            key = (account_id, name_key(name), edition, takes)
            is_fresh = key not in self._opening
            try:
                opened = await self._opening.get(key, opening)
            except NoSuchMailbox:
                if self.names.edition(account_id) == edition:
                    raise
            else:
                if self.names.edition(account_id) == edition:
                    return opened, edition, is_fresh

    async def _find_warm(
        self, account_id: int, name: str, asks: bool, takes: bool
    ) -> OpenMailbox | None:
        heard = self.names.last_heard(account_id, name)
        mailbox = None if heard is None else self._open.get(heard[0])
        if mailbox is None:
            return None
        with mailbox.opening(takes):
            if asks or mailbox.wants_turn:
                await mailbox.see_everything()
        state = mailbox.state
        if state.is_deleted or name_key(state.name) != name_key(name):
            return None
        # While it was awaited, the last session may have left and memory been needed.
        return self._open.setdefault(state.mailbox_id, mailbox)

    def _take_in(self, opened: Opened) -> OpenMailbox:
        row = opened.mailbox
        recency = self.turns.heard(row.id, opened.turn)
        there = self._open.get(row.id)
        if there is not None and there.state.uidvalidity != row.uidvalidity:
            there.mark_deleted()
        if there is not None and not there.state.is_deleted:
            if there.state.highest_modseq >= row.highest_modseq:
                return there
            if there.sessions:
                # Who opens it now is asked for his rights now, not when the rest is learned of.
                there.state.acl = opened.acl
                return there
            self._forget(there)
        keywords = self._keywords.setdefault(row.account_id, Keywords())
        state = MailboxState(opened, keywords, recency)
        mailbox = OpenMailbox(self._mailboxes, self._clock, state, self.turns)
        self._open[row.id] = mailbox
        return mailbox

    def release(self, mailbox: OpenMailbox, takes: bool = False) -> None:
        """A session has left that was opened with `takes`. The mailbox stays warm for a while."""
        mailbox.sessions -= 1
        mailbox.takers -= takes
        state = mailbox.state
        if not mailbox.takers and not self.alone:
            self.turns.end(state.mailbox_id)
        if mailbox.sessions == 0:
            if state.is_deleted:
                self.drop(mailbox)
            else:
                self._warm[state.mailbox_id] = self._clock.seconds()
            self.cool()

    @property
    def memory(self) -> int:
        """About how many octets the states of all mailboxes take, in use or warm."""
        return sum(mailbox.state.memory for mailbox in self._open.values())

    def cool(self) -> None:
        """Let go of what has been warm for too long, or takes too much memory."""
        memory = 0
        for mailbox_id in reversed(list(self._warm)):
            memory += self._open[mailbox_id].state.memory
            too_long = self._clock.seconds() - self._warm[mailbox_id] > self._warm_for
            if too_long or memory > self._warm_memory:
                self.drop(self._open[mailbox_id])

    def drop(self, mailbox: OpenMailbox) -> None:
        """Let go of one that no session has open."""
        self.turns.end(mailbox.mailbox_id)
        self._forget(mailbox)

    def _forget(self, mailbox: OpenMailbox) -> None:
        self._warm.pop(mailbox.mailbox_id, None)
        if self._open.get(mailbox.mailbox_id) is mailbox:
            del self._open[mailbox.mailbox_id]

    def recent(self, row: MailboxRow) -> int:
        """How many messages would be \\Recent for a session that opened it now (STATUS)."""
        mailbox = self._open.get(row.id)
        if mailbox is not None:
            state = mailbox.state
            return len(state.unlearned(0, state.uidnext)) if state.recency.is_known else 0
        known = self.turns.last_known(row.id)
        if known is None:
            return row.unseen
        return min(row.messages, max(0, row.uidnext - 1 - known))

    def end_turns(self) -> None:
        """Give all turns back: the process ends, or nobody may have heard of it for too long."""
        for mailbox_id in self.turns.ours:
            self.turns.end(mailbox_id)

    async def settle_turns(self) -> None:
        """Take the turns that sessions wait for, and give back those that nobody needs here. At
        most one round trip, none where there is nothing to do."""
        now = self._clock.seconds()
        for mailbox_id in [] if self.alone else self.turns.ours:
            mailbox = self._open.get(mailbox_id)
            if mailbox is None or not mailbox.takers or mailbox.keeps_waiting(now):
                self.turns.end(mailbox_id)
        self.turns.tell()
        await self.turns.take(mailbox.mailbox_id for mailbox in self.in_use if mailbox.wants_turn)

    # -------------------------------------------------------------- what happened

    def met(self) -> None:
        """Another process is there: what is known here is no longer all there is."""
        self.alone = False
        self.sightings += 1

    def all_others_left(self) -> None:
        """This process is alone from now on. What it knows of mailboxes that no session has
        open, and of names, may be from before they left."""
        if not self.alone:
            for mailbox_id in list(self._warm):
                self.drop(self._open[mailbox_id])
            self.names.forget_all()
            self.alone = True

    async def meet_epoch(self) -> None:
        """The database may have forgotten what this process knows (G70): forget it too, and let
        sessions be told what is different. Raises Unavailable; it is to be called again then."""
        self.names.forget_all()
        for mailbox_id in list(self._warm):
            self.drop(self._open[mailbox_id])
        self.end_turns()
        for account_id in list(self.watchers.accounts):
            self.watchers.names_changed(account_id)
        places = DeferredSemaphore(MET_AT_ONCE)
        await gather(*[places.run(self._meet, mailbox) for mailbox in self.in_use])

    def _meet(self, mailbox: OpenMailbox) -> "Deferred[None]":
        return Deferred.fromCoroutine(mailbox.see_everything())

    def heard(self, mailbox_id: int, modseq: int) -> None:
        """Another process of this node has changed a mailbox."""
        self.met()
        self._mailboxes.heard(mailbox_id, modseq)
        self.watchers.mailbox_changed(mailbox_id, modseq)
        mailbox = self._open.get(mailbox_id)
        # One that is merely warm is read when somebody opens it.
        if mailbox is None or mailbox.sessions:
            self.rang(mailbox_id, modseq)

    def heard_names(self, account_id: int) -> None:
        """Another process of this node has changed names or subscriptions of an account."""
        self.met()
        if account_id == EVERYBODY:
            # Which names lead where has not changed, only who may see it.
            self.watchers.names_changed(account_id)
            return
        self.names.forget(account_id)
        self.watchers.names_changed(account_id)
        for mailbox in self.in_use:
            if mailbox.state.account_id == account_id:
                # It may have another name now, or be deleted.
                self.tasks.start(mailbox.see_everything(), f"learn of {mailbox.mailbox_id}'s name")

    def rang(self, mailbox_id: int, modseq: int) -> None:
        """The doorbell: the mailbox has changed, somewhere. It may be late, or repeated."""
        if modseq:
            self._mailboxes.heard(mailbox_id, modseq)
        mailbox = self._open.get(mailbox_id)
        if mailbox is None:
            self.note(mailbox_id, modseq)
        elif mailbox.state.highest_modseq < modseq:
            known = self._wanted.get(mailbox_id)
            self._wanted[mailbox_id] = max(modseq, known or 0)
            if known is None:
                self.tasks.start(self._learn_of(mailbox), f"learn of changes in {mailbox_id}")

    async def _learn_of(self, mailbox: OpenMailbox) -> None:
        """Bring a mailbox up to what was rung for it, also meanwhile."""
        mailbox_id = mailbox.mailbox_id
        try:
            reached = -1
            while reached < (wanted := self._wanted[mailbox_id]):
                await mailbox.settle(wanted)
                reached = wanted
        except Unavailable as error:
            self.log.info("cannot learn of changes by others: {error}", error=error.text)
        finally:
            del self._wanted[mailbox_id]

    def heard_annotated(self, mailbox_id: int, reader: int, entries: Sequence[Entry]) -> None:
        """Another process of this node has changed annotations; see `annotated`."""
        self.met()
        self.announce.bells.entries_set(entries)
        self.watchers.annotated(mailbox_id or -reader, entries, reader)

    def note(self, mailbox_id: int, modseq: int) -> None:
        """Something happened in a mailbox that is not open, but may be about to be."""
        if self._opening:
            self._meanwhile[mailbox_id] = max(modseq, self._meanwhile.get(mailbox_id, 0))
