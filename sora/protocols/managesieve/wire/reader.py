"""Octets from a ManageSieve client -> events. Sans-IO: nothing here knows a socket or a clock.

A command is a line that may be interrupted by literals (RFC 5804 §4): `PUTSCRIPT "a" {5+}` CRLF,
five octets, CRLF. A client does not wait between the announcement and the octets: they are on
their way whatever the server thinks of them. So that limits hold before anything is taken, a
literal is *offered*:

    Offer(text, size, number)   the reader stands still until it is told one of
        accept()    take it; it becomes a part of the command's text
        refuse()    the command is over: the octets and the rest of the command are skipped
    Line(text)                  a command is complete, literals in their places
    TooLong(text)               a line passed `line_limit`; it is being skipped

What is skipped needs no memory, and the stream never goes out of step (G37): skipping minds the
literals inside of what it skips. When more than `skip_limit` octets would have to be skipped in a
row, `Hopeless` says that hanging up is the only way out.

`{5}` is for servers to send (§4, literal-s2c). From a client it is taken for `{5+}`: there is
nothing that it could wait for, and its octets are not to be mistaken for commands.
"""

import re
from collections.abc import Callable
from typing import Final

from attrs import frozen

MARKER_LENGTH: Final = 24
"""octets kept of the end of a skipped line: no literal's announcement is longer"""

_MARKER: Final = re.compile(rb"\{(\d+)\+?\}\Z")
_HUGE: Final = 1 << 40
"""what a number of more digits than any size has is taken for"""


@frozen
class Line:
    """A complete command without its final CRLF; literals stand in it as they came: `{5+}` CRLF
    and their octets."""

    text: bytes


@frozen
class Offer:
    """A literal that the reader waits to be told about. `text` is the command up to and without
    its announcement; `number` counts the command's literals from 1."""

    text: bytes
    size: int
    number: int


@frozen
class TooLong:
    """A line passed the limit. `text` is its beginning; the rest is skipped."""

    text: bytes


@frozen
class Hopeless:
    """More would have to be skipped than is sensible."""


Event = Line | Offer | TooLong | Hopeless


class _Again:
    """What a step returns that changed what is next, without an event of its own."""


_AGAIN: Final = _Again()
_Step = Callable[[], "Event | _Again | None"]


class ManageSieveReader:
    """The reader of one connection; see above.

    `line_limit` and `skip_limit` may be changed at any time: they are smaller before a login
    (G59).
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
        self._announcement = b""
        self._skipped = 0
        self._tail = b""
        self._step: _Step = self._take_line

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

    @property
    def buffered(self) -> int:
        """Octets held, those of an unfinished command included."""
        return len(self._buffer) + self._held

    # ---------------------------------------------------------- what to do with an Offer

    def accept(self) -> None:
        """Take the offered literal."""
        self._hold(self._announcement + b"\r\n")
        self._step = self._take_literal

    def refuse(self) -> None:
        """The command is over, whatever of it is still to come."""
        self._forget_text()
        self._skipped = 0
        self._step = self._skip_literal

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
        line = line.removesuffix(b"\r")
        if line.endswith(b"}") and (marker := _MARKER.search(line)):
            return self._offer(line, marker)
        if self._text:
            self._text.append(line)
            line = b"".join(self._text)
            self._forget_text()
        return Line(line)

    def _offer(self, line: bytes, marker: "re.Match[bytes]") -> Event:
        self._size = _size(marker[1])
        self._announcement = marker[0]
        self._hold(line[: marker.start()])
        self._literals += 1
        self._step = self._wait
        return Offer(b"".join(self._text), self._size, self._literals)

    def _wait(self) -> None:
        return None

    def _take_literal(self) -> Event | _Again | None:
        if len(self._buffer) < self._size:
            return None
        self._hold(bytes(self._buffer[: self._size]))
        del self._buffer[: self._size]
        self._step = self._take_line
        return _AGAIN

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
        marker = _MARKER.search(self._tail.rstrip(b"\n").removesuffix(b"\r"))
        if marker:
            self._size = _size(marker[1])
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


def _size(digits: bytes) -> int:
    return int(digits) if len(digits) <= 12 else _HUGE
