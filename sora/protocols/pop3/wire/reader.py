"""POP3's octets to events: command lines (RFC 1939 §3, RFC 2449 §4).

A command has at most `MAX_LINE` octets; AUTH, which may bring its first response with it, and
the lines that answer a challenge have `MAX_SASL_LINE` (RFC 5034 §4). Of a longer line nothing is
kept: it becomes one `LongLine` when its end comes. Clients may send many commands at once
(PIPELINING); the reader holds what was received, and its user takes no more than he answers.
"""

from typing import Final

from attrs import frozen

MAX_LINE: Final = 255
"""octets of a command with its CRLF"""
MAX_SASL_LINE: Final = 12 * 1024
"""octets of a response to a challenge, and of AUTH"""

_AUTH: Final = b"AUTH "


@frozen
class Line:
    """A line without its end."""

    text: bytes


@frozen
class LongLine:
    """A line that was too long, and was forgotten."""


Event = Line | LongLine


class POP3Reader:
    """Octets in, events out. `expects_response` is set while a line answers a challenge."""

    def __init__(self) -> None:
        self.expects_response = False
        self._buffer = b""
        self._start = 0
        self._too_long = False

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
        start = self._start
        end = self._buffer.find(b"\n", start)
        if end < 0:
            if len(self._buffer) - start >= MAX_LINE and self.buffered >= self._limit:
                self._too_long = True
                self._forget_line()
            return None
        length = end + 1 - start
        is_long = self._too_long or (length > MAX_LINE and length > self._limit)
        self._start = end + 1
        if is_long:
            self._too_long = False
            return LongLine()
        if end > start and self._buffer[end - 1] == 13:
            end -= 1
        return Line(self._buffer[start:end])

    def discard(self) -> None:
        """Forget what was received and not read (STLS, G59)."""
        self._buffer, self._start, self._too_long = b"", 0, False

    @property
    def _limit(self) -> int:
        """How long the line may be that begins now."""
        start = self._start
        if self.expects_response or self._buffer[start : start + len(_AUTH)].upper() == _AUTH:
            return MAX_SASL_LINE
        return MAX_LINE

    def _forget_line(self) -> None:
        """Keep of a line that is too long only its end."""
        end = self._buffer.find(b"\n", self._start)
        self._start = len(self._buffer) if end < 0 else end
