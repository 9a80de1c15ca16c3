"""One mailbox, opened by one session."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sora.deferreds import shielded
from sora.errors import NoSuchMailbox, NotPermitted, ReadOnly, SoraError
from sora.mail.flags import Keywords
from sora.mail.numbers import NumberSet
from sora.mail.rights import FLAG_RIGHTS, Rights, may_change, permitted
from sora.mailbox.announcing import Made
from sora.mailbox.behind import Behind
from sora.mailbox.bodies import Bodies
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.crossing import Crossing
from sora.mailbox.events import Cause, Events, MailboxEvent, Touched, changed_by, copied_by
from sora.mailbox.finding import Finding
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.places import Place, Places
from sora.mailbox.reading import Kept, Reading, few_ranges
from sora.mailbox.rights import WRITING, as_told, require, rights_in
from sora.mailbox.state import Change
from sora.mailbox.updates import NOTHING, Updates
from sora.mailbox.view import View
from sora.storage.interfaces import IMessages
from sora.storage.rows import (
    Appended,
    Copied,
    Expunged,
    FlagChange,
    Moved,
    Operation,
    Read,
    Replaced,
    Stored,
    Want,
)

P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Rooms:
    """What an open mailbox is worked with; one for the whole process."""

    messages: IMessages
    bodies: Bodies
    open_mailboxes: OpenMailboxes
    kept: Kept
    crossing: Crossing
    poll: ChangePoll | None = None
    events: Events | None = None


class Selected:
    """A mailbox as one session sees and changes it.

    Everything a session writes goes through here, so that its own process knows of it at
    once: the shared state is brought up to date, other sessions are woken, and the
    doorbell rings for other processes. `read_only` is EXAMINE: what would write raises
    ReadOnly (G34).

    A write that was sent is never abandoned: when the session is cancelled, the write goes on,
    and the others learn of it.
    """

    log = Logger()

    def __init__(
        self,
        rooms: Rooms,
        mailbox: Behind,
        place: Place,
        read_only: bool,
        new_operation: Callable[[], Operation],
        places: Places,
    ) -> None:
        state = mailbox.state
        self.object_id: str = state.object_id
        self.uidvalidity: int = state.uidvalidity
        self._examined = read_only
        self._place = place
        self._places = places
        self._state = state
        self.view = View(state, self.read_only)
        self.finding = Finding(rooms.messages, rooms.kept.orders, state, self.view)
        self.reading = Reading(
            rooms.messages,
            rooms.bodies,
            rooms.kept,
            state,
            self.view,
            lambda: Rights.SEE in self.flag_rights,
            self._mark_and_read,
        )
        self.keywords: Keywords = state.keywords
        self.made: Made | None = None
        """see `open_mailboxes.Source`"""
        self._rooms = rooms
        self._mailbox = mailbox
        self._rights_told = self.rights
        self._new_operation = new_operation
        self._closed = False

    @property
    def mailbox_id(self) -> int:
        """The mailbox's id in storage."""
        return self._state.mailbox_id

    @property
    def name(self) -> str:
        """The mailbox's name, also after a rename, as this user calls it."""
        return self._place.above + self._state.name

    @property
    def rights(self) -> Rights:
        """What this user may do here now: a change of rights counts with the next command."""
        if self._place.is_own:
            return self._place.most
        state = self._state
        return rights_in(state.acl, state.account_id, self._place.asker)

    @property
    def is_readable(self) -> bool:
        """Whether anything may be told of it: the right to read may be lost at any time (G35)."""
        return Rights.READ in self.rights

    @property
    def flag_rights(self) -> Rights:
        """Which flags can be changed in this session."""
        return Rights.NONE if self._examined else self.rights & FLAG_RIGHTS

    @property
    def may_expunge(self) -> bool:
        """Whether CLOSE expunges: without the right to it leaves silently (RFC 4314 §4)."""
        return not self._examined and Rights.EXPUNGE in self.rights

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed: EXAMINE, or no right to (RFC 4314 §5.2)."""
        return self._examined or not self.rights & WRITING

    @property
    def uidnext(self) -> int:
        """The next UID, as of now."""
        return self._state.uidnext

    @property
    def highest_modseq(self) -> int:
        """The modseq of the last change that is known here."""
        return self._state.highest_modseq

    def since(self, modseq: int) -> int:
        """Up to which modseq the knowledge of a client counts that has all up to `modseq`: 0 when
        that is one of an epoch that was lost (G70)."""
        return 0 if modseq in self._state.lost else modseq

    @property
    def first_unseen(self) -> int:
        """The number of the first message without \\Seen, 0 if there is none.

        It is for the answer of SELECT, when the client knows of everything.
        """
        return self._state.first_unseen

    @property
    def recent(self) -> int:
        """How many messages are \\Recent in this session."""
        return self.view.recent

    @property
    def is_deleted(self) -> bool:
        """Whether the mailbox itself was deleted by somebody."""
        return self._state.is_deleted

    def watch(self, changed: Callable[[], None] | None) -> None:
        """Call `changed` after each change that this view was not told of; None ends it."""
        self._mailbox.watch(self, changed)

    async def refresh(self) -> None:
        """Learn what other processes did (NOOP, CHECK): no round trip when this process
        alone serves the database, else at most one, shared by all that ask."""
        await self._mailbox.refresh()

    def updates(self, may_expunge: bool) -> Updates:
        """What the client has to be told now; no round trip. Nothing when the mailbox may no
        longer be read; the flags that can be changed, when the rights are others (RFC 4314
        §5.1.1)."""
        rights = self.rights
        if Rights.READ not in rights:
            return NOTHING
        updates = self.view.take(may_expunge)
        if rights != self._rights_told:
            self._rights_told = rights
            return evolve(updates, keywords=True)
        return updates

    # -------------------------------------------------------------- writing

    async def store(self, uids: Sequence[int], change: FlagChange, silent: bool) -> Stored:
        """Change flags. One round trip. What `changed` names is told by the caller, or with
        `silent` need not be, unless somebody else has changed it too."""
        change = self._permitted(change)
        if change.unchanged_since and not self.since(change.unchanged_since):
            # Every message has changed since then, for all that is known. (0 would ask for more.)
            change = evolve(change, unchanged_since=1)
        stored = await self._write(
            self._rooms.messages.store(
                self._state.mailbox_id,
                few_ranges(self.view, uids),
                change,
                self._new_operation(),
                self.keywords.known,
            ),
            self._after_store,
        )
        tell_view = self.view.changed_silently if silent else self.view.told
        tell_view(stored.changed.uids, stored.modseq)
        return stored

    async def expunge(self, uids: NumberSet | None = None) -> Expunged:
        """Remove messages that have \\Deleted; the view tells of it with the next updates."""
        self._must_be_writable(Rights.EXPUNGE)
        operation = self._new_operation()
        return await self._write(
            self._rooms.messages.expunge(self._state.mailbox_id, uids, operation),
            self._after_expunge,
        )

    def _permitted(self, change: FlagChange) -> FlagChange:
        """As much of a change as the rights allow; with one flag that may be changed it does not
        fail (RFC 4314 §4)."""
        self._must_be_writable()
        rights = self.flag_rights
        if rights == FLAG_RIGHTS:
            return change
        if not rights or (change.mode != "replace" and not may_change(change.flags, rights)):
            raise NotPermitted(f"You may not change these flags in the mailbox {self.name!r}")
        return evolve(change, flags=permitted(change.flags, rights), rights=rights)

    async def copy(self, uids: Sequence[int], destination: str) -> Copied:
        """Copy to a mailbox by name, which need not be the user's own."""
        place = await self._places.find(destination)

        async def copying() -> Copied:
            copied = self._rooms.messages.copy(*self._way(uids, place))
            return await self._write(copied, lambda copied: self._after_copy(copied, place))

        return await self._transfer(copying, uids, place)

    async def move(self, uids: Sequence[int], destination: str) -> Moved:
        """Move to a mailbox by name; the view tells what is gone with the next updates. It needs
        the rights to mark as deleted and to expunge (RFC 6851 §4.2)."""
        self._must_be_writable(Rights.TRASH | Rights.EXPUNGE)
        place = await self._places.find(destination)

        async def moving() -> Moved:
            moved = self._rooms.messages.move(*self._way(uids, place))
            return await self._write(moved, lambda moved: self._after_move(moved, place))

        return await self._transfer(moving, uids, place)

    async def _transfer(
        self, work: Callable[[], Awaitable[T]], uids: Sequence[int], place: Place
    ) -> T:
        """One round trip between accounts that share contents, in which case nothing is carried."""
        carrying = self._rooms.crossing.attempt(
            work, self._state.mailbox_id, uids, place.owner.scope_id
        )
        return await as_told(place.shown, carrying)

    def _way(
        self, uids: Sequence[int], place: Place
    ) -> tuple[int, NumberSet, int, str, Operation, int | None]:
        """From where, what, to where, and who does it where not all is his own."""
        is_own = self._place.is_own and place.is_own
        return (
            self._state.mailbox_id,
            NumberSet.of(uids),
            place.owner.account_id,
            place.name,
            self._new_operation(),
            None if is_own else self._place.asker,
        )

    async def replace(self, uid: int, put: "Callable[[Replaced], Deferred[Appended]]") -> Appended:
        """Have `put` take a message away and bring another one, as one change; the view tells
        what is gone with the next updates. It needs the rights that MOVE needs (RFC 8508 §4.1)."""
        self._must_be_writable(Rights.TRASH | Rights.EXPUNGE)
        return await self._write(put(Replaced(self._state.mailbox_id, uid)), self._after_replace)

    async def _write(self, answer: "Deferred[T]", after: Callable[[T], Awaitable[None]]) -> T:
        return await shielded(Deferred.fromCoroutine(self._written(answer, after)))

    async def _written(self, answer: "Deferred[T]", after: Callable[[T], Awaitable[None]]) -> T:
        self._mailbox.begin_write()
        try:
            result = await answer
        finally:
            self._mailbox.end_write()
        await after(result)
        return result

    async def _mark_and_read(self, uids: NumberSet, wants: frozenset[Want]) -> Read:
        operation = self._new_operation()
        reading = self._rooms.messages.read(self._state.mailbox_id, uids, wants, operation)
        return await self._write(reading, self._after_read)

    async def _after_read(self, read: Read) -> None:
        if read.stored is not None:
            await self._after_store(read.stored)

    async def _after_store(self, stored: Stored) -> None:
        self.keywords.learn(stored.keywords)
        changed = stored.changed
        events, owner = self._rooms.events, self._place.owner
        touched: Sequence[Touched] = ()
        if events is not None and events.concern(owner.account_id, "FLAG"):
            # Now: the state has the flags as they were.
            touched = changed_by(changed, self._state, events.most)
        await self._tell(Change(stored.before, stored.modseq, changed.uids, changed.masks))
        if events is not None and touched:
            events.happened(self._event("FLAG", self._place, self.mailbox_id, touched))

    async def _after_expunge(self, expunged: Expunged) -> None:
        await self._tell(Change(expunged.before, expunged.modseq, vanished=expunged.vanished))

    async def _after_copy(self, copied: Copied, place: Place) -> None:
        self._rooms.open_mailboxes.announce.copied(copied, self)
        events = self._rooms.events
        if events is not None and events.concern(place.owner.account_id, "COPY"):
            touched = copied_by(copied, events.most)
            if touched:
                events.happened(self._event("COPY", place, copied.mailbox_id, touched))

    async def _after_move(self, moved: Moved, place: Place) -> None:
        await self._after_copy(moved.copied, place)
        await self._after_expunge(moved.expunged)

    def _event(
        self, cause: Cause, place: Place, mailbox_id: int, touched: Sequence[Touched]
    ) -> MailboxEvent:
        is_copy = cause == "COPY"
        return MailboxEvent(
            cause,
            place.owner,
            mailbox_id,
            place.name if is_copy else self._state.name,
            self._places.me.address or "",
            touched,
            self.mailbox_id if is_copy else 0,
            self._state.name if is_copy else "",
        )

    async def _after_replace(self, appended: Appended) -> None:
        assert appended.expunged is not None, "a message was taken away"
        await self._after_expunge(appended.expunged)
        self._rooms.open_mailboxes.announce.placed(appended.placed, self)

    async def _tell(self, change: Change) -> None:
        """The state learns of a change of this mailbox; it is in it when this returns (G21).

        The change was committed: that another one cannot be read now is no failure of it (G15). The
        state learns of both with what happens next.
        """
        self._rooms.open_mailboxes.announce.changed(self._state.mailbox_id, change, source=self)
        try:
            await self._mailbox.settle(change.modseq)
        except SoraError as error:
            self.log.info(
                "what happened in mailbox {mailbox} is not known yet: {error}",
                mailbox=self._state.mailbox_id,
                error=error.text,
            )

    def _must_be_writable(self, needed: Rights = Rights.NONE) -> None:
        if self._examined:
            raise ReadOnly(f"The mailbox {self.name!r} is open read-only")
        require(self.rights, needed, self.name)
        if self.is_deleted:
            raise NoSuchMailbox(f"The mailbox {self.name!r} was deleted")

    # -------------------------------------------------------------- reading

    async def beside(self, work: "Callable[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what takes long in a thread, so that others are served meanwhile."""
        return await self._rooms.bodies.threads.run(work, *args, **kwargs)

    async def vanished(self, since: int, among: NumberSet) -> tuple[NumberSet, int]:
        """What a client has to forget that was away since modseq `since` (RFC 7162 §3.2): those
        UIDs of `among` that were expunged after it, and since which modseq the flags that it
        remembers may be wrong. At most one round trip.

        Where the log does not reach back, that is every UID that was ever given out and is not
        there (G28); a modseq of a lost epoch says nothing about flags either (G70). What this
        client has been told is there is never among it: its end is told as news.
        """
        among = among & NumberSet(((1, max(1, self.uidnext - 1)),))
        if not among:
            return among, since
        answer = await self._mailbox.gone_after(since, among)
        gone = among if answer.uids is None else answer.uids
        still_told = NumberSet.ascending(self.view.known_of(gone))
        return gone - still_told, 0 if answer.is_lost else since

    async def close(self) -> None:
        """The session leaves the mailbox. Nothing is expunged."""
        if not self._closed:
            self._closed = True
            self._mailbox.watch(self, None)
            self._mailbox.leave()
