"""Messages as POP3 sends them (RFC 1939 §3, §7): each line ends in CRLF, those that begin with a
dot have another one before it, and a line with a dot alone ends it all.

What is stored may have bare line feeds, and a last line without an end; both become CRLF here, and
nowhere else. A bare CR is left as it is. Octets come in pieces of any size and go out in pieces.
All is done with operations over whole buffers: what could be half of a CRLF is held back.
"""

from re import compile as compile_regex
from typing import Final

_LINE_WITH_DOT: Final = compile_regex(rb"\n\.")
"""Found in a third of the time that the search for three octets takes."""
END: Final = b".\r\n"


class LineEnds:
    """Octets in pieces, with CRLF at the end of each line, the last one too."""

    def __init__(self) -> None:
        self._held = b""
        self._is_open = False

    def take(self, piece: bytes) -> bytes:
        """The next octets."""
        if self._held:
            piece = self._held + piece
            self._held = b""
        if piece.endswith(b"\r"):
            piece, self._held = piece[:-1], b"\r"
        if piece:
            self._is_open = not piece.endswith(b"\n")
            if piece.count(b"\n") != piece.count(b"\r\n"):
                piece = piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return piece

    def end(self) -> bytes:
        """The last octets."""
        last = self._held
        return last + b"\r\n" if last or self._is_open else b""


class Dots:
    """Lines in pieces, with a second dot where one begins with a dot. A CR and its LF come in one
    piece."""

    def __init__(self) -> None:
        self._begins_line = True

    def take(self, piece: bytes) -> bytes:
        """The next octets."""
        if not piece:
            return piece
        stuffed = piece.replace(b"\r\n.", b"\r\n..")
        if self._begins_line and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._begins_line = piece.endswith(b"\r\n")
        return stuffed


class Beginning:
    """The header and the first lines of the body (TOP, RFC 1939 §7). Lines end in CRLF.

    `is_complete` becomes true when nothing of what follows is wanted.
    """

    def __init__(self, lines: int) -> None:
        self.is_complete = False
        self._lines = lines
        self._in_header = True
        self._tail = b"\r\n"

    def take(self, piece: bytes) -> bytes:
        """As much of the next octets as is wanted."""
        start = 0
        if self._in_header:
            seen = self._tail + piece
            found = seen.find(b"\r\n\r\n")
            if found < 0:
                self._tail = seen[-3:]
                return piece
            self._in_header = False
            start = found + 4 - len(self._tail)
        end = start
        while self._lines:
            line = piece.find(b"\r\n", end)
            if line < 0:
                return piece
            end = line + 2
            self._lines -= 1
        self.is_complete = True
        return piece[:end]


def whole(message: bytes) -> bytes:
    """A message with CRLF at the end of each line."""
    ends = LineEnds()
    return ends.take(message) + ends.end()


def stuffed(message: bytes) -> bytes:
    """A message whose lines end in CRLF, as it is sent, with its end."""
    if message.startswith(b".") or _LINE_WITH_DOT.search(message):
        message = Dots().take(message)
    return message + END


def beginning(message: bytes, lines: int) -> bytes:
    """The header of a message whose lines end in CRLF, and so many lines of its body."""
    return Beginning(lines).take(message)
