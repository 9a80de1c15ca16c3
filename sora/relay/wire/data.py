"""A message as DATA transports it (RFC 5321 §4.1.1.4, §4.5.2).

Every line ends with CRLF: a lone LF or CR becomes one, since what one server takes for the end of a
line and another one does not is how messages are smuggled. A dot that begins a line gets another
one. Nothing else changes: long lines stay long, and signatures right.
"""

import re
from typing import Final

_ENDS: Final = re.compile(rb"\r\n|\r|\n")


class DataEncoder:
    """Octets come in pieces of any size: `feed` each, then `end` once."""

    def __init__(self) -> None:
        self._has_cr = False  # a CR ended the last piece: a LF may follow
        self._at_start = True  # of a line

    def feed(self, piece: bytes) -> bytes:
        """What is to be sent for the next piece."""
        if not piece:
            return b""
        if self._has_cr:
            piece = b"\r" + piece
        self._has_cr = piece.endswith(b"\r")
        if self._has_cr:
            piece = piece[:-1]
        if not piece:
            return b""
        lines = _ENDS.sub(b"\r\n", piece)
        if self._at_start and lines.startswith(b"."):
            lines = b"." + lines
        self._at_start = lines.endswith(b"\r\n")
        return lines.replace(b"\r\n.", b"\r\n..")

    def end(self) -> bytes:
        """The end of the last line, and the dot."""
        if self._has_cr or not self._at_start:
            return b"\r\n.\r\n"
        return b".\r\n"
