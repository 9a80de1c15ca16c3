"""NOTIFY (RFC 5465)."""

from typing import Final, Self

from attrs import define

from sora.errors import BadArgument, BadSyntax, TooMany
from sora.mail.mailbox_names import name_key
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.commands.fetch import MAX_ITEMS, read_item
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import NO, Answer
from sora.protocols.imap.fetch_items import FetchItem
from sora.protocols.imap.notify_events import (
    BY_WORD,
    MESSAGE_EVENTS,
    Event,
    Group,
    Interest,
    OfSelected,
    Which,
)
from sora.protocols.imap.notifying import Notifying
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner

MAX_GROUPS = 100
"""how many groups of events one NOTIFY may have"""
MAX_NAMES = 1000
"""how many mailboxes it may name"""

BAD_EVENT: Final = b"[BADEVENT (" + b" ".join(event.value.encode() for event in Event) + b")]"
_NEW: Final = Event.MESSAGE_NEW.value.upper().encode()
_WHICH: Final = {
    b"INBOXES": Which.PERSONAL,
    b"PERSONAL": Which.PERSONAL,
    b"SUBSCRIBED": Which.SUBSCRIBED,
    b"SUBTREE": Which.SUBTREE,
    b"MAILBOXES": Which.MAILBOXES,
}


@define
class Notify(Command):
    """NOTIFY SP ("SET" [SP "STATUS"] SP event-group *(SP event-group) / "NONE")"""

    word = b"NOTIFY"
    states = State.LOGGED_IN
    capability = b"NOTIFY"
    answers = {
        BadArgument: Answer(NO, BAD_EVENT),
        TooMany: Answer(NO, b"[NOTIFICATIONOVERFLOW]"),
    }

    interest: Interest
    with_status: bool = False

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        word = scan.word()
        if word == b"NONE":
            return cls(Interest())
        if word != b"SET":
            raise BadSyntax("NOTIFY is followed by SET or NONE")
        with_status = scan.skip(b" STATUS")
        return cls(_Groups(scan, dialect).read(), with_status)

    async def run(self, session: Session) -> bytes | None:
        # §3.1: all that has come together is told, as with NOOP, by what was asked for before.
        if session.selected is not None:
            await session.selected.refresh()
            session.telling.changes(may_expunge=True)
        session.used([item.name for item in self.interest.selected.items])
        notifying = Notifying(session, self.interest)
        await notifying.begin(self.with_status)
        session.telling.notify(notifying)
        return None


class _Groups:
    """Reads event-groups."""

    def __init__(self, scan: Scanner, dialect: Dialect) -> None:
        self._scan = scan
        self._dialect = dialect
        self._selected: OfSelected | None = None
        self._groups: list[Group] = []
        self._names = 0

    def read(self) -> Interest:
        """event-groups = event-group *(SP event-group)"""
        while True:
            self._scan.space()
            self._group()
            if self._scan.at_end:
                break
            if len(self._groups) >= MAX_GROUPS:
                raise TooMany(f"NOTIFY of more than {MAX_GROUPS} groups of events")
        return Interest(self._selected or OfSelected(), tuple(self._groups))

    def _group(self) -> None:
        """event-group = "(" filter-mailboxes SP events ")" """
        scan = self._scan
        scan.open()
        word = scan.word()
        if word in (b"SELECTED", b"SELECTED-DELAYED"):
            if self._selected is not None:
                raise BadSyntax("SELECTED stands twice")
            scan.space()
            events, items = self._events(of_selected=True)
            self._selected = OfSelected(events, word == b"SELECTED-DELAYED", tuple(items))
        else:
            which = _WHICH.get(word)
            if which is None:
                raise BadSyntax(f"{word.decode()} is no choice of mailboxes")
            scan.space()
            names = self._read_names() if which in (Which.SUBTREE, Which.MAILBOXES) else ()
            events, _ = self._events(of_selected=False)
            self._groups.append(Group(which, events, frozenset(names)))
        if not scan.close():
            raise scan.error("A parenthesis is missing")

    def _read_names(self) -> list[str]:
        """one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" """
        scan = self._scan
        names = scan.parenthesised(scan.mailbox) if scan.peek() == b"(" else [scan.mailbox()]
        scan.space()
        self._names += len(names)
        if self._names > MAX_NAMES:
            raise TooMany(f"NOTIFY of more than {MAX_NAMES} names")
        return [name_key(name) for name in names]

    def _events(self, of_selected: bool) -> tuple[frozenset[Event], list[FetchItem]]:
        """events = "(" event *(SP event) ")" / "NONE" """
        scan = self._scan
        if scan.skip(b"NONE"):
            return frozenset(), []
        items: list[FetchItem] = []
        words = scan.parenthesised(lambda: self._event(items if of_selected else None))
        events = {BY_WORD[word] for word in words if word in BY_WORD}
        unknown = [word for word in words if word not in BY_WORD]
        if unknown:
            raise BadArgument(f"There are no events {b' '.join(unknown).decode()}")
        if of_selected and not events <= MESSAGE_EVENTS:
            raise BadSyntax("SELECTED takes events of messages only")
        messages = {Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE}
        if events & MESSAGE_EVENTS and not messages <= events:
            raise BadSyntax("MessageNew and MessageExpunge have to be there both")
        return frozenset(events), items

    def _event(self, items: list[FetchItem] | None) -> bytes:
        """An event's word; what is to be fetched of new messages is added to `items`, which
        are None where that is not possible."""
        scan = self._scan
        word = scan.word()
        if word == _NEW and scan.skip(b" ("):
            scan.position -= 1
            read = scan.parenthesised(lambda: read_item(scan, self._dialect))
            if items is None:
                raise BadSyntax("Items are fetched of the selected mailbox only")
            if len(read) + len(items) > MAX_ITEMS:
                raise BadSyntax(f"NOTIFY of more than {MAX_ITEMS} items")
            items += read
        return word
