"""Octets from a ManageSieve client -> events (`sora.protocols.wire.literal_reader` has the theory).

A command is a line that may be interrupted by literals (RFC 5804 §4): `PUTSCRIPT "a" {5+}` CRLF,
five octets, CRLF. A client does not wait between the announcement and the octets.

`{5}` is for servers to send (§4, literal-s2c). From a client it is taken for `{5+}`: there is
nothing that it could wait for, and its octets are not to be mistaken for commands.
"""

import re
from typing import Final

from sora.protocols.wire.literal_reader import (
    Announcement,
    Event,
    Hopeless,
    Line,
    LiteralReader,
    Offer,
    TooLong,
)

__all__ = ["Event", "Hopeless", "Line", "ManageSieveReader", "Offer", "TooLong"]

_MARKER: Final = re.compile(rb"\{(\d+)\+?\}\Z")
_HUGE: Final = 1 << 40
"""what a number of more digits than any size has is taken for"""


class ManageSieveReader(LiteralReader):
    """The reader of one connection."""

    def announced(self, line: bytes) -> Announcement | None:
        """A literal, whose octets are on their way."""
        marker = _MARKER.search(line)
        if marker is None:
            return None
        size = int(marker[1]) if len(marker[1]) <= 12 else _HUGE
        return Announcement(marker[0], size, synchronising=False)
