"""What a server of IMAP says, read strictly into Python's values (RFC 3501 §9, RFC 9051 §9).

Strings are `bytes`, NIL is None, numbers and other atoms are `Atom`, lists are lists. What is
not in the grammar raises `ValueError` with the place: a test with these answers checks the
grammar as well.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

_ATOM: Final = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\]]+")
# Not only an atom: BODY[HEADER.FIELDS (From "x y")]<0>, BINARY.SIZE[1.2].
_NAME: Final = re.compile(
    rb"[A-Z0-9.\-]+(?:\[[A-Z0-9.]*(?: \((?:[^()\"\x00-\x1f]|\"(?:[^\"\\\r\n]|\\[\"\\])*\")*\))?\](?:<\d+>)?)?"
)
_QUOTED: Final = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_LITERAL: Final = re.compile(rb"(~?)\{(\d+)\}\r\n")
_ENDS_IN_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n\Z")
_FETCH: Final = re.compile(rb"\* (\d+) FETCH ")

Value = Any
"""None, bytes, Atom, or a list of these"""


class Atom(bytes):
    """An atom or a number; a string is plain bytes."""


class Answers:
    """A position in octets of a server."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self.data = data
        self.place = place

    def error(self, what: str) -> ValueError:
        """What is wrong, and where."""
        around = self.data[max(0, self.place - 60) : self.place + 60]
        return ValueError(f"{what} at octet {self.place}: {around!r}")

    def expect(self, text: bytes) -> None:
        """`text` comes next."""
        if not self.data.startswith(text, self.place):
            raise self.error(f"{text!r} is missing")
        self.place += len(text)

    def value(self) -> Value:
        """An atom, a string, NIL or a list."""
        data = self.data
        if data.startswith(b"(", self.place):
            return self._list()
        found = _QUOTED.match(data, self.place)
        if found:
            self.place = found.end()
            return re.sub(rb"\\(.)", rb"\1", found[1])
        found = _LITERAL.match(data, self.place)
        if found:
            self.place = found.end() + int(found[2])
            if self.place > len(data):
                raise self.error("A literal is cut off")
            text = data[found.end() : self.place]
            if b"\0" in text and not found[1]:
                raise self.error("A literal has a NUL")
            return text
        found = _ATOM.match(data, self.place)
        if not found:
            raise self.error("A value is missing")
        self.place = found.end()
        return None if found[0].upper() == b"NIL" else Atom(found[0])

    def _list(self) -> list[Value]:
        self.expect(b"(")
        values: list[Value] = []
        while not self.data.startswith(b")", self.place):
            # The bodies of a multipart stand without spaces.
            if values and not (isinstance(values[-1], list) and self._opens()):
                self.expect(b" ")
            values.append(self.value())
        self.expect(b")")
        return values

    def _opens(self) -> bool:
        return self.data.startswith(b"(", self.place)

    def items(self) -> dict[bytes, Value]:
        """`(NAME value NAME value)` of FETCH."""
        self.expect(b"(")
        items: dict[bytes, Value] = {}
        while not self.data.startswith(b")", self.place):
            if items:
                self.expect(b" ")
            found = _NAME.match(self.data, self.place)
            if not found:
                raise self.error("The name of an item is missing")
            self.place = found.end()
            self.expect(b" ")
            items[found[0]] = self.value()
        self.expect(b")")
        return items


def fetched(said: bytes) -> dict[int, dict[bytes, Value]]:
    """All FETCH responses of an answer, by message number; items of one message together."""
    found: dict[int, dict[bytes, Value]] = {}
    for line in lines(said):
        head = _FETCH.match(line)
        if head:
            answers = Answers(line, head.end())
            found.setdefault(int(head[1]), {}).update(answers.items())
            answers.expect(b"\r\n")
    return found


def searched(said: bytes) -> list[int]:
    """The numbers of the one SEARCH response of an answer."""
    (line,) = [line for line in lines(said) if line.startswith(b"* SEARCH")]
    return [int(word) for word in line.split()[2:]]


def lines(said: bytes) -> Iterator[bytes]:
    """The responses of an answer, each with its literals and its CRLF."""
    start = place = 0
    while place < len(said):
        end = said.find(b"\n", place)
        if end < 0:
            raise ValueError(f"the last line has no end: {said[place:][:200]!r}")
        place = end + 1
        found = _ENDS_IN_LITERAL.search(said, max(start, place - 20), place)
        if found:
            place += int(found[1])
            continue
        yield said[start:place]
        start = place
