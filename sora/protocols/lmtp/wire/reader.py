"""LMTP's octets to events: lines, and messages as chunks (RFC 5321 §4.5.2, RFC 3030).

The reader is in one of three modes. It begins with lines; `expect_data` makes it read a
message that ends with a dot, `expect_octets` one of a known size; after either it is back at
lines by itself.

*Dots.* A message ends with CRLF "." CRLF and with nothing else: a dot between bare line feeds
is text, so that two programs that disagree about line ends cannot be made to see two messages
where there is one. Everything is done with operations over whole buffers. Within what was
received, the first CRLF "." CRLF is the end, because every line of the message that begins
with a dot has a second one; before it, CRLF "." loses its dot. The message is treated as if a
CRLF stood before it, so its first line is no special case. What could be the beginning of an
end (at most four octets) is held back until more comes.

*Bounds.* A line has at most `MAX_LINE` octets. Of a longer one nothing is kept: it becomes
one `LongLine` when its end comes. Chunks are handed on as they come; the reader holds no
message.
"""

from typing import Final

from attrs import frozen

MAX_LINE: Final = 4096
"""octets of a command line with its CRLF; RFC 5321 §4.5.3.1.4 asks for 512 and more for
extensions"""

_END: Final = b"\r\n.\r\n"
_HELD: Final = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")


@frozen
class Line:
    """A command line without its line end."""

    text: bytes


@frozen
class LongLine:
    """A line that was too long, and was forgotten."""


@frozen
class Chunk:
    """A part of a message as it is to be stored; `last` is True for its last part, which may
    be empty."""

    data: bytes
    last: bool


Event = Line | LongLine | Chunk


class LMTPReader:
    """Octets in, events out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0
        self._too_long = False
        self._in_data = False
        self._skip = 0
        self._octets: int | None = None

    @property
    def buffered(self) -> int:
        """How many octets are held."""
        return len(self._buffer) - self._start

    def receive(self, data: bytes) -> None:
        """Take octets as they came."""
        if self._start < len(self._buffer):
            self._buffer = self._buffer[self._start :] + data
        else:
            self._buffer = data
        self._start = 0
        if self._too_long:
            self._forget_line()

    def next_event(self) -> Event | None:
        """The next event, or None when more octets are needed for one."""
        if self._in_data:
            return self._data()
        if self._octets is not None:
            return self._sized(self._octets)
        return self._line()

    def discard(self) -> None:
        """Forget what was received and not read (STARTTLS)."""
        self._buffer, self._start, self._too_long = b"", 0, False

    def expect_data(self) -> None:
        """What follows is a message that ends with a dot."""
        self._buffer = b"\r\n" + self._buffer[self._start :]
        self._start = 0
        self._skip = 2
        self._in_data = True

    def expect_octets(self, size: int) -> None:
        """What follows is a part of a message, of `size` octets (BDAT)."""
        self._octets = size

    def _line(self) -> Line | LongLine | None:
        end = self._buffer.find(b"\n", self._start)
        if end < 0:
            if self.buffered >= MAX_LINE:
                self._too_long = True
                self._forget_line()
            return None
        start, self._start = self._start, end + 1
        if self._too_long or end + 1 - start > MAX_LINE:
            self._too_long = False
            return LongLine()
        if end > start and self._buffer[end - 1] == 13:
            end -= 1
        return Line(self._buffer[start:end])

    def _forget_line(self) -> None:
        """Keep of a line that is too long only its end."""
        end = self._buffer.find(b"\n", self._start)
        self._start = len(self._buffer) if end < 0 else end

    def _data(self) -> Chunk | None:
        buffer, start = self._buffer, self._start
        end = buffer.find(_END, start)
        if end >= 0:
            piece = buffer[start : end + 2]
            self._start = end + len(_END)
            self._in_data = False
            return Chunk(self._unstuffed(piece), True)
        stop = len(buffer)
        for held in _HELD:
            if buffer.endswith(held):
                stop -= len(held)
                break
        if stop <= start:
            return None
        piece = buffer[start:stop]
        self._start = stop
        data = self._unstuffed(piece)
        return Chunk(data, False) if data else None

    def _unstuffed(self, piece: bytes) -> bytes:
        data = piece.replace(b"\r\n.", b"\r\n")
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        return data

    def _sized(self, left: int) -> Chunk | None:
        piece = self._buffer[self._start : self._start + left]
        if not piece and left:
            return None
        self._start += len(piece)
        left -= len(piece)
        self._octets = left or None
        return Chunk(piece, not left)
