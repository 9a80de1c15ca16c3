"""The grammar of commands (RFC 3501 §9): one method for each rule, over one complete command.

A scanner stands at a position of the command's octets, literals included. Each method takes
what its rule describes and moves behind it, or raises BadSyntax with a sentence about what
was expected; it never waits. Its docstring is the rule.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, TypeVar

from sora.errors import BadSyntax
from sora.mail.numbers import MAX_NUMBER, SequenceSet
from sora.protocols.imap.wire.dates import read_date, read_date_time
from sora.protocols.imap.wire.names import decode_name, read_mailbox, read_pattern

MAX_DEPTH: Final = 50
"""how deep parentheses may be nested"""
MAX_ITEMS: Final = 10_000
"""how many items a parenthesised list may have"""

SAVED: Final = SequenceSet((), is_saved=True)
"""`$`: the result of the last search that was saved (RFC 5182)"""

T = TypeVar("T")

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
# `]` is a resp-special and no atom-char, but clients do put it into astrings (RFC 3501 §9).
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_ITEM = re.compile(rb"[A-Za-z0-9.\-]+")
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+")
_LIST_PATTERN = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r\n")
_LITERAL8 = re.compile(rb"~?\{(\d{1,12})\+?\}\r\n")
_NUMBER = re.compile(rb"\d{1,20}")
_SEQUENCE_SET = re.compile(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")


class Scanner:
    """A position in a command; `utf8` says that names of mailboxes are UTF-8 (RFC 6855 §3)."""

    __slots__ = ("_depth", "data", "position", "utf8")

    def __init__(self, data: bytes, position: int = 0, *, utf8: bool = False) -> None:
        self.data = data
        self.position = position
        self.utf8 = utf8
        self._depth = 0

    # ---------------------------------------------------------- looking and moving

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.data)

    def peek(self) -> bytes:
        """The next octet, empty at the end."""
        return self.data[self.position : self.position + 1]

    def skip(self, text: bytes) -> bool:
        """Move behind `text` if it comes next, in any case."""
        end = self.position + len(text)
        if self.data[self.position : end].upper() == text:
            self.position = end
            return True
        return False

    def expect(self, text: bytes) -> None:
        """`text` has to come next, in any case."""
        if not self.skip(text):
            raise self.error(f"{text.decode()!r} is missing")

    def error(self, sentence: str) -> BadSyntax:
        """An error that says where it is."""
        return BadSyntax(f"{sentence} at octet {self.position + 1} of the command")

    def _take(self, pattern: "re.Pattern[bytes]", what: str) -> bytes:
        found = pattern.match(self.data, self.position)
        if found is None:
            raise self.error(f"{what} is missing")
        self.position = found.end()
        return found[0]

    # ---------------------------------------------------------- rules

    def tag(self) -> bytes:
        """tag = 1*<any ASTRING-CHAR except "+">"""
        return self._take(_TAG, "A tag")

    def space(self) -> None:
        """SP"""
        if self.data[self.position : self.position + 1] != b" ":
            raise self.error("A space is missing")
        self.position += 1

    def end(self) -> None:
        """CRLF: nothing more may come."""
        if self.position < len(self.data):
            raise self.error("There is more than the command takes,")

    def rest(self) -> bytes:
        """All that is left."""
        start, self.position = self.position, len(self.data)
        return self.data[start:]

    def atom(self) -> bytes:
        """atom = 1*ATOM-CHAR"""
        return self._take(_ATOM, "An atom")

    def word(self) -> bytes:
        """atom, for words of the protocol: in capitals"""
        return self._take(_ATOM, "A word").upper()

    def item_name(self) -> bytes:
        """The name of an item, in capitals: `BODY.PEEK` of `BODY.PEEK[]`"""
        return self._take(_ITEM, "The name of an item").upper()

    def astring(self) -> bytes:
        """astring = 1*ASTRING-CHAR / string"""
        if self.data[self.position : self.position + 1] in (b'"', b"{"):
            return self.string()
        return self._take(_ASTRING, "A string")

    def string(self) -> bytes:
        """string = quoted / literal"""
        if self.data[self.position : self.position + 1] == b'"':
            return self.quoted()
        return self.literal()

    def nstring(self) -> bytes | None:
        """nstring = string / nil"""
        if self.peek() in (b'"', b"{"):
            return self.string()
        self.expect(b"NIL")
        return None

    def quoted(self) -> bytes:
        """quoted = DQUOTE *QUOTED-CHAR DQUOTE"""
        text = self._take(_QUOTED, "A quoted string")[1:-1]
        return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text

    def literal(self) -> bytes:
        """literal = "{" number ["+"] "}" CRLF *CHAR8"""
        octets = self._literal(_LITERAL)
        if 0 in octets:
            raise self.error("A literal has a NUL")
        return octets

    def literal8(self) -> bytes:
        """literal / literal8 = "~{" number ["+"] "}" CRLF *OCTET (RFC 3516)"""
        return self._literal(_LITERAL8)

    def _literal(self, pattern: "re.Pattern[bytes]") -> bytes:
        found = pattern.match(self.data, self.position)
        if found is None:
            raise self.error("A string is missing")
        end = found.end() + int(found[1])
        if end > len(self.data):
            raise self.error("A literal is cut off")
        self.position = end
        return self.data[found.end() : end]

    def number(self) -> int:
        """number = 1*DIGIT, below 4,294,967,296"""
        value = int(self._take(_NUMBER, "A number"))
        if value > MAX_NUMBER:
            raise self.error("A number is larger than 32 bits")
        return value

    def nz_number(self) -> int:
        """nz-number = digit-nz *DIGIT, below 4,294,967,296"""
        value = self.number()
        if value == 0:
            raise self.error("A number may not be zero")
        return value

    def number64(self) -> int:
        """number64 = 1*DIGIT, below 2^63 (RFC 9051 §9)"""
        value = int(self._take(_NUMBER, "A number"))
        if value >= 1 << 63:
            raise self.error("A number is larger than 63 bits")
        return value

    def sequence_set(self) -> SequenceSet:
        """sequence-set = (seq-number / seq-range) *("," sequence-set) / "$" (RFC 5182 §3)"""
        if self.peek() == b"$":
            self.position += 1
            return SAVED
        text = self._take(_SEQUENCE_SET, "A set of numbers")
        ranges: list[tuple[int | None, int | None]] = []
        for part in text.split(b","):
            low, colon, high = part.partition(b":")
            first = self._number_or_star(low)
            ranges.append((first, self._number_or_star(high) if colon else first))
        return SequenceSet(tuple(ranges))

    def _number_or_star(self, text: bytes) -> int | None:
        if text == b"*":
            return None
        value = int(text) if len(text) <= 10 else MAX_NUMBER + 1
        if not 0 < value <= MAX_NUMBER:
            raise self.error("A set has a number that is zero or larger than 32 bits")
        return value

    @property
    def has_sequence_set(self) -> bool:
        """Whether a sequence-set comes next."""
        return self.peek() == b"$" or _SEQUENCE_SET.match(self.data, self.position) is not None

    def flag(self) -> str:
        """flag = "\\Answered" / ... / flag-keyword / flag-extension"""
        return self._take(_FLAG, "A flag").decode("ascii")

    def flag_list(self) -> list[str]:
        """flag-list = "(" [flag *(SP flag)] ")" """
        return self.parenthesised(self.flag, may_be_empty=True)

    def mailbox(self) -> str:
        """mailbox = "INBOX" / astring, in modified UTF-7 (RFC 3501 §5.1.3) or UTF-8; normalised"""
        return read_mailbox(self.astring(), self.utf8)

    def mailbox_as_written(self) -> tuple[str, str]:
        """mailbox, and the name as the client wrote it"""
        start = self.position
        name = self.mailbox()
        self.position = start
        return name, decode_name(self.astring(), self.utf8)

    def list_mailbox(self) -> str:
        """list-mailbox = 1*list-char / string"""
        if self.peek() in (b'"', b"{"):
            return read_pattern(self.string(), self.utf8)
        return read_pattern(self._take(_LIST_PATTERN, "A mailbox pattern"), self.utf8)

    def date(self) -> date:
        """date = date-text / DQUOTE date-text DQUOTE"""
        text = self.quoted() if self.peek() == b'"' else self.atom()
        return read_date(text)

    def date_time(self) -> datetime:
        """date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE"""
        return read_date_time(self.quoted())

    def parenthesised(self, item: Callable[[], T], may_be_empty: bool = False) -> list[T]:
        """ "(" item *(SP item) ")" """
        self.open()
        items: list[T] = []
        if may_be_empty and self.close():
            return items
        while True:
            items.append(item())
            if self.close():
                return items
            if len(items) >= MAX_ITEMS:
                raise self.error(f"A list has more than {MAX_ITEMS} items")
            self.space()

    def open(self) -> None:
        """ "(", not nested too deeply"""
        self.expect(b"(")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"Parentheses are nested more than {MAX_DEPTH} deep")

    def close(self) -> bool:
        """Whether ")" came next; the scanner is behind it then."""
        if self.data[self.position : self.position + 1] == b")":
            self.position += 1
            self._depth -= 1
            return True
        return False
