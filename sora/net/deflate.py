"""DEFLATE in both directions of a connection (RFC 1951, as RFC 4978 has it). Sans-IO.

*In.* What comes is held as it came, and inflated only as far as somebody asks (`take`): so
back-pressure holds, and however well a client's octets are compressed (a thousand to one is
possible), no more than the octets asked for are ever made of them.

*Out.* A compressor with the full window takes 256 KiB, far too much for each of many thousand
sessions that idle. But what a compressor has flushed ends at an octet's border, and raw
DEFLATE has neither header nor check sum: another compressor may go on from there, and the
client cannot tell. `Deflaters` keeps the few that were used last; a session that wakes up
after the others gets a new one, which costs a microsecond, and the dictionary of what it said
before.

*The end.* RFC 8437 §4.1 ends compression behind the line of a command, with octets as they
are behind it. Compressed octets are therefore given to zlib in pieces that end where the
client flushed (the mark that Z_SYNC_FLUSH leaves), so that nothing behind such a mark is taken
for compressed before what stood in front of it was answered.
"""

import zlib
from collections import OrderedDict
from typing import Final

from attrs import define, field

LEVEL: Final = 4
"""On responses of IMAP: an eleventh of the octets, at some 280 MB a second; 6 makes them hardly
fewer, and takes half as much time again."""
WINDOW: Final = -15
"""zlib's windowBits: raw, 32 KiB"""
MEMORY: Final = 8
"""zlib's memLevel; with the window it makes 256 KiB for a compressor"""
KEPT: Final = 64
"""compressors of a server that live at the same time: 16 MiB"""
FLUSHED: Final = b"\0\0\xff\xff"
"""the mark of a flush: an empty stored block, at an octet's border"""


class Garbled(Exception):
    """What came is not compressed as it should be."""


class Inflate:
    """The octets of one client, inflated on demand."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(WINDOW)
        self._raw = bytearray()
        """as it came, not yet given to zlib"""
        self._piece = b""
        """given to zlib, which had no room for what it makes of it"""
        self._last = b""
        """the last octets that zlib took"""
        self._has_made_more = False
        self._is_over = False

    @property
    def held(self) -> int:
        """Octets that wait, as they came."""
        return len(self._raw) + len(self._piece)

    @property
    def has_more(self) -> bool:
        """Whether `take` may give something."""
        return self._has_made_more or bool(self._raw)

    @property
    def is_done(self) -> bool:
        """Whether compression has ended, and nothing is held any more."""
        return self._is_over and self._is_at_end and not self._raw

    def receive(self, data: bytes) -> None:
        """Take compressed octets as they came."""
        self._raw += data

    def take(self, limit: int) -> bytes:
        """At most `limit` inflated octets, maybe none; they end where the client flushed.

        Raises Garbled.
        """
        if self._is_over and self._is_at_end:
            plain = bytes(self._raw[:limit])
            del self._raw[:limit]
            return plain
        if not self._has_made_more:
            self._piece = self._cut()
        made = self._inflate(limit)
        if made and self._is_over:
            raise Garbled("Compressed octets where compression should have ended")
        return made

    def end(self) -> None:
        """The client has said that it compresses no more: what is left of its last flush is
        passed over, and what comes behind it is taken as it is."""
        self._is_over = True

    @property
    def _is_at_end(self) -> bool:
        return self._inflater.eof or (self._last == FLUSHED and not self._has_made_more)

    def _inflate(self, limit: int) -> bytes:
        inflater, piece = self._inflater, self._piece
        if inflater.eof and piece:
            raise Garbled("Octets behind the end of what was compressed")
        try:
            made = inflater.decompress(piece, limit)
        except zlib.error as error:
            raise Garbled(str(error)) from None
        left = len(inflater.unused_data if inflater.eof else inflater.unconsumed_tail)
        self._last = (self._last + piece[: len(piece) - left][-4:])[-4:]
        self._piece = inflater.unconsumed_tail
        # zlib may have taken all of its input, and still hold what it made of it.
        self._has_made_more = bool(self._piece) or len(made) == limit
        if inflater.eof:
            self._raw[:0] = inflater.unused_data
            self._piece, self._has_made_more = b"", False
        return made

    def _cut(self) -> bytes:
        """The raw octets up to the next flush, or all."""
        raw, before = self._raw, self._last[-3:]
        across = (before + raw[:3]).find(FLUSHED)
        if across >= 0:
            end = across + len(FLUSHED) - len(before)
        else:
            found = raw.find(FLUSHED)
            end = len(raw) if found < 0 else found + len(FLUSHED)
        piece = bytes(raw[:end])
        del raw[:end]
        return piece


@define(eq=False)
class Deflaters:
    """The compressors of a server; at most `kept` of them live at the same time."""

    kept: int = KEPT
    _alive: "OrderedDict[object, zlib._Compress]" = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._alive)

    def deflate(self, owner: object, data: bytes) -> bytes:
        """Compress what goes to the client of `owner`, up to a border at which it can read all
        of it (Z_SYNC_FLUSH)."""
        compressor = self._alive.get(owner)
        if compressor is None:
            compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
            self._alive[owner] = compressor
            if len(self._alive) > self.kept:
                self._alive.popitem(last=False)
        else:
            self._alive.move_to_end(owner)
        return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)

    def let_go(self, owner: object) -> None:
        """The client of `owner` gets no more. Doing it again does nothing."""
        self._alive.pop(owner, None)
