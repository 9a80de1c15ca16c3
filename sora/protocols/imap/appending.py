"""The messages that APPEND and REPLACE bring: their grammar, their limits, their making.

    append-message = [SP flag-list] [SP date-time] SP append-data
    append-data    = literal / literal8 / utf8-literal /
                     "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    cat-part       = "TEXT" SP literal / "URL" SP astring / utf8-literal
    utf8-literal   = "UTF8" SP "(" literal8 ")"

RFC 3502 allows several of them, RFC 4469 CATENATE, RFC 3516 literal8, RFC 6855 UTF8. Every
literal of a message is streamed into a spool, and in the command's text an empty one stands for
it. What the command says is therefore read twice: as it comes, up to each literal when that one is
offered, so that limits are checked before any `+` (G37), and as a whole when all have come.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from sora.errors import BadSyntax, EmptyMessage, TooBig, TooMany
from sora.mail.flags import Flags, parse_flags
from sora.mailbox.appending import NewMessage
from sora.mailbox.spool import Spool
from sora.protocols.imap.catenating import MESSAGES_OF_FULL_SIZE, Catenation
from sora.protocols.imap.command import Taking
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.urls import MessageURL, read_message_url

MAX_MESSAGES: Final = 500
"""how many messages one command may bring"""
MAX_TEXT: Final = 128 * 1024
"""octets of a command beside its messages"""
MAX_URLS: Final = 500
"""how many URLs one command may name"""


@frozen
class Text:
    """A literal: the spool at this place among those of the command."""

    place: int


@frozen
class Link:
    """A URL of CATENATE, as it was sent."""

    url: bytes


@frozen
class Incoming:
    """A message as the command describes it; `parts` are put together. `is_literal8` says that it
    is one literal8, which may bring NULs."""

    flags: Flags
    internal_date: datetime | None
    parts: Sequence[Text | Link]
    is_literal8: bool = False


class Reading:
    """Reads the messages of a command as it comes: it stands still where a literal may come that
    is not there yet, and goes on from there."""

    def __init__(self, scan: Scanner, dialect: Dialect, at_most: int) -> None:
        self._scan = scan
        self._dialect = dialect
        self._steps = self._messages(at_most)
        self.messages: list[Incoming] = []
        self.parts: list[Text | Link] = []
        """those of the message that is being read"""
        self.plain = False
        """whether that message is a literal without CATENATE"""
        self._is_literal8 = False
        self._literals = 0
        self._urls = 0

    def go_on(self, text: bytes) -> Taking | None:
        """Read on in the command, of which so much has come. Gives how a literal at its end is
        taken, None when there may be none: then all messages are read."""
        self._scan.data = text
        return next(self._steps, None)

    def _messages(self, at_most: int) -> Iterator[Taking]:
        """append-message, repeated up to `at_most` times, to the end of the command."""
        while True:
            self._scan.space()
            yield from self._message()
            if self._scan.at_end or len(self.messages) >= at_most:
                return

    def _message(self) -> Iterator[Taking]:
        scan = self._scan
        flags = Flags()
        self.parts, self.plain, self._is_literal8 = [], False, False
        if scan.peek() == b"(":
            flags = parse_flags(scan.flag_list())
            scan.space()
        internal_date: datetime | None = None
        if scan.peek() == b'"':
            internal_date = scan.date_time()
            scan.space()
        if self._dialect.has(b"CATENATE") and scan.skip(b"CATENATE"):
            scan.space()
            yield from self._parts()
        else:
            self.plain = True
            yield from self._text()
        self.messages.append(
            Incoming(flags, internal_date, self.parts, self.plain and self._is_literal8)
        )

    def _parts(self) -> Iterator[Taking]:
        """ "(" cat-part *(SP cat-part) ")" """
        scan = self._scan
        scan.open()
        while True:
            if scan.skip(b"URL"):
                scan.space()
                yield from self._url()
            else:
                if scan.skip(b"TEXT"):
                    scan.space()
                elif not self._has_utf8:
                    raise scan.error("TEXT or URL is missing")
                yield from self._text()
            if scan.close():
                return
            scan.space()

    def _url(self) -> Iterator[Taking]:
        if self._scan.at_end:
            yield Taking.MEMORY
        self._urls += 1
        if self._urls > MAX_URLS:
            raise TooMany(f"A command may name {MAX_URLS} URLs")
        self.parts.append(Link(self._scan.astring()))

    @property
    def _has_utf8(self) -> bool:
        """Whether a utf8-literal comes next."""
        scan = self._scan
        start = scan.position
        found = self._dialect.has(b"UTF8=ACCEPT") and scan.skip(b"UTF8 (")
        scan.position = start
        return found

    def _text(self) -> Iterator[Taking]:
        """literal / literal8 / utf8-literal; the octets of all are kept alike"""
        scan = self._scan
        is_utf8 = self._has_utf8 and scan.skip(b"UTF8 (")
        if scan.at_end:
            yield Taking.STREAM
        self._is_literal8 = scan.peek() == b"~"
        scan.literal8()
        self.parts.append(Text(self._literals))
        self._literals += 1
        if is_utf8:
            scan.expect(b")")


def read_messages(scan: Scanner, dialect: Dialect, at_most: int) -> list[Incoming]:
    """The messages of a complete command."""
    reading = Reading(scan, dialect, at_most)
    if reading.go_on(scan.data) is not None:
        raise BadSyntax("A message is missing")
    return reading.messages


def most_messages(dialect: Dialect) -> int:
    """How many messages one APPEND may bring."""
    return MAX_MESSAGES if dialect.has(b"MULTIAPPEND") else 1


def taking_of(scan: Scanner, size: int, session: Session, at_most: int) -> Taking:
    """How a literal is taken that comes at the end of this text.

    Raises EmptyMessage, TooBig, TooMany, and what the text before it is wrong with.
    """
    if len(scan.data) > MAX_TEXT:
        raise TooBig(f"A command may have {MAX_TEXT} octets beside its messages")
    reading = session.literals.reading
    if not isinstance(reading, Reading):
        reading = session.literals.reading = Reading(scan, session.dialect, at_most)
    taking = reading.go_on(scan.data)
    if taking is None:
        raise scan.error("There is more than the command takes,")
    if taking is Taking.STREAM:
        _check_size(reading, size, session)
    return taking


def _check_size(reading: Reading, size: int, session: Session) -> None:
    limits, spools = session.limits, session.literals.spools
    if size == 0 and reading.plain:
        # RFC 3502 §6.3.11: also the way to cancel the command.
        raise EmptyMessage("A message without an octet cannot be appended")
    before = sum(spools[part.place].size for part in reading.parts if isinstance(part, Text))
    if before + size > limits.message:
        raise TooBig(f"A message may have {limits.message} octets")
    if spools.size + size > MESSAGES_OF_FULL_SIZE * limits.message:
        raise TooBig(
            f"The messages of a command may have {MESSAGES_OF_FULL_SIZE * limits.message} octets"
        )


async def made(incoming: Sequence[Incoming], session: Session) -> list[NewMessage]:
    """The messages, put together where CATENATE says so.

    Raises BadURL, EmptyMessage, TooBig, Unavailable.
    """
    catenation = Catenation(session)
    # All URLs are looked at before anything is read.
    urls = [
        [_url(part, session) for part in message.parts if isinstance(part, Link)]
        for message in incoming
    ]
    messages = []
    for message, links in zip(incoming, urls, strict=True):
        spool = await _whole(message, links, catenation, session)
        if message.is_literal8:
            spool = await session.account.appending.storable(spool, session.literals.spools.new)
        messages.append(NewMessage(message.flags, message.internal_date, spool))
    return messages


def _url(link: Link, session: Session) -> MessageURL:
    selected = None if session.selected is None else session.selected.name
    return read_message_url(link.url, selected)


async def _whole(
    message: Incoming, links: Sequence[MessageURL], catenation: Catenation, session: Session
) -> Spool:
    spools = session.literals.spools
    if len(message.parts) == 1 and isinstance(first := message.parts[0], Text):
        whole = spools[first.place]
    else:
        left = iter(links)
        pieces = [
            spools[part.place] if isinstance(part, Text) else next(left) for part in message.parts
        ]
        whole = await catenation.of(pieces)
    if not whole.size:
        raise EmptyMessage("A message without an octet cannot be appended")
    return whole
