"""What one session reads of the messages of its mailbox: columns, octets, and what is kept of both
for all sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import Final

from twisted.internet.defer import Deferred

from sora.mail.flags import SEEN
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.mailbox.columns import Columns
from sora.mailbox.orders import Orders
from sora.mailbox.state import MailboxState
from sora.mailbox.view import View
from sora.storage.interfaces import IMessages
from sora.storage.rows import BodyPlace, Column, ColumnSet, Read, StoredMessage, Want

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

    @property
    def octets(self) -> int:
        """About how much memory all of it takes."""
        return self.texts.octets + self.orders.octets + self.places.octets


class Reading:
    """Reads in the selected mailbox of one session.

    `marks` says whether \\Seen may be set, and `mark_and_read` reads with a statement that sets
    it, and has the others told.
    """

    def __init__(
        self,
        messages: IMessages,
        bodies: Bodies,
        kept: Kept,
        state: MailboxState,
        view: View,
        marks: Callable[[], bool],
        mark_and_read: Callable[[NumberSet, frozenset[Want]], Awaitable[Read]],
    ) -> None:
        self._messages = messages
        self._bodies = bodies
        self._kept = kept
        self._state = state
        self._view = view
        self._marks = marks
        self._mark_and_read = mark_and_read
        self._last_number = 0

    async def read(
        self, uids: Sequence[int], wants: frozenset[Want], see: bool
    ) -> "AsyncIterator[Sequence[StoredMessage]]":
        """Read columns, in batches of at most 1,000 messages, ascending; those that are gone
        are absent. One round trip a batch. With `see`, \\Seen is set by the same statement
        where it was missing (never when read-only); the view knows the new flags before the
        batch is handed out, and tells of them unless the caller does."""
        for start in range(0, len(uids), MAX_BATCH):
            batch = uids[start : start + MAX_BATCH]
            yield await self._read_batch(batch, wants, see)

    async def _read_batch(
        self, uids: Sequence[int], wants: frozenset[Want], see: bool
    ) -> Sequence[StoredMessage]:
        messages, mailbox_id = self._messages, self._state.mailbox_id
        mask = self._view.mask
        unseen = see and self._marks() and any(not (mask(uid) or 0) & SEEN for uid in uids)
        if not unseen:
            if wants in _PLACES:
                return await self._read_places(uids, wants)
            answer = await messages.read(mailbox_id, few_ranges(self._view, uids), wants)
            return answer.messages
        answer = await self._mark_and_read(few_ranges(self._view, uids), wants)
        if wants in _PLACES:
            known = [row.uid for row in answer.messages]
            self._kept.places.put(mailbox_id, wants, known, answer.messages)
        return answer.messages

    async def _read_places(
        self, uids: Sequence[int], wants: frozenset[Want]
    ) -> Sequence[StoredMessage]:
        """Where bodies are; no round trip for those that were asked for before.

        A place may be out of date, since uploads move contents: `Bodies` asks anew for one
        under which nothing is found.
        """
        mailbox_id, places = self._state.mailbox_id, self._kept.places
        there = [uid for uid in uids if self._state.index(uid) >= 0]
        following = self._following(there[0]) if len(there) == 1 else []
        known = places.get(mailbox_id, wants, there)
        missing = [uid for uid, row in zip(there, known, strict=True) if row is None]
        if not missing:
            return [row for row in known if row is not None]
        ranges = few_ranges(self._view, [*missing, *following])
        answer = await self._messages.read(mailbox_id, ranges, wants)
        read = [row.uid for row in answer.messages]
        places.put(mailbox_id, wants, read, answer.messages)
        if len(missing) == len(there) == len(read):
            return answer.messages
        rows = {row.uid: row for row in (*answer.messages, *known) if row is not None}
        return [rows[uid] for uid in there if uid in rows]

    def _following(self, uid: int) -> list[int]:
        """What a client will ask for next that asks for one message at a time, each a few
        numbers after the one before: their places are read with the one that is asked for."""
        number = self._view.number(uid)
        step, self._last_number = number - self._last_number, number
        if not 0 < step <= MAX_STEP or number == step:
            return []
        last = min(number + READ_AHEAD * step, self._view.exists)
        return [self._view.uid(later) for later in range(number + step, last + 1, step)]

    async def columns(self, uids: Sequence[int], wanted: Sequence[Column]) -> ColumnSet:
        """Read columns of at most 1,000 messages. One round trip."""
        ranges = few_ranges(self._view, uids)
        return await self._messages.columns(self._state.mailbox_id, ranges, wanted)

    def kept(self, column: Hashable, uids: Sequence[int]) -> list[bytes | None]:
        """Texts of messages that were kept with `keep`, in the order of the ascending `uids`;
        None for those that are not known. Whether the messages are still there, the view says.
        """
        return self._kept.texts.get(self._state.mailbox_id, column, uids)

    def keep(self, column: Hashable, uids: Sequence[int], texts: Sequence[bytes]) -> None:
        """Keep texts that never change, for all sessions; `uids` ascending."""
        self._kept.texts.put(self._state.mailbox_id, column, uids, texts)

    async def body(self, message: StoredMessage, start: int, end: int) -> bytes:
        """The octets [start, end) of a message's content (the trace is not in it).

        `message` was read with Want.BODY. Raises Unavailable (G8).
        """
        return await self._bodies.read(_place(message), start, end)

    async def bodies(self, messages: Sequence[StoredMessage]) -> list[bytes | Exception]:
        """Whole contents of several small messages at once, for reading ahead."""
        return await self._bodies.read_many([_place(message) for message in messages])

    async def stream(
        self,
        message: StoredMessage,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """Hand the octets [start, end) of a content to `deliver` in pieces; for large ones."""
        await self._bodies.stream(_place(message), start, end, deliver)


def few_ranges(view: View, uids: Sequence[int]) -> NumberSet:
    """UIDs that a client knows of as a set with few ranges: a UID between two neighbours belongs
    to no message, and will never do."""
    if len(uids) > 1:
        first, last = view.number(uids[0]), view.number(uids[-1])
        if first and last - first + 1 == len(uids):
            return NumberSet(((uids[0], uids[-1]),))
    return NumberSet.ascending(uids)


def _octets_of_place(message: StoredMessage) -> int:
    """About how much memory a message takes that was read with `Want.BODY`."""
    return _OCTETS_OF_PLACE + len(message.trace or b"") + len(message.parts or "")


def _place(message: StoredMessage) -> BodyPlace:
    assert message.body is not None, "the message was read with Want.BODY"
    return message.body
