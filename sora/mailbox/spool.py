"""Received bytes, until they are durable: in memory while small, in a nameless file after.

A spool is written once, by one protocol, and read any number of times afterwards: a PUT that
is tried again opens it again (G4). Its BLAKE3 is computed as the bytes come in. The file has
no name, so that a killed process leaves nothing behind.
"""

import os
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from typing import IO, Final, Protocol

from blake3 import blake3

from sora.errors import StorageFull

DEFAULT_THRESHOLD: Final = 256 * 1024
"""Octets up to which a spool stays in memory."""


class Readable(Protocol):
    """What `Spool.open` gives, and what object stores read from."""

    def read(self, size: int, /) -> bytes:
        """The next at most `size` octets; none at the end."""

    def close(self) -> None:
        """Nothing more will be read."""


class Spool:
    """Bytes that come in piece by piece.

    `threshold` is in octets; `directory` is where the file lies (None: the system's own
    place for temporary files).
    """

    def __init__(self, threshold: int = DEFAULT_THRESHOLD, directory: str | None = None) -> None:
        self._threshold = threshold
        self._directory = directory
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._map: mmap | None = None
        self._hasher = blake3()
        self._hash: bytes | None = None
        self._size = 0
        self._closed = False

    def __len__(self) -> int:
        return self._size

    @property
    def size(self) -> int:
        """Octets written so far."""
        return self._size

    @property
    def hash(self) -> bytes:
        """The BLAKE3 of what was written so far, 32 octets."""
        if self._hash is None:
            self._hash = self._hasher.digest()
        return self._hash

    @property
    def in_memory(self) -> bool:
        """Whether no file was needed."""
        return self._file is None

    @property
    def closed(self) -> bool:
        """Whether the bytes were let go."""
        return self._closed

    def write(self, data: bytes) -> None:
        """Add bytes. Raises StorageFull when the temporary file cannot grow.

        A write to the file goes to the page cache: it is short, and happens here.
        """
        if self._closed or self._map is not None:
            raise ValueError("The spool is not open for writing")
        if not data:
            return
        self._hasher.update(data)
        self._hash = None
        self._size += len(data)
        if self._file is None:
            self._pieces.append(bytes(data))
            if self._size > self._threshold:
                self._spill()
        else:
            self._append(data)

    def open(self) -> Readable:
        """Read from the beginning, independently of other readers."""
        if self._closed:
            raise ValueError("The spool is closed")
        if self._file is None:
            return _MemoryReader(self._joined())
        return _FileReader(os.dup(self._file.fileno()), self._size)

    def data(self) -> bytes | mmap:
        """All of it: bytes, or a mapping of the file. It is valid until `close`."""
        if self._closed:
            raise ValueError("The spool is closed")
        if self._file is None:
            return self._joined()
        if self._map is None:
            self._map = mmap(self._file.fileno(), self._size, access=ACCESS_READ)
        return self._map

    def close(self) -> None:
        """Let go of the bytes; readers that are open keep theirs."""
        self._closed = True
        self._pieces = []
        if self._map is not None:
            with suppress(BufferError):  # a view that is still in use keeps it alive
                self._map.close()
            self._map = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _joined(self) -> bytes:
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def _spill(self) -> None:
        try:
            self._file = TemporaryFile(  # noqa: SIM115 - `close` closes it
                prefix="sora-spool-", dir=self._directory, buffering=0
            )
        except OSError as error:
            raise _full(error, self._directory) from error
        for piece in self._pieces:
            self._append(piece)
        self._pieces = []

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _full(error, self._directory) from error


def _full(error: OSError, directory: str | None) -> StorageFull:
    where = directory or "the directory for temporary files"
    return StorageFull(f"A message cannot be kept in {where}: {error.strerror}")


class _MemoryReader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self, size: int, /) -> bytes:
        piece = self._data[self._position : self._position + size]
        self._position += len(piece)
        return piece

    def close(self) -> None:
        self._data = b""


class _FileReader:
    """Reads with positions of its own, so that readers do not disturb one another."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._position = 0

    def read(self, size: int, /) -> bytes:
        wanted = min(size, self._size - self._position)
        piece = os.pread(self._descriptor, wanted, self._position) if wanted > 0 else b""
        self._position += len(piece)
        return piece

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()
