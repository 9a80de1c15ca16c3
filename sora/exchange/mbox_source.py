"""Import from mbox files: one, or all in a directory and below it.

A message is known by the digest of its octets (without the fields that programs keep flags in), its
date, and how often the same came before it in the file: so a file that has grown, or was compacted,
brings only what is new. For that a file is read twice, once to find out.
"""

import os
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from attrs import Factory, frozen
from blake3 import blake3

from sora.errors import BadName, StorageFull
from sora.exchange.formats.line_ends import ToCRLF
from sora.exchange.formats.mbox import (
    INTERNAL,
    KEPT_APART,
    Kept,
    Unquoting,
    date_of,
    field_name,
    is_from_line,
)
from sora.exchange.formats.special_uses import special_use_of
from sora.exchange.opening import open_octets
from sora.exchange.source import PAGE, BadSource, Fetched, Folder, Found, Problem, key_of, reading
from sora.mail.mailbox_names import DELIMITER, normalise
from sora.mailbox.spool import Spool
from sora.threads import Threads

LINE: Final = 64 * 1024
"""octets that are read at once of a line"""
MAX_FILES: Final = 20_000
_SUFFIXES: Final = (".mbox", ".sbd")
_OTHERS: Final = (".msf", ".dat", ".html", ".lock")


@frozen
class _Index:
    """Where the messages of a file are, and what they are known by."""

    starts: "array[int]" = Factory(lambda: array("Q"))
    ends: "array[int]" = Factory(lambda: array("Q"))
    exact: list[bool] = Factory(list)
    """whether Content-Length has told the end, so that nothing is quoted"""
    keys: list[bytes] = Factory(list)


class MboxSource:
    """`Source` on files. `name` is the mailbox that a single file becomes, None for its own name;
    `limit` is the largest message, in octets."""

    def __init__(self, path: str, threads: Threads, *, limit: int, name: str | None = None) -> None:
        self._path = Path(path)
        self._name = name
        self._threads = threads
        self._limit = limit
        self._problems: list[Problem] = []
        self._indices: dict[Path, _Index] = {}

    def problems(self) -> Sequence[Problem]:
        """See `Source.problems`."""
        return self._problems

    async def folders(self) -> Sequence[Folder]:
        """See `Source.folders`."""
        return await reading(self._threads.run(self._look))

    async def subscriptions(self) -> Sequence[str] | None:
        """See `Source.subscriptions`."""
        return None

    async def messages(self, folder: Folder) -> AsyncIterator[Sequence[Found]]:
        """See `Source.messages`."""
        index = await reading(self._threads.run(_index, folder.place))
        self._indices[folder.place] = index
        for start in range(0, len(index.keys), PAGE):
            places = range(start, min(start + PAGE, len(index.keys)))
            yield [self._found(folder, index, place) for place in places]

    async def read(
        self, folder: Folder, wanted: Sequence[Found], new_spool: Callable[[], Spool]
    ) -> Sequence[Fetched | Problem | None]:
        """See `Source.read`."""
        file = _Reading(folder.place, self._indices[folder.place], new_spool, self._limit)
        return await self._threads.run(file.all, wanted)

    def drop(self) -> None:
        """Nobody is waited for."""

    async def close(self) -> None:
        """Nothing is open."""

    # ------------------------------------------------------------ inside

    def _found(self, folder: Folder, index: _Index, place: int) -> Found:
        start, end = index.starts[place], index.ends[place]
        where = f"{folder.place}, at octet {start}"
        return Found(index.keys[place], place, where, size=end - start)

    def _look(self) -> list[Folder]:
        """The files. It blocks."""
        if self._path.is_dir():
            folders = list(self._files(self._path, ()))
            if not folders and not self._problems:
                raise BadSource(f"No file in {self._path} is an mbox")
            return folders
        if not self._path.is_file():
            raise BadSource(f"There is no file and no directory {self._path}")
        file = self._path.resolve()
        if not _is_mbox(file):
            raise BadSource(f"{self._path} is not an mbox: it does not begin with a From line")
        return [self._folder(file, self._name or _bare(self._path.name))]

    def _files(self, directory: Path, above: tuple[str, ...]) -> Iterator[Folder]:
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
            path = Path(entry.path)
            if entry.name.startswith(".") or path.suffix in _OTHERS:
                continue
            levels = (*above, _bare(entry.name))
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(path, levels)
                continue
            try:
                if not entry.is_file(follow_symlinks=False):
                    self._problems.append(Problem(entry.path, "is not a file, and not followed"))
                elif not _is_mbox(path):
                    self._problems.append(Problem(entry.path, "is not an mbox"))
                else:
                    yield self._folder(path, DELIMITER.join(levels))
            except (BadName, OSError) as error:
                self._problems.append(Problem(entry.path, str(error)))

    def _folder(self, path: Path, name: str) -> Folder:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise BadName("The name is not in UTF-8: rename it, or give one file with --into")
        name = normalise(name)
        return Folder(name, path, special_use=special_use_of(name))


# What follows runs in threads.


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _is_mbox(path: Path) -> bool:
    with open_octets(path) as file:
        line = file.readline(LINE)
        return not line or is_from_line(line)


def _index(path: Path) -> _Index:
    """Find all messages of a file."""
    index, times = _Index(), Counter[bytes]()
    with open_octets(path) as file:
        scan = _Scan(file, index, times)
        while scan.next():
            pass
    return index


class _Scan:
    """Goes through a file, message by message."""

    def __init__(self, file: IO[bytes], index: _Index, times: "Counter[bytes]") -> None:
        self._file = file
        self._index = index
        self._times = times
        self._size = os.fstat(file.fileno()).st_size
        self._line = file.readline(LINE)
        self._start = 0

    def next(self) -> bool:
        """Take up the next message; False at the end."""
        if not self._line:
            return False
        digest = blake3()
        first, start = self._line, self._start
        is_internal, length = self._header(digest)
        end = None if length is None else self._exact_end(length)
        if end is None:
            is_exact, end = False, self._body(digest)
        else:
            is_exact = True
            self._exact_body(digest, end)
        if is_internal:
            return True
        date = date_of(first)
        known = digest.digest(16) + (b"" if date is None else str(date).encode())
        self._times[known] += 1
        self._index.starts.append(start)
        self._index.ends.append(end)
        self._index.exact.append(is_exact)
        self._index.keys.append(key_of("mbox", known.hex(), str(self._times[known])))
        return True

    def _header(self, digest: blake3) -> tuple[bool, int | None]:
        """Whether it is no message of the user's, and its Content-Length."""
        is_internal, length, is_apart = False, None, False
        while line := self._file.readline(LINE):
            if not line.strip(b"\r\n"):
                break
            name = field_name(line)
            if name or line[:1] not in b" \t":
                is_apart = name in KEPT_APART
            if name == b"content-length":
                value = line.partition(b":")[2].strip()
                length = int(value) if value.isdigit() and len(value) < 19 else None
            is_internal = is_internal or (name == b"subject" and INTERNAL in line)
            if not is_apart:
                digest.update(line.rstrip(b"\r\n") + b"\n")
        digest.update(b"\n")
        return is_internal, length

    def _exact_end(self, length: int) -> int | None:
        """Where the message ends by its Content-Length; None where that is no end."""
        here = self._file.tell()
        end = here + length
        if end > self._size:
            return None
        self._file.seek(end)
        after = self._file.read(512)
        self._file.seek(here)
        rest = after.lstrip(b"\r\n")
        return end if not rest or (rest != after and is_from_line(rest.split(b"\n")[0])) else None

    def _exact_body(self, digest: blake3, end: int) -> None:
        left = end - self._file.tell()
        while left > 0 and (piece := self._file.read(min(left, LINE))):
            digest.update(piece)
            left -= len(piece)
        self._start = self._file.tell()
        while (line := self._file.readline(LINE)) and not line.strip(b"\r\n"):
            self._start = self._file.tell()
        self._line = line

    def _body(self, digest: blake3) -> int:
        """Read up to the next From line; where the message ends, before the empty line."""
        held: bytes | None = None
        is_empty, is_begin = True, True
        end = before = self._file.tell()
        while line := self._file.readline(LINE):
            if is_empty and is_begin and is_from_line(line):
                self._line, self._start = line, end
                return before
            if held is not None:
                digest.update(held)
            # The last line of a file may get its end later.
            held = line.rstrip(b"\r\n") + b"\n"
            is_empty = is_begin and not line.strip(b"\r\n")
            is_begin = line.endswith(b"\n")
            before, end = end, end + len(line)
        if held is not None and not is_empty:
            before = end
            digest.update(held)
        self._line, self._start = b"", end
        return before


class _Reading:
    """Reads messages of one file."""

    def __init__(
        self, path: Path, index: _Index, new_spool: Callable[[], Spool], limit: int
    ) -> None:
        self._path = path
        self._index = index
        self._new_spool = new_spool
        self._limit = limit

    def all(self, wanted: Sequence[Found]) -> list[Fetched | Problem | None]:
        """Each of them."""
        try:
            with open_octets(self._path) as file:
                return [self._one(file, found) for found in wanted]
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            return [Problem(found.where, text) for found in wanted]

    def _one(self, file: IO[bytes], found: Found) -> Fetched | Problem:
        if found.size > self._limit:
            text = f"It is larger than the limit of {self._limit} octets"
            return Problem(found.where, text)
        file.seek(self._index.starts[found.place])
        first = file.readline(LINE)
        if not is_from_line(first):
            return Problem(found.where, "the file has changed meanwhile; run it again")
        spool, kept = self._new_spool(), Kept()
        try:
            self._copy(file, found.place, spool, kept)
        except StorageFull as error:
            return Problem(found.where, error.text)
        mtime = datetime.fromtimestamp(int(os.fstat(file.fileno()).st_mtime), UTC)
        return Fetched(kept.flags, date_of(first) or mtime, spool)

    def _copy(self, file: IO[bytes], place: int, spool: Spool, kept: Kept) -> None:
        lines = ToCRLF()
        end, is_apart = self._index.ends[place], False
        while (line := file.readline(LINE)) and line.strip(b"\r\n"):
            name = field_name(line)
            if name or line[:1] not in b" \t":
                is_apart = name in KEPT_APART
            if not is_apart:
                spool.write(lines.feed(line))
            elif name:
                kept.add(name, line)
        spool.write(lines.feed(line))
        unquoting = None if self._index.exact[place] else Unquoting()
        left = end - file.tell()
        while left > 0 and (piece := file.read(min(left, LINE))):
            left -= len(piece)
            spool.write(lines.feed(piece if unquoting is None else unquoting.feed(piece)))
        if unquoting is not None:
            spool.write(lines.feed(unquoting.end()))
        spool.write(lines.end())
