"""What a session is told that has said NOTIFY (RFC 5465): outside of commands, during IDLE, and
with the answers of commands.

Two sources wake the session: its selected mailbox, and one `Watch` for all other mailboxes. What
has changed is not kept: when the client can be written to, the view says what is new in
the selected mailbox, and one listing what is new in the others. So a client that does not read
costs no memory, and many changes of a mailbox become one STATUS.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from twisted.logger import Logger

from sora.errors import SoraError, TooMany
from sora.mailbox.listing import lines_of
from sora.mailbox.selected import Selected
from sora.mailbox.updates import NOTHING, Updates
from sora.mailbox.watching import News, Watch
from sora.net.ended import ConnectionEnded
from sora.protocols.imap.commands.status import status_line
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.notify_events import (
    Event,
    Interest,
    Mailbox,
    Survey,
    changed_names,
    survey,
)
from sora.protocols.imap.wire.responses import listed, renamed
from sora.protocols.imap.wire.write import astring
from sora.storage.rows import Listing, MailboxRow

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session

MAX_ARRIVALS: Final = 1000
"""new messages whose items are fetched unasked in one go; of the others EXISTS tells"""
ENTRIES: Final = 50
"""annotations in one line, each of at most 1,000 octets"""
OCTETS_EACH: Final = 512
"""about what is kept for a mailbox that it is about"""
TELL_AGAIN: Final = 5.0
"""seconds until something is told that could not be read before"""


class Notifying:
    """What a session has asked for with NOTIFY, and what it was told of that so far."""

    log = Logger()

    def __init__(self, session: "Session", interest: Interest) -> None:
        self.interest = interest
        self._session = session
        self._known = Survey()
        self._arrived: list[int] = []
        self._arrived_in: Selected | None = None
        self._made: set[tuple[int, int]] = set()
        self._watched: Selected | None = None
        self._watch: Watch = session.account.watch(session.wake, self._is_own)

    def _is_own(self, source: object) -> bool:
        return source is not None and source in (self._session.account, self._session.selected)

    @property
    def octets(self) -> int:
        """About what it takes of memory."""
        return OCTETS_EACH * len(self._known.mailboxes) + 8 * len(self._arrived)

    # ---------------------------------------------------------- the command

    async def begin(self, with_status: bool) -> None:
        """Learn which mailboxes it is about, and with `with_status` tell their STATUS (§3.1).

        Raises TooMany when there are too many of them.
        """
        if not self.interest.groups:
            return
        self._watch.begin_reading()
        try:
            listing = await self._session.account.listing()
            self._know(listing)
            self._session.holding.require(self.octets)
        except BaseException:
            self._watch.end()
            raise
        for name in self._known.hidden:
            self._untagged_list(("\\NoAccess",), name)
        if with_status:
            for row, known in self._others(listing):
                self._status(row, self._first_words(known.events))

    def attach(self) -> None:
        """From now on the session tells what this says."""
        self._session.account.made = self._remember

    def end(self) -> None:
        """The session tells something else from now on."""
        self._watch.end()
        self._session.account.made = None
        self._look_at(None)

    def _first_words(self, events: frozenset[Event]) -> list[bytes]:
        words = [b"UIDVALIDITY", b"UIDNEXT", b"MESSAGES"]
        if Event.FLAG_CHANGE in events and self._session.dialect.has(b"CONDSTORE"):
            words.append(b"HIGHESTMODSEQ")
        return words

    def _know(self, listing: Listing) -> None:
        """Take a listing for what the client knows."""
        known = survey(listing, self.interest, self._session.account.is_personal)
        followed = {
            row.id: row.highest_modseq
            for row in listing.mailboxes
            if row.id in known.mailboxes and known.mailboxes[row.id].is_followed
        }
        if len(followed) > self._session.limits.followed:
            raise TooMany(f"{len(followed)} mailboxes are too many to follow")
        annotated = [id for id, one in known.mailboxes.items() if one.is_annotated]
        if len(annotated) > self._session.limits.followed:
            raise TooMany(f"The annotations of {len(annotated)} mailboxes are too many to follow")
        account_id = self._session.account.identity.account_id
        if self.interest.in_server:
            annotated.append(-account_id)
        self._known = known
        accounts = dict.fromkeys(known.accounts, 0)
        accounts[account_id] = listing.version
        self._watch.follow(followed, accounts, annotated)

    def _others(self, listing: Listing) -> Iterator[tuple[MailboxRow, Mailbox]]:
        """The mailboxes that STATUS tells of: the selected one has its own events (§3.1)."""
        selected = self._session.selected
        for row in listing.mailboxes:
            known = self._known.mailboxes.get(row.id)
            is_selected = selected is not None and row.id == selected.mailbox_id
            if known is not None and known.is_followed and not is_selected:
                yield row, known

    # ---------------------------------------------------------- the selected mailbox

    def updates(self, selected: Selected, may_expunge: bool) -> Updates:
        """What of the news of the selected mailbox the client wants to be told; the rest stays
        untold (§3.1), but for what its own command has expunged."""
        wanted = self.interest.selected.events
        command = self._session.in_hand
        if command is not None and command.expunges:
            return selected.updates(may_expunge)
        if Event.MESSAGE_NEW not in wanted:
            return NOTHING
        known = selected.view.uids
        last = known[-1] if known else 0
        updates = selected.updates(may_expunge)
        if updates.exists is not None and self.interest.selected.items:
            uids = selected.view.uids
            self._note(selected, uids[bisect_right(uids, last) :])
        if Event.FLAG_CHANGE not in wanted:
            updates = evolve(updates, flags=(), keywords=False)
        return updates

    def _note(self, selected: Selected, uids: Sequence[int]) -> None:
        """New messages whose items are to be fetched; not those of its own making (§5.2)."""
        if self._arrived_in is not selected:
            self._arrived_in, self._arrived = selected, []
        room = MAX_ARRIVALS - len(self._arrived)
        mailbox_id = selected.mailbox_id
        others = [uid for uid in uids if (mailbox_id, uid) not in self._made]
        self._arrived += others[:room]
        self._made.clear()

    def _remember(self, mailbox_id: int, uids: Sequence[int]) -> None:
        """The session itself has put messages somewhere."""
        selected = self._session.selected
        if selected is not None and selected.mailbox_id == mailbox_id:
            self._made.update((mailbox_id, uid) for uid in uids)

    def _look_at(self, selected: Selected | None) -> None:
        if self._watched is not None and self._watched is not selected:
            self._watched.watch(None)
            self._watched.made = None
        self._watched = selected
        self._watch.mute(None if selected is None else selected.mailbox_id)
        if selected is not None:
            selected.watch(self._session.wake)
            selected.made = self._remember

    # ---------------------------------------------------------- telling

    async def next_event(self) -> Any:
        """What the client sends next; until then it is told what happens. Raises ConnectionEnded;
        TimedOut."""
        session = self._session
        seconds = session.connection.clock.seconds
        left = session.limits.idle_timeout
        while True:
            event = session.connection.take_event()
            if event is not None:
                return event
            await self.tell(idles=False)
            if session.is_ending:
                raise ConnectionEnded
            began = seconds()
            wait = min(left, TELL_AGAIN) if self._watch.has_news else left
            event = await session.event_or_change(wait)
            if event is not None:
                return event
            left -= seconds() - began
            if left <= 0:
                raise session.connection.timed_out()

    async def tell(self, idles: bool) -> bool:
        """Tell what there is, when no command is in hand, or with `idles` IDLE. Gives whether
        that was anything."""
        session = self._session
        self._look_at(session.selected)
        # §6.1.2: with SELECTED-DELAYED only a command lets EXPUNGE be sent.
        told = session.telling.changes(may_expunge=idles or not self.interest.selected.delayed)
        if session.is_ending:
            return told
        await session.telling.rest()
        told = await session.telling.contexts() or told
        if self._arrived:
            told = True
            await self._fetch()
        if self._watch.has_news:
            told = await self._tell_others() or told
        if self._watch.has_annotated:
            told = self._tell_annotated() or told
        await session.drain()
        return told

    async def _fetch(self) -> None:
        uids, self._arrived = self._arrived, []
        session = self._session
        if session.selected is not self._arrived_in:
            return
        try:
            await Fetching(session, self.interest.selected.items, by_uid=True).answer(uids)
        except SoraError as error:
            self._could_not(error)

    def _could_not(self, error: SoraError) -> None:
        self.log.info(
            "session {session}: a notification failed: {error}",
            session=self._session.id,
            error=error.text,
        )

    async def _tell_others(self) -> bool:
        news = self._watch.begin_reading()
        before = self._known
        behind = self._watch.is_behind
        try:
            listing = await self._session.account.listing()
            late = {row.id for row in listing.mailboxes if behind(row.id, row.highest_modseq)}
            self._know(listing)
        except TooMany:
            self._overflow()
            return True
        except SoraError as error:
            self._watch.give_back(news)
            self._could_not(error)
            return False
        told = self._tell_names(before, listing, news)
        for row, now in self._others(listing):
            old = before.mailboxes.get(row.id)
            if old is None or not old.is_followed:
                # It came to be followed just now, empty as far as the client knows.
                words = self._news_words(evolve(now, messages=0, uidnext=1, unseen=0), now, False)
            else:
                words = self._news_words(old, now, True) if row.id in late else []
            if words:
                self._status(row, words)
                told = True
        return told

    def _tell_annotated(self) -> bool:
        """§5.6, §5.7: which entries have changed, not what to."""
        if self._watch.has_too_many:
            self._overflow()
            return True
        told = False
        for place, entries in self._watch.take_annotated().items():
            mailbox = self._known.mailboxes.get(place)
            if place < 0 or (mailbox is not None and mailbox.is_annotated):
                name = b'""' if mailbox is None else self._session.spelled(mailbox.name)
                names = [astring(entry.name.encode("ascii")) for entry in entries]
                for start in range(0, len(names), ENTRIES):
                    line = b" ".join((b"METADATA", name, *names[start : start + ENTRIES]))
                    self._session.untagged(line)
                told = True
        return told

    def _overflow(self) -> None:
        """§5.8: from now on it is as after NOTIFY NONE."""
        self.interest = Interest()
        self._known = Survey()
        self._watch.end()
        self._session.untagged(b"OK [NOTIFICATIONOVERFLOW] There is too much to follow")
        self._session.services.idle.overflows.inc()

    def _tell_names(self, before: Survey, listing: Listing, news: News) -> bool:
        if news.names and not news.by_others:
            return False  # it was the client itself
        is_personal = self._session.account.is_personal
        names = changed_names(before, self._known, self.interest, is_personal)
        lines = lines_of(listing, [one.name for one in names])
        for one, line in zip(names, lines, strict=True):
            self._untagged_list(line.attributes, one.name, one.old)
        return bool(names)

    def _news_words(self, old: Mailbox, now: Mailbox, is_late: bool) -> list[bytes]:
        """The items of STATUS that are due for a mailbox (§5.1 to §5.3); `is_late`: something
        has changed in it, if only its flags."""
        words: list[bytes] = []
        flags = Event.FLAG_CHANGE in now.events
        if (old.messages, old.uidnext) != (now.messages, now.uidnext):
            words += [b"UIDNEXT", b"MESSAGES"]
        if flags and old.unseen != now.unseen:
            words.append(b"UNSEEN")
        if self._session.enabled.condstore and (words or (flags and is_late)):
            words.append(b"HIGHESTMODSEQ")
        return [b"UIDVALIDITY", *words] if words else []

    def _status(self, row: MailboxRow, words: Sequence[bytes]) -> None:
        self._session.untagged(status_line(row, row.name, words, self._session))

    def _untagged_list(self, attributes: Sequence[str], name: str, old: str | None = None) -> None:
        spelled = self._session.spelled
        line = (
            listed(b"LIST", attributes, spelled(name))
            if old is None
            else renamed(spelled(name), spelled(old), attributes)
        )
        self._session.untagged(line)
