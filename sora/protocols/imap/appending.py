"""The messages that APPEND and REPLACE bring: their grammar, their limits, their making.

    append-message = [SP flag-list] [SP date-time] SP append-data
    append-data    = literal / literal8 / utf8-literal /
                     "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    cat-part       = "TEXT" SP literal / "URL" SP astring / utf8-literal
    utf8-literal   = "UTF8" SP "(" literal8 ")"

RFC 3502 allows several of them, RFC 4469 CATENATE, RFC 3516 literal8, RFC 6855 UTF8. Every
literal of a message is streamed into a spool, and in the command's text an empty one stands for
it; what the command says is therefore read twice: up to a literal when that one is offered, so
that limits are checked before any `+` (G37), and as a whole when all have come.
"""

from collections.abc import Sequence
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


class Awaited(BadSyntax):
    """The text ends where a literal may come; `taking` says how it is taken."""

    def __init__(self, taking: Taking) -> None:
        super().__init__("A message is missing")
        self.taking = taking


class Reading:
    """Reads the messages of a command, as far as it has come."""

    def __init__(self, scan: Scanner, dialect: Dialect) -> None:
        self._scan = scan
        self._dialect = dialect
        self.messages: list[Incoming] = []
        self.parts: list[Text | Link] = []
        """those of the message that is being read"""
        self.plain = False
        """whether that message is a literal without CATENATE"""
        self._literals = 0
        self._urls = 0

    def read(self, at_most: int) -> list[Incoming]:
        """append-message, repeated up to `at_most` times, to the end of the command."""
        while True:
            self._scan.space()
            self.messages.append(self._message())
            if self._scan.at_end or len(self.messages) >= at_most:
                return self.messages

    def _message(self) -> Incoming:
        scan = self._scan
        flags = Flags()
        self.parts, self.plain = [], False
        if scan.peek() == b"(":
            flags = parse_flags(scan.flag_list())
            scan.space()
        internal_date: datetime | None = None
        if scan.peek() == b'"':
            internal_date = scan.date_time()
            scan.space()
        if self._dialect.has(b"CATENATE") and scan.skip(b"CATENATE"):
            scan.space()
            scan.parenthesised(self._part)
            return Incoming(flags, internal_date, self.parts)
        self.plain = True
        is_literal8 = scan.peek() == b"~"
        if not self._utf8_literal():
            self._literal()
        return Incoming(flags, internal_date, self.parts, is_literal8)

    def _part(self) -> None:
        scan = self._scan
        if scan.skip(b"TEXT"):
            scan.space()
            self._literal()
        elif scan.skip(b"URL"):
            scan.space()
            if scan.at_end:
                raise Awaited(Taking.MEMORY)
            self._urls += 1
            if self._urls > MAX_URLS:
                raise TooMany(f"A command may name {MAX_URLS} URLs")
            self.parts.append(Link(scan.astring()))
        elif not self._utf8_literal():
            raise scan.error("TEXT or URL is missing")

    def _utf8_literal(self) -> bool:
        """Whether a utf8-literal came next; its octets are kept like those of any other."""
        scan = self._scan
        if not self._dialect.has(b"UTF8=ACCEPT") or not scan.skip(b"UTF8 ("):
            return False
        self._literal()
        scan.expect(b")")
        return True

    def _literal(self) -> None:
        if self._scan.at_end:
            raise Awaited(Taking.STREAM)
        self._scan.literal8()
        self.parts.append(Text(self._literals))
        self._literals += 1


def most_messages(dialect: Dialect) -> int:
    """How many messages one APPEND may bring."""
    return MAX_MESSAGES if dialect.has(b"MULTIAPPEND") else 1


def taking_of(scan: Scanner, size: int, session: Session, at_most: int) -> Taking:
    """How a literal is taken that comes at the end of this text.

    Raises EmptyMessage, TooBig, TooMany, and what the text before it is wrong with.
    """
    reading = Reading(scan, session.dialect)
    try:
        reading.read(at_most)
    except Awaited as awaited:
        taking = awaited.taking
    else:
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
