"""tar, as far as mail comes in it: where in an archive which file lies (POSIX.1-2001 §pax "ustar
Interchange Format" and "pax Interchange Format", and GNU's long names).

An archive is only looked at, and it may be anybody's: nothing that it says is believed before it
was compared with what is there, and what is ambiguous is refused.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, Protocol

from attrs import frozen

from sora.errors import BadArgument

BLOCK: Final = 512
MAX_EXTENDED: Final = 64 * 1024
"""octets of a header that says more of the file behind it: names, and little else"""
MAX_ENTRIES: Final = 400_000
MAX_NAME: Final = 4096
MAX_LEVELS: Final = 100
_CHECKSUM: Final = slice(148, 156)
_POSIX: Final = b"ustar\0"
_RECORD: Final = re.compile(rb"([0-9]{1,6}) ")
_KNOWN: Final = frozenset([b"path", b"linkpath", b"size", b"mtime"])
_NONE: Final = "This is no tar"
_NUMBER: Final = re.compile(rb"(-?[0-9]{1,18})(?:\.[0-9]*)?\Z")
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*\Z")


class Octets(Protocol):
    """What lies somewhere, of which pieces are taken."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...


class Kind(Enum):
    """What an entry is; a LINK is another name of a file (a hard link)."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


@frozen
class Entry:
    """An entry: the levels of its name, and where the octets of a file are. `mtime` is in seconds
    of the epoch; `target` are the levels of what a link is another name of."""

    levels: tuple[bytes, ...]
    kind: Kind
    offset: int = 0
    size: int = 0
    mtime: int = 0
    target: tuple[bytes, ...] = ()


def entries(archive: Octets) -> Iterator[Entry]:
    """All of an archive, in their order. Raises BadArgument for what is no tar, is cut off or
    damaged, has a name that leads out of it, or sparse files."""
    position = 0
    said: dict[bytes, bytes] = {}
    for _ in range(MAX_ENTRIES):
        block = bytes(archive[position : position + BLOCK])
        if len(block) < BLOCK:
            raise BadArgument("The archive has no end: it was cut off" if position else _NONE)
        if not any(block):
            return
        _require_sum(block, position)
        kind, size = block[156:157], _size(block, said)
        position += BLOCK
        end = position + size
        if end > len(archive):
            raise BadArgument("The archive was cut off")
        if kind in b"xLK" and kind:
            if size > MAX_EXTENDED:
                raise BadArgument(f"A header in the archive has more than {MAX_EXTENDED} octets")
            said.update(_extended(kind, bytes(archive[position:end])))
        elif kind != b"g":
            yield _entry(block, kind, position, size, said)
            said = {}
        position = end + -size % BLOCK
    raise BadArgument(f"The archive has more than {MAX_ENTRIES} entries")


def _require_sum(block: bytes, position: int) -> None:
    found = _OCTAL.match(block[_CHECKSUM])
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    if found is None or not found[1] or int(found[1], 8) != total:
        raise BadArgument("The archive is damaged" if position else _NONE)


def _size(block: bytes, said: Mapping[bytes, bytes]) -> int:
    """The octets behind a header."""
    if block[156:157] not in b"xgLK" and b"size" in said:
        return _decimal(said[b"size"])
    size = _number(block[124:136])
    if size < 0:
        raise BadArgument("A number in the archive is none")
    return size


def _number(text: bytes) -> int:
    """A number of a header: octal, or binary where that has no room (GNU)."""
    if text[0] == 0x80:
        return int.from_bytes(text[1:], "big")
    if text[0] == 0xFF:
        return int.from_bytes(text, "big", signed=True)
    found = _OCTAL.match(text)
    if found is None:
        raise BadArgument("A number in the archive is none")
    return int(found[1] or b"0", 8)


def _decimal(text: bytes) -> int:
    found = _NUMBER.match(text)
    if found is None or (number := int(found[1])) < 0:
        raise BadArgument("A number in the archive is none")
    return number


def _extended(kind: bytes, data: bytes) -> dict[bytes, bytes]:
    """What a header says of the entry behind it."""
    if kind == b"L":
        return {b"path": data.partition(b"\0")[0]}
    if kind == b"K":
        return {b"linkpath": data.partition(b"\0")[0]}
    found: dict[bytes, bytes] = {}
    while data:
        head = _RECORD.match(data)
        length = 0 if head is None else int(head[1])
        record = data[:length]
        if head is None or len(record) < length or not record.endswith(b"\n"):
            raise BadArgument("A header in the archive is damaged")
        name, _, value = record[head.end() : -1].partition(b"=")
        if name.startswith(b"GNU.sparse"):
            raise BadArgument("Sparse files in an archive are not understood")
        if name in _KNOWN:
            found[name] = value
        data = data[length:]
    return found


def _entry(block: bytes, kind: bytes, offset: int, size: int, said: Mapping[bytes, bytes]) -> Entry:
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == _POSIX and block[345]:
        name = block[345:500].partition(b"\0")[0] + b"/" + name
    name = said.get(b"path", name)
    levels = _levels(name)
    mtime = _number(block[136:148])
    if b"mtime" in said:
        found = _NUMBER.match(said[b"mtime"])
        mtime = int(found[1]) if found else 0
    if kind in b"0\0007" and not name.endswith(b"/"):
        return Entry(levels, Kind.FILE, offset, size, mtime)
    if kind == b"S":
        raise BadArgument("Sparse files in an archive are not understood")
    if kind in b"123456" and size:
        # Some skip these octets, and others take them for the next header.
        raise BadArgument("Something in the archive that is no file has octets")
    if kind == b"1":
        target = said.get(b"linkpath", block[157:257].partition(b"\0")[0])
        return Entry(levels, Kind.LINK, mtime=mtime, target=_levels(target))
    is_directory = kind == b"5" or name.endswith(b"/")
    return Entry(levels, Kind.DIRECTORY if is_directory else Kind.OTHER)


def _levels(name: bytes) -> tuple[bytes, ...]:
    """The levels of a name. Raises BadArgument for one that leads out."""
    levels = tuple(level for level in name.split(b"/") if level not in (b"", b"."))
    if name.startswith(b"/") or b".." in levels or b"\0" in name:
        raise BadArgument(f"A name leads out of the archive: {name[:100]!r}")
    if len(name) > MAX_NAME or len(levels) > MAX_LEVELS:
        raise BadArgument(f"A name in the archive is too long: {name[:100]!r}")
    return levels
