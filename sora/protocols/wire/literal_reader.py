"""Lines that may be interrupted by literals -> events. Sans-IO: nothing here knows a socket or a
clock. IMAP and ManageSieve each derive their reader from this one.

A command is a line, in which a literal may stand: an announcement of its size, `{4}`, as the last
of a line, then so many octets, then the rest of the command. With a synchronising literal the
client waits for a word before it sends them; otherwise they are on their way whatever the server
thinks of them. So that limits hold before anything is taken, a literal is *offered*:

    Offer(text, size, synchronising)   the reader stands still until it is told one of
        accept()    take it into memory; it becomes a part of the command's text
        stream()    hand it out as `Chunk`s; in the text an empty literal `{0}` stands for it
        refuse()    the command is over: a synchronising literal will not come; the octets
                    of a non-synchronising one, and the rest of its command, are skipped
    Line(text)                         a command is complete, literals in their places
    TooLong(text)                      a line passed `line_limit`; it is being skipped

What is skipped needs no memory, and the stream never goes out of step (G37): skipping minds the
non-synchronising literals inside of what it skips. When more than `skip_limit` octets
would have to be skipped in a row, `Hopeless` says that hanging up is the only way out.
"""

from collections.abc import Callable
from typing import Final

from attrs import frozen

MARKER_LENGTH: Final = 24
"""octets kept of the end of a skipped line: no literal's announcement is longer"""


@frozen
class Announcement:
    """What the end of a line says of a literal: `text` is how it says it."""

    text: bytes
    size: int
    synchronising: bool


@frozen
class Line:
    """A complete command without its final CRLF; literals stand in it as they came:
    `{4}` CRLF and their octets. A streamed one stands there as `{0}` CRLF."""

    text: bytes


@frozen
class Offer:
    """A literal that the reader waits to be told about. `text` is the command up to and without
    its announcement; `number` counts the command's literals from 1."""

    text: bytes
    size: int
    synchronising: bool
    number: int = 1


@frozen
class Chunk:
    """Octets of a literal that is streamed; `last` with its end."""

    data: bytes
    last: bool


@frozen
class TooLong:
    """A line passed the limit. `text` is its beginning; the rest is skipped."""

    text: bytes


@frozen
class Hopeless:
    """More would have to be skipped than is sensible."""


Event = Line | Offer | Chunk | TooLong | Hopeless


class _Again:
    """What a step returns that changed what is next, without an event of its own."""


_AGAIN: Final = _Again()
_Step = Callable[[], "Event | _Again | None"]


class LiteralReader:
    """The reader of one connection; see above. What derives from it says what `announced` is.

    `line_limit` and `skip_limit` may be changed at any time: they are smaller before a
    login (G59).
    """

    def __init__(self, line_limit: int, skip_limit: int) -> None:
        self.line_limit = line_limit
        self.skip_limit = skip_limit
        self._reset()

    def _reset(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._text: list[bytes] = []
        self._held = 0
        self._literals = 0
        self._size = 0
        self._synchronising = False
        self._announcement = b""
        self._skipped = 0
        self._tail = b""
        self._step: _Step = self._take_line

    def announced(self, line: bytes) -> Announcement | None:
        """The literal that the end of a line announces; the line ends with a brace."""
        raise NotImplementedError

    # ---------------------------------------------------------- for the connection

    def receive(self, data: bytes) -> None:
        """Take octets as they came."""
        self._buffer += data

    def next_event(self) -> Event | None:
        """The next event, or None when more octets (or a word on an Offer) are needed."""
        while True:
            event = self._step()
            if event is not _AGAIN:
                return event  # type: ignore[return-value]

    def discard(self) -> None:
        """Forget all that was received and not yet read (STARTTLS, G59)."""
        self._reset()

    def take_rest(self) -> bytes:
        """Give back the octets behind the last command, and forget them (COMPRESS)."""
        rest = bytes(self._buffer)
        self._reset()
        return rest

    @property
    def buffered(self) -> int:
        """Octets held, those of an unfinished command included."""
        return len(self._buffer) + self._held

    # ---------------------------------------------------------- what to do with an Offer

    def accept(self) -> None:
        """Take the offered literal into memory."""
        self._hold(self._announcement + b"\r\n")
        self._step = self._take_literal

    def stream(self) -> None:
        """Hand the offered literal out in chunks."""
        empty = b"~{0}\r\n" if self._announcement.startswith(b"~") else b"{0}\r\n"
        self._hold(empty)
        self._step = self._give_chunk

    def refuse(self) -> None:
        """The command is over, whatever of it is still to come."""
        self._forget_text()
        if self._synchronising:
            self._step = self._take_line
        else:
            self._skipped = 0
            self._step = self._skip_literal

    def abandon(self) -> None:
        """After the last chunk of a literal: the rest of the command is of no use, skip it."""
        self._forget_text()
        self._skipped = 0
        self._tail = b""
        self._step = self._skip_line

    # ---------------------------------------------------------- steps

    def _take_line(self) -> Event | _Again | None:
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched)
        if end < 0 or end > self.line_limit:
            if len(buffer) > self.line_limit:
                return self._begin_skipping_line()
            self._searched = len(buffer)
            return None
        self._searched = 0
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        if line.endswith(b"\r"):
            line = line[:-1]
        if line.endswith(b"}") and (literal := self.announced(line)):
            return self._offer(line, literal)
        if self._text:
            self._text.append(line)
            line = b"".join(self._text)
            self._forget_text()
        return Line(line)

    def _offer(self, line: bytes, literal: Announcement) -> Event:
        self._size = literal.size
        self._synchronising = literal.synchronising
        self._announcement = literal.text
        self._hold(line[: -len(literal.text)])
        self._literals += 1
        self._step = self._wait
        return Offer(b"".join(self._text), self._size, self._synchronising, self._literals)

    def _wait(self) -> None:
        return None

    def _take_literal(self) -> Event | _Again | None:
        if len(self._buffer) < self._size:
            return None
        self._hold(bytes(self._buffer[: self._size]))
        del self._buffer[: self._size]
        self._step = self._take_line
        return _AGAIN

    def _give_chunk(self) -> Event | None:
        buffer = self._buffer
        if not buffer and self._size:
            return None
        data = bytes(buffer[: self._size])
        del buffer[: len(data)]
        self._size -= len(data)
        last = self._size == 0
        if last:
            self._step = self._take_line
        return Chunk(data, last)

    def _begin_skipping_line(self) -> Event:
        beginning = b"".join(self._text) or bytes(self._buffer[:200])
        self._forget_text()
        self._searched = self._skipped = 0
        self._tail = b""
        self._step = self._skip_line
        return TooLong(beginning)

    def _skip_line(self) -> Event | _Again | None:
        buffer = self._buffer
        end = buffer.find(b"\n")
        taken = len(buffer) if end < 0 else end + 1
        # What precedes the line's end may announce a literal that is on its way as well.
        last = bytes(buffer[max(0, taken - MARKER_LENGTH) : taken])
        self._tail = (self._tail + last)[-MARKER_LENGTH:]
        del buffer[:taken]
        self._skipped += taken
        if self._skipped > self.skip_limit:
            return self._give_up()
        if end < 0:
            return None
        tail = self._tail.removesuffix(b"\n").removesuffix(b"\r")
        literal = self.announced(tail) if tail.endswith(b"}") else None
        if literal is not None and not literal.synchronising:
            self._size = literal.size
            self._step = self._skip_literal
        else:
            self._step = self._take_line
        return _AGAIN

    def _skip_literal(self) -> Event | _Again | None:
        if self._skipped + self._size > self.skip_limit:
            return self._give_up()
        taken = min(len(self._buffer), self._size)
        del self._buffer[:taken]
        self._size -= taken
        self._skipped += taken
        if self._size:
            # The rest counts when it comes; what is skipped already does not count twice.
            return None
        self._tail = b""
        self._step = self._skip_line
        return _AGAIN

    def _give_up(self) -> Event:
        self._buffer.clear()
        self._step = self._stay_silent
        return Hopeless()

    def _stay_silent(self) -> None:
        self._buffer.clear()

    def _hold(self, data: bytes) -> None:
        self._text.append(data)
        self._held += len(data)

    def _forget_text(self) -> None:
        self._text.clear()
        self._held = self._literals = 0
