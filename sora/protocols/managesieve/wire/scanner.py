"""The grammar of commands (RFC 5804 §4): one method for each rule, over one complete command.

A scanner stands at a position of the command's octets, literals included. Each method takes what
its rule describes and moves behind it, or raises BadSyntax with a sentence about what was
expected; it never waits.
"""

import re
from typing import Final

from sora.errors import BadSyntax

MAX_NUMBER: Final = (1 << 32) - 1
MAX_QUOTED: Final = 1024
"""octets between the quotes (§4, quoted)"""

_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{0,63}(?= |\Z)")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r\n")
_NUMBER = re.compile(rb"0|[1-9]\d{0,19}")


class Scanner:
    """A position in a command."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.data)

    def word(self) -> bytes:
        """The word of a command, in capitals."""
        return self._take(_WORD, "The word of a command")[0].upper()

    def space(self) -> None:
        """SP"""
        if self.data[self.position : self.position + 1] != b" ":
            raise self._error("A space and an argument are missing")
        self.position += 1

    def end(self) -> None:
        """CRLF: nothing more may come."""
        if not self.at_end:
            raise self._error("There is more than the command takes,")

    def octets(self) -> bytes:
        """string = quoted / literal"""
        if self.data[self.position : self.position + 1] == b"{":
            return self._literal()
        found = self._take(_QUOTED, "A string")[1]
        if len(found) > MAX_QUOTED:
            raise self._error("A longer string has to be a literal; it ends")
        return _ESCAPED.sub(rb"\1", found) if b"\\" in found else found

    def string(self) -> str:
        """string, in UTF-8"""
        try:
            return self.octets().decode("utf-8")
        except UnicodeDecodeError:
            raise self._error("A string is not UTF-8; it ends") from None

    def number(self) -> int:
        """number: 32 bits, without leading zeros"""
        number = int(self._take(_NUMBER, "A number")[0])
        if number > MAX_NUMBER:
            raise self._error("A number is too large; it ends")
        return number

    def _literal(self) -> bytes:
        size = int(self._take(_LITERAL, "A literal")[1])
        start, self.position = self.position, self.position + size
        if self.position > len(self.data):
            raise self._error("A literal is incomplete")
        return self.data[start : self.position]

    def _take(self, pattern: "re.Pattern[bytes]", what: str) -> "re.Match[bytes]":
        found = pattern.match(self.data, self.position)
        if found is None:
            raise self._error(f"{what} is missing")
        self.position = found.end()
        return found

    def _error(self, sentence: str) -> BadSyntax:
        return BadSyntax(f"{sentence} at octet {self.position + 1} of the command")
