"""Received bytes, until they are durable: in memory while small, in a nameless file after.

A spool is written once, by one protocol, and read any number of times afterwards: a PUT that
is tried again opens it again (G4). Its BLAKE3 is computed as the bytes come in. The file has
no name, so that a killed process leaves nothing behind.

A command may bring many messages. Its spools share one file, and keep no more in memory together
than one alone may: `Spools`.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
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


class SpoolFile:
    """A nameless file for several spools, which are written one after the other.

    It is made when the first one needs it, in `directory` (None: the system's own place for
    temporary files). Each spool begins where a mapping of the file may begin.
    """

    def __init__(self, directory: str | None = None) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._end = 0

    def begin(self) -> int:
        """Where the next spool begins; the one before is complete. Raises StorageFull."""
        if self._file is None:
            try:
                self._file = TemporaryFile(  # noqa: SIM115 - `close` closes it
                    prefix="sora-spool-", dir=self._directory, buffering=0
                )
            except OSError as error:
                raise _full(error, self._directory) from error
        self._end = -(-self._end // ALLOCATIONGRANULARITY) * ALLOCATIONGRANULARITY
        return self._end

    def write(self, position: int, data: bytes) -> None:
        """Add bytes to the spool that was begun last; `position` is its end. Raises StorageFull."""
        if position != self._end:
            raise ValueError("Another spool has begun in this file")
        rest = memoryview(data)
        try:
            while rest:
                written = os.pwrite(self.fileno(), rest, self._end)
                self._end += written
                rest = rest[written:]
        except OSError as error:
            raise _full(error, self._directory) from error

    def fileno(self) -> int:
        """The descriptor of the file."""
        assert self._file is not None, "a spool has begun"
        return self._file.fileno()

    def close(self) -> None:
        """Let go of the file; readers that are open keep it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Spool:
    """Bytes that come in piece by piece.

    `threshold` is in octets; `directory` is where the file lies (None: the system's own
    place for temporary files). `shared` is a file that others use too, and close.
    """

    def __init__(
        self,
        threshold: int = DEFAULT_THRESHOLD,
        directory: str | None = None,
        shared: SpoolFile | None = None,
    ) -> None:
        self._threshold = threshold
        self._directory = directory
        self._shared = shared
        self._start = self._written = 0
        self._pieces: list[bytes] = []
        self._file: SpoolFile | None = None
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
        return _FileReader(os.dup(self._file.fileno()), self._start, self._size)

    def data(self) -> bytes | mmap:
        """All of it: bytes, or a mapping of the file. It is valid until `close`."""
        if self._closed:
            raise ValueError("The spool is closed")
        if self._file is None:
            return self._joined()
        if self._map is None:
            self._map = mmap(
                self._file.fileno(), self._size, access=ACCESS_READ, offset=self._start
            )
        return self._map

    def unmap(self) -> None:
        """Let go of the mapping that `data` made; it can be made again."""
        if self._map is not None:
            with suppress(BufferError):  # a view that is still in use keeps it alive
                self._map.close()
            self._map = None

    def close(self) -> None:
        """Let go of the bytes; readers that are open keep theirs."""
        self._closed = True
        self._pieces = []
        self.unmap()
        if self._file is not None:
            if self._shared is None:
                self._file.close()
            self._file = None

    def _joined(self) -> bytes:
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def _spill(self) -> None:
        file = self._shared or SpoolFile(self._directory)
        self._start = self._written = file.begin()
        self._file = file
        for piece in self._pieces:
            self._append(piece)
        self._pieces = []

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(self._written, data)
        self._written += len(data)


class Spools:
    """The spools of one command, written one after the other.

    Together they keep at most `memory` octets in memory; what is beyond lies in one file in
    `directory`. One that was closed is still among them, so that places keep their meaning.
    """

    def __init__(self, memory: int = 2 * DEFAULT_THRESHOLD, directory: str | None = None) -> None:
        self._memory = memory
        self._file = SpoolFile(directory)
        self._spools: list[Spool] = []

    def __len__(self) -> int:
        return len(self._spools)

    def __iter__(self) -> Iterator[Spool]:
        return iter(self._spools)

    def __getitem__(self, place: int) -> Spool:
        return self._spools[place]

    @property
    def size(self) -> int:
        """Octets of all of them."""
        return sum(spool.size for spool in self._spools)

    def new(self) -> Spool:
        """One more, to be written after those that are there."""
        held = sum(spool.size for spool in self._spools if spool.in_memory)
        threshold = max(0, min(DEFAULT_THRESHOLD, self._memory - held))
        spool = Spool(threshold, shared=self._file)
        self._spools.append(spool)
        return spool

    def close(self) -> None:
        """Let go of all, and be empty again."""
        for spool in self._spools:
            spool.close()
        self._spools.clear()
        self._file.close()


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

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._size = size
        self._position = 0

    def read(self, size: int, /) -> bytes:
        wanted = min(size, self._size - self._position)
        place = self._start + self._position
        piece = os.pread(self._descriptor, wanted, place) if wanted > 0 else b""
        self._position += len(piece)
        return piece

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()
