"""Messages that are compressed on the disk, as Dovecot's plugin `zlib` does it: told by how they
begin."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Protocol

from sora.errors import BadArgument, TooBig

CHUNK: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_UNKNOWN: Final = ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x89LZO", "lzo"), (b"Dovecot-LZ4", "lz4"))


class _Inflater(Protocol):
    def feed(self, data: bytes, most: int) -> bytes:
        """At most so many octets of what `data`, after what was fed before, inflates to."""

    def ended(self) -> bool:
        """Whether the end of the compressed data was seen."""


class _Gzip:
    """One or more members, one after the other (RFC 1952 §2.2)."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(31)

    def feed(self, data: bytes, most: int) -> bytes:
        data = self._inflater.unconsumed_tail + data
        if self._inflater.eof:
            data = self._inflater.unused_data + data
            if not data.startswith(_GZIP[: len(data)]) or not data:
                return b""
            self._inflater = zlib.decompressobj(31)
        return self._inflater.decompress(data, most)

    def ended(self) -> bool:
        return self._inflater.eof and not self._inflater.unused_data


class _Other:
    def __init__(self, inflater: Any) -> None:
        self._inflater = inflater

    def feed(self, data: bytes, most: int) -> bytes:
        if self._inflater.eof:
            return b""
        inflated: bytes = self._inflater.decompress(data, most)
        return inflated

    def ended(self) -> bool:
        return bool(self._inflater.eof)


def contents(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """What a file holds, in pieces, inflated if it is compressed; at most `limit` octets.

    Raises TooBig beyond it, BadArgument for what cannot be inflated, OSError.
    """
    first = file.read(CHUNK)
    pieces = (
        _plain(first, file)
        if (new := _inflater_for(first)) is None
        else _inflated(first, file, new())
    )
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooBig(f"It is larger than the limit of {limit} octets")
        yield piece


def _inflater_for(first: bytes) -> Callable[[], _Inflater] | None:
    if first.startswith(_GZIP):
        return _Gzip
    if first.startswith(_BZIP2) and first[4:10] == b"1AY&SY":
        return lambda: _Other(bz2.BZ2Decompressor())
    if first.startswith(_XZ):
        return lambda: _Other(lzma.LZMADecompressor(memlimit=256 * 1024 * 1024))
    for magic, name in _UNKNOWN:
        if first.startswith(magic):
            raise BadArgument(f"It is compressed with {name}, which cannot be read here")
    return None


def _plain(first: bytes, file: IO[bytes]) -> Iterator[bytes]:
    piece = first
    while piece:
        yield piece
        piece = file.read(CHUNK)


def _inflated(first: bytes, file: IO[bytes], inflater: _Inflater) -> Iterator[bytes]:
    data = first
    try:
        while data:
            while piece := inflater.feed(data, CHUNK):
                yield piece
                data = b""
            data = file.read(CHUNK)
        while piece := inflater.feed(b"", CHUNK):
            yield piece
    except (zlib.error, OSError, lzma.LZMAError, ValueError, EOFError) as error:
        raise BadArgument(f"It cannot be inflated: {error}") from None
    if not inflater.ended():
        raise BadArgument("It is compressed, and its end is missing")
