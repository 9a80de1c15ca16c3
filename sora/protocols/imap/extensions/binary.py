"""BINARY (RFC 3516): parts without their transfer encoding, and literal8 in APPEND.

A part that comes with NULs is stored as base64 (`sora.mail.recoding`), all else as it is. What is
decoded is known in size only when all of it is decoded: for large parts it goes through a spool, so
that no more than a piece is in memory. The size of a part that is not encoded is known without
reading it.
"""

from typing import Final

from attrs import frozen

from sora.errors import Unavailable, UnknownEncoding
from sora.mail.section import Encoded, Section, encoded, transfer_encoding
from sora.mail.transfer import Decoder, decoder, is_identity
from sora.mailbox.spool import Spool
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.fetch_items import Fetched, FetchItem, Line
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.sections import (
    Partial,
    read_partial,
    read_section,
    section_name,
)
from sora.storage.rows import StoredMessage, Want

SLICE: Final = 64 * 1024
"""octets that are decoded at a time"""

_EVERYTHING: Final = Partial(0, (1 << 63) - 1)


class _Window:
    """Decoded octets go through it: it counts them, and keeps those of a partial."""

    def __init__(self, decoder: Decoder, partial: Partial, keep: "Spool | None") -> None:
        self._decoder = decoder
        self._partial = partial
        self._keep = keep
        self.size = 0
        self.has_nul = False
        """whether one is among those that are kept"""

    def feed(self, data: bytes) -> None:
        """Encoded octets."""
        for start in range(0, len(data), SLICE):
            self._take(self._decoder.feed(data[start : start + SLICE]))

    def finish(self) -> None:
        """There are no more."""
        self._take(self._decoder.finish())

    def _take(self, octets: bytes) -> None:
        if self._keep is not None:
            first = max(0, self._partial.start - self.size)
            last = max(0, self._partial.start + self._partial.count - self.size)
            if kept := octets[first:last]:
                self.has_nul = self.has_nul or 0 in kept
                self._keep.write(kept)
        self.size += len(octets)


@frozen
class _DecodedItem(FetchItem):
    """What both items have in common: a part, and how it is decoded."""

    name: bytes
    path: tuple[int, ...]
    partial: Partial
    sees: bool

    needs_octets = True
    wants = frozenset({Want.BODY, Want.PARTS, Want.HEADER})

    def _part(self, row: StoredMessage) -> Encoded | None:
        return encoded(self.path, row.parts or "")

    def _encoding(self, part: Encoded, header: bytes) -> bytes:
        """Raises UnknownEncoding."""
        encoding = transfer_encoding(header) if part.is_leaf else b"7BIT"
        if decoder(encoding) is None:
            name = encoding[:40].decode("ascii", "replace")
            raise UnknownEncoding(f"{name!r} is no transfer encoding that is known")
        return encoding

    def _decoded(self, fetched: Fetched, part: Encoded, keep: Spool | None) -> _Window:
        """The part of a message whose content is in memory."""
        if fetched.content is None:
            raise Unavailable("The body of a message cannot be read now")
        header = fetched.row.header or b""
        if part.header is not None:
            header = fetched.content[part.header.start : part.header.end]
        window = self._window(self._encoding(part, header), fetched.row, keep)
        window.feed(fetched.content[part.body.start : part.body.end])
        window.finish()
        return window

    async def _read(self, row: StoredMessage, part: Encoded, line: Line) -> bytes:
        """The encoding of a part whose octets are read for it. Raises UnknownEncoding."""
        header = row.header or b""
        if part.header is not None and part.is_leaf:
            header = await line.octets(row, part.header.start, part.header.end)
        return self._encoding(part, header)

    def _window(self, encoding: bytes, row: StoredMessage, keep: Spool | None) -> _Window:
        known = decoder(encoding)
        assert known is not None, "it was looked at before"
        window = _Window(known, self.partial, keep)
        if not self.path and row.trace:
            window.feed(row.trace)
        return window


class BinaryItem(_DecodedItem):
    """BINARY[section]<partial> and BINARY.PEEK[section]<partial>"""

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> FetchItem:
        path = _read_path(scan)
        partial = read_partial(scan)
        name = _name(b"BINARY", path, partial)
        return cls(name, path, partial or _EVERYTHING, sees=word == b"BINARY")

    def value(self, fetched: Fetched) -> bytes:
        part = self._part(fetched.row)
        if part is None:
            return b"NIL"
        spool = Spool(threshold=1 << 30)  # as the content, it is small
        window = self._decoded(fetched, part, spool)
        return _announced(spool, window) + bytes(spool.data())

    async def write(self, fetched: Fetched, line: Line) -> None:
        row = fetched.row
        part = self._part(row)
        if part is None:
            line.add(b"NIL")
            return
        spool = line.spool()
        window = self._window(await self._read(row, part, line), row, spool)
        await line.stream(row, part.body.start, part.body.end, window.feed)
        window.finish()
        line.add(_announced(spool, window))
        await line.pour(spool)


class BinarySizeItem(_DecodedItem):
    """BINARY.SIZE[section]"""

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> FetchItem:
        path = _read_path(scan)
        return cls(_name(b"BINARY.SIZE", path, None), path, _EVERYTHING, sees=False)

    def value(self, fetched: Fetched) -> bytes:
        part = self._part(fetched.row)
        return b"%d" % (0 if part is None else self._decoded(fetched, part, None).size)

    async def write(self, fetched: Fetched, line: Line) -> None:
        row = fetched.row
        part = self._part(row)
        if part is None:
            line.add(b"0")
            return
        encoding = await self._read(row, part, line)
        window = self._window(encoding, row, None)
        size = part.body.end - part.body.start
        if not is_identity(encoding):
            await line.stream(row, part.body.start, part.body.end, window.feed)
            window.finish()
            size = 0
        line.add(b"%d" % (window.size + size))


def _announced(spool: Spool, window: _Window) -> bytes:
    """literal8 only where a literal will not do (§4.3)."""
    return (b"~" if window.has_nul else b"") + b"{%d}\r\n" % spool.size


def _read_path(scan: Scanner) -> tuple[int, ...]:
    """section-binary = "[" [section-part] "]" """
    section = read_section(scan)
    if section.what:
        raise scan.error("BINARY takes the number of a part;")
    return section.path


def _name(word: bytes, path: tuple[int, ...], partial: Partial | None) -> bytes:
    return word + section_name(Section(path), partial).removeprefix(b"BODY")


EXTENSION = Extension(
    Capability(b"BINARY"),
    fetch_items={
        b"BINARY": BinaryItem,
        b"BINARY.PEEK": BinaryItem,
        b"BINARY.SIZE": BinarySizeItem,
    },
)
