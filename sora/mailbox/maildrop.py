"""A maildrop: INBOX as one POP3 session sees it (RFC 1939 §3, §5).

The list is made at login and does not change: numbers, sizes and unique ids mean the same until
the end, whatever other sessions do. What they remove is refused when it is asked for; what
arrives is for the next session. What this session does takes place at its end, at once or not
at all: messages are marked as seen and removed by one statement, and only while the session
still has its lease (`sora.mailbox.maildrops`). A session that breaks off leaves no trace.

Messages with \\Deleted, which an IMAP client has set, are in the list like all others: the flag
can be taken back, and no mail is to be missed for it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from sora.deferreds import deferred, shielded
from sora.errors import NoSuchMessage, Superseded
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies, Deliver
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.read_ahead import Allowance, Group, ReadAhead
from sora.mailbox.retrieval import SMALL, ByPlace, Large, Retrieval, Whole
from sora.mailbox.state import Change
from sora.storage.interfaces import IMaildrops, IMessages
from sora.storage.rows import (
    BodyPlace,
    Column,
    MaildropBody,
    MaildropClosed,
    MaildropOpened,
    Operation,
)


class Hold(Protocol):
    """What a session holds its maildrop by: `sora.mailbox.maildrops` implements it."""

    async def end(
        self, mailbox_id: int, seen: NumberSet, gone: NumberSet, operation: Operation
    ) -> MaildropClosed:
        """See `IMaildrops.quit`."""

    async def let_go(self) -> None:
        """Give it back and change nothing. Doing it again, or after `end`, does nothing."""


@frozen
class MaildropRooms:
    """What maildrops are worked with; one for the whole process."""

    maildrops: IMaildrops
    messages: IMessages
    bodies: Bodies
    open_mailboxes: OpenMailboxes
    allowance: Allowance


@frozen
class Ended:
    """What became of a session's deletions: `removed` messages by it, `gone` ones before it."""

    removed: int
    gone: int


class Maildrop:
    """The list, and what the session has marked in it. Messages have numbers from 1.

    `is_superseded` becomes true when the lease was lost.
    """

    def __init__(
        self,
        rooms: MaildropRooms,
        opened: MaildropOpened,
        hold: Hold,
        new_operation: Callable[[], Operation],
        *,
        marks_seen: bool,
    ) -> None:
        """`marks_seen` says whether messages that were retrieved become \\Seen."""
        self.uidvalidity = opened.uidvalidity
        self.is_superseded = False
        self._rooms = rooms
        self._mailbox_id = opened.mailbox_id
        self._uids = opened.uids
        self._sizes = opened.sizes
        self._hold = hold
        self._new_operation = new_operation
        self._marks_seen = marks_seen
        self._deleted = bytearray(len(opened.uids))
        self._seen: set[int] = set()
        self._messages = Retrieval(self, self._read_places, rooms.bodies, rooms.allowance)
        self._headers: ReadAhead[bytes] = ReadAhead(
            _OfHeaders(self), self._read_headers, rooms.allowance
        )
        self.count = len(opened.uids)
        """messages that are not marked as deleted"""
        self.octets = sum(opened.sizes)
        """and their octets"""

    # ------------------------------------------------------------ the list

    def numbers(self) -> Iterator[int]:
        """The numbers of the messages that are not marked as deleted."""
        deleted = self._deleted
        return (place + 1 for place in range(len(deleted)) if not deleted[place])

    def size(self, number: int) -> int:
        """The octets of a message as RETR sends them, without what is stuffed."""
        return int(self._sizes[self._place(number)])

    def uid(self, number: int) -> int:
        """The UID of a message."""
        return int(self._uids[self._place(number)])

    def is_listed(self, number: int) -> bool:
        """Whether it is a message that is not marked as deleted."""
        return 1 <= number <= len(self._deleted) and not self._deleted[number - 1]

    def delete(self, number: int) -> None:
        """Mark a message as deleted."""
        place = self._place(number)
        self._deleted[place] = 1
        self.count -= 1
        self.octets -= self._sizes[place]

    def reset(self) -> None:
        """No message is marked as deleted any more."""
        self._deleted = bytearray(len(self._uids))
        self.count, self.octets = len(self._uids), sum(self._sizes)

    def _place(self, number: int) -> int:
        if self.is_superseded:
            raise Superseded("Another session has this maildrop by now")
        if not 1 <= number <= len(self._uids):
            raise NoSuchMessage(f"There is no message {number}")
        if self._deleted[number - 1]:
            raise NoSuchMessage(f"Message {number} is marked as deleted")
        return number - 1

    # ------------------------------------------------------------ order: see `read_ahead`

    def following(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        found = self._deleted.find(0, place)
        return found if found >= 0 else None

    def preceding(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        found = self._deleted.rfind(0, 0, place + 1)
        return found if found >= 0 else None

    def cost(self, place: int) -> int:
        """See `read_ahead.Ordered`."""
        size = int(self._sizes[place])
        return size if size <= SMALL else 0

    # ------------------------------------------------------------ messages

    def message_at_hand(self, number: int) -> Whole | Large | None:
        """A message, if it was read ahead or can be had at once; None says nothing.

        Raises NoSuchMessage.
        """
        return self._messages.take(self._place(number))

    async def message(self, number: int) -> Whole | Large:
        """A message. At most one round trip, none for what was read ahead.

        Raises NoSuchMessage, also for one that another session has removed; Unavailable.
        """
        return await self._messages.get(self._place(number))

    def next_message(self) -> tuple[int, Whole | Large] | None:
        """The client has the message that it asked for: read ahead. Gives the number of the one
        that it asks for next when it goes on, and that one, if it is there."""
        following = self._messages.look_ahead()
        return None if following is None else (following[0] + 1, following[1])

    def header_at_hand(self, number: int) -> bytes | None:
        """The header of a message, with its trace and the empty line. As `message_at_hand`."""
        return self._headers.take(self._place(number))

    async def header(self, number: int) -> bytes:
        """The same. As `message`."""
        return await self._headers.get(self._place(number))

    def next_header(self) -> tuple[int, bytes] | None:
        """As `next_message`."""
        self._headers.look_ahead()
        place = self._headers.upcoming()
        header = None if place is None else self._headers.known(place)
        return None if place is None or header is None else (place + 1, header)

    async def part(self, body: BodyPlace, start: int, end: int) -> bytes:
        """The octets [start, end) of a large message without its trace. Raises Unavailable."""
        return await self._rooms.bodies.read(body, start, end)

    async def stream(self, body: BodyPlace, start: int, deliver: Deliver) -> None:
        """Hand the octets of a large message from `start` on to `deliver`. Raises Unavailable."""
        await self._rooms.bodies.stream(body, start, body.size, deliver)

    def retrieved(self, number: int) -> None:
        """The client has a message now."""
        if self._marks_seen:
            self._seen.add(number - 1)

    @deferred
    async def _read_places(self, places: Sequence[int]) -> Group[MaildropBody]:
        found = await self._rooms.maildrops.bodies(self._mailbox_id, self._set(places))
        return ByPlace(self._uids, found)

    @deferred
    async def _read_headers(self, places: Sequence[int]) -> Group[bytes]:
        place_of = {self._uids[place]: place for place in places}
        read = await self._rooms.messages.columns(
            self._mailbox_id, self._set(places), [Column.HEADER]
        )
        headers = read.values[Column.HEADER]
        return {place_of[uid]: header for uid, header in zip(read.uids, headers, strict=True)}

    def _set(self, places: Sequence[int]) -> NumberSet:
        """UIDs as a set with few ranges: between two neighbours there is no message."""
        ranges: list[tuple[int, int]] = []
        last = -2
        for place in places:
            uid = int(self._uids[place])
            if place == last + 1:
                ranges[-1] = (ranges[-1][0], uid)
            else:
                ranges.append((uid, uid))
            last = place
        return NumberSet(tuple(ranges))

    # ------------------------------------------------------------ the end

    async def quit(self) -> Ended:
        """Mark what was retrieved as seen, remove what is marked as deleted, and give the lease
        back: one round trip. It takes place whether or not somebody waits for it.

        Raises Superseded, when nothing was changed; OutcomeUnknown, Unavailable.
        """
        self._forget()
        return await shielded(Deferred.fromCoroutine(self._quit()))

    async def _quit(self) -> Ended:
        deleted = [place for place in range(len(self._deleted)) if self._deleted[place]]
        seen = sorted(place for place in self._seen if not self._deleted[place])
        closed = await self._hold.end(
            self._mailbox_id, self._set(seen), self._set(deleted), self._new_operation()
        )
        tell = self._rooms.open_mailboxes.announce.changed
        if (stored := closed.stored) is not None:
            states = stored.changed
            change = Change(stored.before, stored.modseq, states.uids, states.masks)
            tell(self._mailbox_id, change)
        removed = 0
        if (expunged := closed.expunged) is not None:
            change = Change(expunged.before, expunged.modseq, vanished=expunged.vanished)
            tell(self._mailbox_id, change)
            removed = len(expunged.vanished)
        return Ended(removed, len(deleted) - removed)

    async def leave(self) -> None:
        """The session is over without QUIT: nothing is changed, and the lease is given back.
        After `quit` it does nothing."""
        self._forget()
        await self._hold.let_go()

    def _forget(self) -> None:
        self._messages.forget()
        self._headers.forget()


@frozen
class _OfHeaders:
    """The same order; headers of large messages are mostly small, but need not be."""

    drop: Maildrop

    def following(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        return self.drop.following(place)

    def preceding(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        return self.drop.preceding(place)

    def cost(self, place: int) -> int:
        """See `read_ahead.Ordered`."""
        return self.drop.cost(place) or SMALL
