"""One mailbox that this process has open: its state, kept up to date, and who watches it.

Answers to writes come back in any order, and other processes write too. A change that fits on
top of the state is applied at once, with no round trip. One that does not is kept, and what is
missing is either on its way (another write of this process, whose answer was overtaken): then
it is given a moment; or was done elsewhere: then one `mailboxes.changes` reads it, whoever
many are waiting.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import NoSuchMailbox
from sora.mail.numbers import NumberSet
from sora.mailbox.sharing import Shared
from sora.mailbox.state import Change, MailboxState
from sora.mailbox.turns import ATTENTION, Turns
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import Opened, Vanished

PATIENCE: Final = 0.005
"""Seconds for which an overtaken answer is waited for."""
MAX_PARKED: Final = 256
_ATTEMPTS: Final = 3

Watcher = Callable[[], None]


class OpenMailbox:
    """A `MailboxState` that learns of all changes; `sessions` counts who has it open, and
    `takers` those of them that take \\Recent from others (`sora.mailbox.turns`)."""

    log = Logger()

    def __init__(
        self, mailboxes: IMailboxes, clock: IReactorTime, state: MailboxState, turns: Turns
    ) -> None:
        self.state = state
        self.sessions = 0
        self.takers = 0
        self._turns = turns
        self._mailboxes = mailboxes
        self._clock = clock
        self._watchers: dict[object, Watcher] = {}
        self._parked: dict[int, Change] = {}
        self._writing = 0
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self._reading: Shared[int, None] = Shared()

    @property
    def mailbox_id(self) -> int:
        """The mailbox's id in storage."""
        return self.state.mailbox_id

    @contextmanager
    def opening(self, takes: bool) -> Iterator[None]:
        """A session opens it, one of the `takers` or not."""
        self.takers += takes
        if takes:
            self.state.recency.is_ignored = False
        try:
            yield
        finally:
            self.takers -= takes

    # -------------------------------------------------------------- watching

    def watch(self, session: object, changed: Watcher | None) -> None:
        """Call `changed` after each change made by others than `session`; None ends it."""
        if changed is None:
            self._watchers.pop(session, None)
        else:
            self._watchers[session] = changed

    def _notify(self, source: object = None) -> None:
        for session, changed in list(self._watchers.items()):
            if session is not source:
                changed()

    # -------------------------------------------------------------- changes

    def begin_write(self) -> None:
        """A write of this process is on its way; `end_write` when its answer is there."""
        self._writing += 1

    def end_write(self) -> None:
        """The answer of a write is there; now it is applied, and `settle` called."""
        self._writing -= 1

    def apply(self, change: Change, source: object = None) -> bool:
        """Take in a write of this process, done by `source`; whether it is in the state now.

        False means that something before it is missing: `settle` gets it.
        """
        state = self.state
        if change.modseq <= state.highest_modseq:
            return True
        if not state.fits(change):
            if len(self._parked) < MAX_PARKED:
                self._parked[change.before] = change
            return False
        state.apply(change)
        self._apply_parked()
        self._wake_waiting()
        self._notify(source)
        return True

    def _apply_parked(self) -> None:
        parked, state = self._parked, self.state
        if not parked:
            return
        while (change := parked.pop(state.highest_modseq, None)) is not None:
            state.apply(change)
        for before, change in list(parked.items()):
            if change.modseq <= state.highest_modseq:
                del parked[before]

    def mark_deleted(self) -> None:
        """The mailbox was deleted."""
        if not self.state.is_deleted:
            self.state.is_deleted = True
            self._wake_waiting(all_of_them=True)
            self._notify()

    # -------------------------------------------------------------- catching up

    async def settle(self, modseq: int) -> None:
        """Wait until the state reaches `modseq`, reading what is missing if need be."""
        if not self._writing:
            # Nothing is on its way any more that could bring what the others wait for.
            self._wake_waiting(all_of_them=True)
        if self.state.highest_modseq >= modseq:
            return
        if self._writing:
            await self._wait_for(modseq)
        for _ in range(_ATTEMPTS):
            if self.state.highest_modseq >= modseq or self.state.is_deleted:
                return
            # A read that was under way may have begun before the change was made.
            await self.catch_up()
        self.log.warn(
            "mailbox {mailbox} does not reach modseq {modseq}: it is at {highest}",
            mailbox=self.mailbox_id,
            modseq=modseq,
            highest=self.state.highest_modseq,
        )

    async def catch_up(self) -> None:
        """Read what happened since; all who ask at the same time share one round trip."""
        await self._reading.get(self.mailbox_id, self._read)

    async def see_everything(self) -> None:
        """Know all that had happened when this was called: a read that is under way already
        may have begun before."""
        if self._reading:
            await self.catch_up()
        await self.catch_up()

    async def gone_after(self, since: int, among: NumberSet) -> Vanished:
        """Which UIDs of `among` went after modseq `since`; no round trip when this process has
        seen it all, else one."""
        known = self.state.gone_after(since)
        if known is not None:
            return Vanished(known & among)
        return await self._mailboxes.vanished(self.mailbox_id, since, among)

    def _wait_for(self, modseq: int) -> "Deferred[None]":
        waiter: Deferred[None] = Deferred()
        entry = (modseq, waiter)
        self._waiting.append(entry)

        def give_up() -> None:
            if not waiter.called:
                waiter.callback(None)

        timer = self._clock.callLater(PATIENCE, give_up)

        def end(result: None) -> None:
            if timer.active():
                timer.cancel()
            if entry in self._waiting:
                self._waiting.remove(entry)
            return result

        waiter.addBoth(end)
        return waiter

    def _wake_waiting(self, all_of_them: bool = False) -> None:
        if self._waiting:
            for modseq, waiter in list(self._waiting):
                # Who is woken runs at once, and may wake others of the list.
                due = all_of_them or modseq <= self.state.highest_modseq
                if due and not waiter.called:
                    waiter.callback(None)

    async def _read(self) -> None:
        state = self.state
        before = state.highest_modseq
        try:
            changes = await self._mailboxes.changes(
                self.mailbox_id, before, state.keywords.known, self._taker
            )
            self._turns.heard(self.mailbox_id, changes.turn)
            if changes.mailbox.uidvalidity != state.uidvalidity:
                # It was deleted and restored: what clients know of it counts no longer.
                self.mark_deleted()
                return
            if changes.complete:
                state.update(changes)
            else:
                await self._begin_anew(rewound=changes.is_lost)
        except NoSuchMailbox:
            self.mark_deleted()
            return
        self._apply_parked()
        self._wake_waiting()
        if state.highest_modseq != before:
            self._notify()

    @property
    def _taker(self) -> UUID | None:
        """Who takes the turn with what is read: this process, when sessions wait for it."""
        return self._turns.process_id if self.wants_turn else None

    @property
    def wants_turn(self) -> bool:
        """Whether sessions would say what is \\Recent, and may not."""
        recency = self.state.recency
        return self.takers > 0 and not recency.is_ours and not recency.is_ignored

    def keeps_waiting(self, now: float) -> bool:
        """Whether messages have waited for too long for a session to learn of them; the turn is
        then better elsewhere, until one does."""
        state, recency = self.state, self.state.recency
        if not state.uids or state.uids[-1] <= (recency.known or 0):
            recency.waits_since = None
        elif recency.waits_since is None:
            recency.waits_since = now
        elif now - recency.waits_since >= ATTENTION:
            recency.is_ignored = True
        return recency.is_ignored

    async def _begin_anew(self, rewound: bool) -> None:
        """Open the mailbox again: the log of storage does not reach back to what is known."""
        for _ in range(_ATTEMPTS):
            opened = await self._open()
            # What was applied here meanwhile must not be lost, or live messages would be
            # taken for expunged ones.
            if rewound or opened.mailbox.highest_modseq >= self.state.highest_modseq:
                self.state.replace(opened, rewound)
                self._parked.clear()
                return

    async def _open(self) -> Opened:
        listing = await self._mailboxes.list(self.state.account_id)
        for mailbox in listing.mailboxes:
            if mailbox.id == self.mailbox_id:
                opened = await self._mailboxes.open(
                    self.state.account_id, mailbox.name, self._taker
                )
                self._turns.heard(opened.mailbox.id, opened.turn)
                if opened.mailbox.id == self.mailbox_id:
                    return opened
        raise NoSuchMailbox()
