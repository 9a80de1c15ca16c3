"""Octets from an IMAP client -> events (`sora.protocols.wire.literal_reader` has the theory).

A command of IMAP is a line that may be interrupted by literals: `a LOGIN {4}` CRLF, four
octets, ` secret` CRLF (RFC 3501 §2.2.1, §4.3). With a synchronising literal the client waits for
`+`, and sends nothing if it gets a tagged NO instead; a non-synchronising one is `{4+}` (RFC 7888).
"""

import re
from typing import Final

from sora.protocols.wire.literal_reader import (
    Announcement,
    Chunk,
    Event,
    Hopeless,
    Line,
    LiteralReader,
    Offer,
    TooLong,
)

__all__ = ["Chunk", "Event", "Hopeless", "IMAPReader", "Line", "Offer", "TooLong"]

# RFC 3501 §9 literal, RFC 7888 §8 non-synchronising, RFC 3516 §5 literal8
_MARKER: Final = re.compile(rb"~?\{(\d{1,12})(\+?)\}\Z")


class IMAPReader(LiteralReader):
    """The reader of one connection."""

    def announced(self, line: bytes) -> Announcement | None:
        """A literal, or a literal8."""
        marker = _MARKER.search(line)
        return marker and Announcement(marker[0], int(marker[1]), not marker[2])
