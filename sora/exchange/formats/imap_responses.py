"""Responses of an IMAP server (RFC 3501 §7), as a client reads them: octets in, responses out.

A response is a list of lists, as its parentheses are: atoms and strings are bytes, NIL is None.
Where a literal is offered to a `sink` that takes it, what the sink has made of it stands in its
place, so that a large message is never in memory. All is bounded: a response without its taken
literals, and its depth.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Protocol

from attrs import frozen

from sora.errors import BadSyntax

MAX_RESPONSE: Final = 16 * 1024 * 1024
"""octets: a SEARCH that finds a million messages has half of it"""
MAX_DEPTH: Final = 50
_LITERAL: Final = re.compile(rb"~?\{([0-9]{1,19})\+?\}\Z")
_TOKEN: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|([()])|((?:\[[^\]]*\]|[^\s()"\[\]])+|\])| +')
_FOR_PEOPLE: Final = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")
"""what is followed by text that need not be IMAP"""
_ESCAPED: Final = re.compile(rb"\\(.)")
_DATE: Final = re.compile(
    rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z"
)
_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct",
    b"nov", b"dec")  # fmt: skip


class Sink(Protocol):
    """Takes the octets of a literal."""

    def write(self, data: bytes) -> None:
        """The next octets."""


Offer = Callable[[bytes, int], "Sink | None"]
"""Given what came before in the response and the size of a literal: what takes it, if anything."""


@frozen
class Response:
    """A response: the first words of its line, and all of them as a tree."""

    tag: bytes
    words: list[Any]
    text: bytes
    """the line, without its literals"""

    @property
    def kind(self) -> bytes:
        """What it tells, in capitals: `LIST`, `FETCH`, `OK`."""
        place = 1 if len(self.words) > 1 and _is_number(self.words[0]) else 0
        word = self.words[place] if len(self.words) > place else b""
        return word.upper() if isinstance(word, bytes) else b""

    @property
    def code(self) -> list[bytes]:
        """The words of a response code (§7.1), `UIDVALIDITY 7`; none when there is none."""
        found = re.match(rb"\S+ \S+ \[([^\]]*)\]", self.text)
        return [] if found is None else found[1].split()


class ResponseReader:
    """Octets in, responses out. `offer` is asked for each literal. Raises BadSyntax: nothing that
    comes later can be understood."""

    def __init__(self, offer: Offer = lambda before, size: None) -> None:
        self._offer = offer
        self._buffer = bytearray()
        self._parts: list[bytes | Sink] = []
        self._size = 0
        self._left = 0
        self._sink: Sink | None = None

    def receive(self, data: bytes) -> Iterator[Response]:
        """The responses that are complete with this."""
        self._buffer += data
        while True:
            if self._left:
                if not self._take():
                    return
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                self._bound(len(self._buffer))
                return
            line = bytes(self._buffer[: end + 1]).rstrip(b"\r\n")
            del self._buffer[: end + 1]
            self._bound(len(line))
            literal = _LITERAL.search(line)
            self._size += len(line)
            if literal is not None:
                self._begin(line[: literal.start()], int(literal[1]))
                continue
            self._parts.append(line)
            parts, self._parts, self._size = self._parts, [], 0
            yield _response(parts)

    def _begin(self, before: bytes, size: int) -> None:
        self._parts.append(before)
        self._sink = self._offer(before, size)
        self._left = size
        if self._sink is None:
            self._bound(size)
            self._size += size
            self._sink = _Memory()
        self._parts.append(self._sink)

    def _take(self) -> bool:
        """Give what is there of a literal to its sink; whether it is complete."""
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if piece and self._sink is not None:
            self._sink.write(piece)
        return not self._left

    def _bound(self, more: int) -> None:
        if self._size + more > MAX_RESPONSE:
            raise BadSyntax("A response of the server is longer than can be")


class _Memory:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data


def _response(parts: list[Any]) -> Response:
    tag, _, rest = parts[0].partition(b" ")
    text = b"".join(part for part in parts if isinstance(part, bytes))
    words = rest.split(b" ", 1)
    if tag == b"+" or words[0].upper() in _FOR_PEOPLE:
        return Response(tag, [words[0]], text)
    return Response(tag, _tree([rest, *parts[1:]]), text)


def _tree(parts: list[Any]) -> list[Any]:
    root: list[Any] = []
    stack = [root]
    for part in parts:
        if not isinstance(part, bytes):
            stack[-1].append(bytes(part.data) if isinstance(part, _Memory) else part)
            continue
        position = 0
        while position < len(part):
            found = _TOKEN.match(part, position)
            if found is None:
                raise BadSyntax(f"The server said what is no IMAP: {part[position:][:60]!r}")
            position = found.end()
            quoted, paren, atom = found[1], found[2], found[3]
            if quoted is not None:
                stack[-1].append(_ESCAPED.sub(rb"\1", quoted))
            elif paren == b"(":
                stack[-1].append([])
                stack.append(stack[-1][-1])
                if len(stack) > MAX_DEPTH:
                    raise BadSyntax("The server's parentheses are too deep")
            elif paren == b")":
                if len(stack) == 1:
                    raise BadSyntax("The server's parentheses do not match")
                stack.pop()
            elif atom is not None:
                stack[-1].append(None if atom.upper() == b"NIL" else atom)
    if len(stack) != 1:
        raise BadSyntax("The server's parentheses do not match")
    return root


def attributes(items: Any) -> dict[bytes, Any]:
    """`(UID 5 FLAGS (…))` -> a dictionary, with names in capitals."""
    if not isinstance(items, list):
        return {}
    names = [name.upper() if isinstance(name, bytes) else b"" for name in items[::2]]
    return dict(zip(names, items[1::2], strict=False))


def number(value: Any) -> int | None:
    """A number, or None for what is none."""
    return int(value) if isinstance(value, bytes) and _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, bytes) and value.isdigit() and len(value) < 20


def date_time(value: Any) -> datetime | None:
    """`17-Jul-1996 02:44:25 -0700` in its zone; None for what is no such thing."""
    found = _DATE.match(value) if isinstance(value, bytes) else None
    if found is None or found[2].lower() not in _MONTHS:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        return datetime(
            int(found[3]),
            _MONTHS.index(found[2].lower()) + 1,
            int(found[1]),
            int(found[4]),
            int(found[5]),
            min(int(found[6]), 59),  # a leap second
            tzinfo=timezone(-offset if found[7] == b"-" else offset),
        )
    except (ValueError, OverflowError):
        return None
