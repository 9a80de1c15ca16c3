"""One mailbox, opened by one session."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import Final, ParamSpec, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sora.deferreds import shielded
from sora.errors import NoSuchMailbox, NotPermitted, ReadOnly, SoraError
from sora.mail.flags import SEEN, Keywords
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, FLAG_RIGHTS, Rights, may_change, permitted
from sora.mailbox.bodies import Bodies
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.columns import Columns
from sora.mailbox.crossing import Crossing
from sora.mailbox.finding import Finding
from sora.mailbox.open_mailbox import OpenMailbox
from sora.mailbox.open_mailboxes import Made, OpenMailboxes
from sora.mailbox.orders import Orders
from sora.mailbox.places import Place, Places
from sora.mailbox.rights import WRITING, as_told, require, rights_in
from sora.mailbox.state import Change
from sora.mailbox.view import NOTHING, Updates, View
from sora.storage.interfaces import IMessages
from sora.storage.rows import (
    Appended,
    BodyPlace,
    Column,
    ColumnSet,
    Copied,
    Expunged,
    FlagChange,
    Moved,
    Operation,
    Read,
    Replaced,
    Stored,
    StoredMessage,
    Want,
)

MAX_BATCH: Final = 1000
"""Messages that are read with one statement."""
_PLACES: Final = (
    frozenset({Want.BODY}),
    frozenset({Want.BODY, Want.PARTS}),
)
"""What is kept of messages whose bodies are read; header blocks are too large."""
READ_AHEAD: Final = 16
"""Places that are read ahead for a client that reads one message after the other."""
MAX_STEP: Final = 32
"""Numbers between messages that count as one after the other."""
_OCTETS_OF_PLACE: Final = 1200

P = ParamSpec("P")
T = TypeVar("T")


class Kept:
    """What was read of messages and never changes; one for the whole process.

    `texts` are answers as the protocol writes them, by names of its own; `places` are messages
    read with `Want.BODY`; `orders` are those of large mailboxes. Together they take at most
    `memory` octets.
    """

    def __init__(self, memory: int) -> None:
        self.texts: Columns[bytes] = Columns(memory * 5 // 8, len)
        self.orders = Orders(memory // 8)
        self.places: Columns[StoredMessage] = Columns(memory // 4, _octets_of_place)


@frozen
class Rooms:
    """What an open mailbox is worked with; one for the whole process."""

    messages: IMessages
    bodies: Bodies
    open_mailboxes: OpenMailboxes
    kept: Kept
    crossing: Crossing
    poll: ChangePoll | None = None


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
        mailbox: OpenMailbox,
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
        self.keywords: Keywords = state.keywords
        self.made: Made | None = None
        """see `open_mailboxes.Source`"""
        self._rooms = rooms
        self._mailbox = mailbox
        self._rights_told = self.rights
        self._new_operation = new_operation
        self._closed = False
        self._last_number = 0

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
            return ALL
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
        if self._rooms.poll is not None:
            await self._rooms.poll.refresh(self._mailbox)
        elif not self._rooms.open_mailboxes.alone:
            await self._mailbox.see_everything()

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
        stored = await self._write(
            self._rooms.messages.store(
                self._state.mailbox_id,
                self._ranges(uids),
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
            return await self._write(copied, self._after_copy)

        return await self._transfer(copying, uids, place)

    async def move(self, uids: Sequence[int], destination: str) -> Moved:
        """Move to a mailbox by name; the view tells what is gone with the next updates. It needs
        the rights to mark as deleted and to expunge (RFC 6851 §4.2)."""
        self._must_be_writable(Rights.TRASH | Rights.EXPUNGE)
        place = await self._places.find(destination)

        async def moving() -> Moved:
            moved = self._rooms.messages.move(*self._way(uids, place))
            return await self._write(moved, self._after_move)

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

    async def _after_store(self, stored: Stored) -> None:
        self.keywords.learn(stored.keywords)
        changed = stored.changed
        await self._tell(Change(stored.before, stored.modseq, changed.uids, changed.masks))

    async def _after_expunge(self, expunged: Expunged) -> None:
        await self._tell(Change(expunged.before, expunged.modseq, vanished=expunged.vanished))

    async def _after_copy(self, copied: Copied) -> None:
        self._rooms.open_mailboxes.copied(copied, self)

    async def _after_move(self, moved: Moved) -> None:
        self._rooms.open_mailboxes.copied(moved.copied, self)
        await self._after_expunge(moved.expunged)

    async def _after_replace(self, appended: Appended) -> None:
        assert appended.expunged is not None, "a message was taken away"
        await self._after_expunge(appended.expunged)
        self._rooms.open_mailboxes.placed(appended.placed, self)

    async def _tell(self, change: Change) -> None:
        """The state learns of a change of this mailbox; it is in it when this returns (G21).

        The change was committed: that another one cannot be read now is no failure of it (G15). The
        state learns of both with what happens next.
        """
        self._rooms.open_mailboxes.told(self._state.mailbox_id, change, source=self)
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

    def _ranges(self, uids: Sequence[int]) -> NumberSet:
        """The UIDs as a set with few ranges: a UID between two neighbours belongs to no
        message, and will never do."""
        if len(uids) > 1:
            first, last = self.view.number(uids[0]), self.view.number(uids[-1])
            if first and last - first + 1 == len(uids):
                return NumberSet(((uids[0], uids[-1]),))
        return NumberSet.ascending(uids)

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

    async def read(
        self, uids: Sequence[int], wants: frozenset[Want], see: bool
    ) -> "AsyncIterator[Sequence[StoredMessage]]":
        """Read columns, in batches of at most 1,000 messages, ascending; those that are gone
        are absent. One round trip a batch. With `see`, \\Seen is set by the same statement
        where it was missing (never when read-only); the view knows the new flags before the
        batch is handed out, and tells of them unless the caller does."""
        for start in range(0, len(uids), MAX_BATCH):
            batch = uids[start : start + MAX_BATCH]
            yield await self._read_batch(batch, wants, see and Rights.SEE in self.flag_rights)

    async def _read_batch(
        self, uids: Sequence[int], wants: frozenset[Want], see: bool
    ) -> Sequence[StoredMessage]:
        messages, mailbox_id = self._rooms.messages, self._state.mailbox_id
        mask = self.view.mask
        unseen = see and any(not (mask(uid) or 0) & SEEN for uid in uids)
        if not unseen:
            if wants in _PLACES:
                return await self._read_places(uids, wants)
            answer = await messages.read(mailbox_id, self._ranges(uids), wants)
            return answer.messages
        answer = await self._write(
            messages.read(mailbox_id, self._ranges(uids), wants, self._new_operation()),
            self._after_read,
        )
        if wants in _PLACES:
            known = [row.uid for row in answer.messages]
            self._rooms.kept.places.put(mailbox_id, wants, known, answer.messages)
        return answer.messages

    async def _read_places(
        self, uids: Sequence[int], wants: frozenset[Want]
    ) -> Sequence[StoredMessage]:
        """Where bodies are; no round trip for those that were asked for before.

        A place may be out of date, since uploads move contents: `Bodies` asks anew for one
        under which nothing is found.
        """
        mailbox_id, places = self._state.mailbox_id, self._rooms.kept.places
        there = [uid for uid in uids if self._state.index(uid) >= 0]
        following = self._following(there[0]) if len(there) == 1 else []
        known = places.get(mailbox_id, wants, there)
        missing = [uid for uid, row in zip(there, known, strict=True) if row is None]
        if not missing:
            return [row for row in known if row is not None]
        ranges = self._ranges([*missing, *following])
        answer = await self._rooms.messages.read(mailbox_id, ranges, wants)
        read = [row.uid for row in answer.messages]
        places.put(mailbox_id, wants, read, answer.messages)
        if len(missing) == len(there) == len(read):
            return answer.messages
        rows = {row.uid: row for row in (*answer.messages, *known) if row is not None}
        return [rows[uid] for uid in there if uid in rows]

    def _following(self, uid: int) -> list[int]:
        """What a client will ask for next that asks for one message at a time, each a few
        numbers after the one before: their places are read with the one that is asked for."""
        number = self.view.number(uid)
        step, self._last_number = number - self._last_number, number
        if not 0 < step <= MAX_STEP or number == step:
            return []
        last = min(number + READ_AHEAD * step, self.view.exists)
        return [self.view.uid(later) for later in range(number + step, last + 1, step)]

    async def columns(self, uids: Sequence[int], wanted: Sequence[Column]) -> ColumnSet:
        """Read columns of at most 1,000 messages. One round trip."""
        ranges = self._ranges(uids)
        return await self._rooms.messages.columns(self._state.mailbox_id, ranges, wanted)

    def kept(self, column: Hashable, uids: Sequence[int]) -> list[bytes | None]:
        """Texts of messages that were kept with `keep`, in the order of the ascending `uids`;
        None for those that are not known. Whether the messages are still there, the view says.
        """
        return self._rooms.kept.texts.get(self._state.mailbox_id, column, uids)

    def keep(self, column: Hashable, uids: Sequence[int], texts: Sequence[bytes]) -> None:
        """Keep texts that never change, for all sessions; `uids` ascending."""
        self._rooms.kept.texts.put(self._state.mailbox_id, column, uids, texts)

    async def _after_read(self, read: Read) -> None:
        if read.stored is not None:
            await self._after_store(read.stored)

    async def body(self, message: StoredMessage, start: int, end: int) -> bytes:
        """The octets [start, end) of a message's content (the trace is not in it).

        `message` was read with Want.BODY. Raises Unavailable (G8).
        """
        return await self._rooms.bodies.read(_place(message), start, end)

    async def bodies(self, messages: Sequence[StoredMessage]) -> list[bytes | Exception]:
        """Whole contents of several small messages at once, for reading ahead."""
        return await self._rooms.bodies.read_many([_place(message) for message in messages])

    async def stream(
        self,
        message: StoredMessage,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """Hand the octets [start, end) of a content to `deliver` in pieces; for large ones."""
        await self._rooms.bodies.stream(_place(message), start, end, deliver)

    async def close(self) -> None:
        """The session leaves the mailbox. Nothing is expunged."""
        if not self._closed:
            self._closed = True
            self._mailbox.watch(self, None)
            self._rooms.open_mailboxes.release(self._mailbox, takes=not self._examined)


def _octets_of_place(message: StoredMessage) -> int:
    """About how much memory a message takes that was read with `Want.BODY`."""
    return _OCTETS_OF_PLACE + len(message.trace or b"") + len(message.parts or "")


def _place(message: StoredMessage) -> BodyPlace:
    assert message.body is not None, "the message was read with Want.BODY"
    return message.body
