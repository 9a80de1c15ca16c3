"""The delimiter lines of multiparts (RFC 2046 §5.1), found in one pass.

Searching each multipart for its own boundary would read the innermost part once for each
level around it. Here every line that begins with two hyphens is looked at once and looked up
among all boundaries that are open: the time is linear in the message, whatever the nesting.

A line is a delimiter when it is the boundary, or the boundary and two hyphens, with nothing but
white space after it: boundaries that begin with another one are common.
"""

from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

MAX_BOUNDARY: Final = 1000
"""Octets; RFC 2046 §5.1.1 allows 70."""

Owner = TypeVar("Owner")


@frozen
class Delimiter(Generic[Owner]):
    """A delimiter line, with the line end before it, which belongs to it.

    `start` is where the part before ends, `end` where the next line begins. `owner` is the
    multipart whose boundary it is; `closes` tells its last.
    """

    start: int
    end: int
    owner: Owner
    closes: bool


@define
class Delimiters(Generic[Owner]):
    """The boundaries that are open, the innermost last, and the search for their lines."""

    data: bytes
    _open: dict[bytes, list[tuple[int, Owner]]] = field(factory=dict)
    _opened: int = 0

    def open(self, boundary: bytes, owner: Owner) -> None:
        """From here on, this boundary's lines are delimiters of `owner`."""
        self._opened += 1
        self._open.setdefault(boundary, []).append((self._opened, owner))

    def close(self, boundary: bytes, owner: Owner) -> None:
        """The boundary's lines are no longer delimiters of `owner`."""
        owners = self._open.get(boundary)
        if owners and owners[-1][1] is owner:
            owners.pop()
            if not owners:
                del self._open[boundary]

    def find(self, place: int, end: int) -> Delimiter[Owner] | None:
        """The next delimiter that begins before `end`; `place` is the begin of a line,
        not the first one."""
        if not self._open:
            return None
        data = self.data
        line = data.find(b"\n--", max(place - 1, 0), end)
        while line >= 0:
            found = self._read(line)
            if found is not None:
                return found
            line = data.find(b"\n--", line + 3, end)
        return None

    def _read(self, newline: int) -> Delimiter[Owner] | None:
        """The delimiter in the line after the line feed at `newline`, if it is one."""
        data = self.data
        begin = newline + 3
        line_end = data.find(b"\n", begin, begin + MAX_BOUNDARY)
        if line_end < 0:
            if len(data) - begin > MAX_BOUNDARY:
                return None
            line_end = len(data)
        boundary = data[begin:line_end].rstrip(b" \t\r")
        owners, closes = self._open.get(boundary), False
        if boundary.endswith(b"--"):
            closed = self._open.get(boundary[:-2].rstrip(b" \t"))
            # With boundaries "b" and "b--" open, the innermost one is meant.
            if closed and not (owners and owners[-1][0] > closed[-1][0]):
                owners, closes = closed, True
        if not owners:
            return None
        start = newline - 1 if newline > 0 and data[newline - 1] == 13 else newline
        end = min(line_end + 1, len(data))
        return Delimiter(start, end, owners[-1][1], closes)
