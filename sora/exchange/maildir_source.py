"""Import from a maildir, also while Dovecot serves it: files are renamed when flags change, and
vanish.

A message is known by the base name of its file, which never changes. What is not in Dovecot's list
of UIDs yet is put behind what is. The date is the file's own, as Dovecot has it.
"""

import errno
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from attrs import evolve

from sora.errors import BadArgument, StorageFull, TooBig
from sora.exchange.formats.keywords import FILE as KEYWORDS
from sora.exchange.formats.keywords import parse_keywords
from sora.exchange.formats.line_ends import ToCRLF
from sora.exchange.formats.maildir import flags_of, order_of, parse_name
from sora.exchange.formats.subscriptions import FILES, parse_subscriptions
from sora.exchange.inflating import contents
from sora.exchange.maildir_tree import Layout, MaildirTree, look_at, uidlist_of
from sora.exchange.opening import open_lines, open_octets
from sora.exchange.source import PAGE, USUAL_SIZE, Fetched, Folder, Found, Problem, key_of, reading
from sora.mailbox.spool import Spool
from sora.threads import Threads

MAX_SMALL_FILE: Final = 4 * 1024 * 1024
"""octets of a file that is read at once: keywords, subscriptions"""
_LETTERS_CHANGED: Final = 3
"""times that a file which was renamed is looked for"""

_Entry = tuple[int, str, str]
"""UID or 0, `cur` or `new`, name of the file"""


class MaildirSource:
    """`Source` on a directory. `limit` is the largest message, in octets."""

    def __init__(self, path: str, threads: Threads, *, limit: int, layout: Layout = "auto") -> None:
        self._path = path
        self._threads = threads
        self._limit = limit
        self._layout: Layout = layout
        self._tree: MaildirTree | None = None

    def problems(self) -> Sequence[Problem]:
        """See `Source.problems`."""
        return self._tree.problems if self._tree is not None else ()

    async def folders(self) -> Sequence[Folder]:
        """See `Source.folders`."""
        self._tree = await reading(self._threads.run(look_at, self._path, self._layout))
        return self._tree.folders

    async def subscriptions(self) -> Sequence[str] | None:
        """See `Source.subscriptions`."""
        assert self._tree is not None, "the folders were asked for before"
        return await self._threads.run(_subscriptions, self._tree)

    async def messages(self, folder: Folder) -> AsyncIterator[Sequence[Found]]:
        """See `Source.messages`."""
        entries = await reading(self._threads.run(_listed, folder))
        for start in range(0, len(entries), PAGE):
            yield await self._threads.run(_page, folder, entries[start : start + PAGE])

    async def read(
        self, folder: Folder, wanted: Sequence[Found], new_spool: Callable[[], Spool]
    ) -> Sequence[Fetched | Problem | None]:
        """See `Source.read`."""
        files = _Reading(folder.place, new_spool, self._limit)
        return await reading(self._threads.run(files.all, wanted))

    def drop(self) -> None:
        """Nobody is waited for."""

    async def close(self) -> None:
        """Nothing is open."""


# What follows runs in threads.


def _subscriptions(tree: MaildirTree) -> list[str] | None:
    for name in FILES:
        try:
            with open_octets(tree.root / name) as file:
                data = file.read(MAX_SMALL_FILE)
        except OSError:
            continue
        return list(parse_subscriptions(data, tree.separator))
    return None


def _listed(folder: Folder) -> list[_Entry]:
    """All messages of a folder."""
    directory: Path = folder.place
    try:
        uidlist = uidlist_of(directory)
    except BadArgument:  # it is among the problems
        uidlist = None
    uids: Mapping[str, int] = {} if uidlist is None else uidlist.uids
    found = {base: (sub, name) for base, sub, name in _files(directory)}
    entries = [(uids.get(base, 0), sub, name) for base, (sub, name) in found.items()]
    entries.sort(key=lambda entry: (entry[0] or 2**32, order_of(entry[2].partition(":")[0])))
    return entries


def _files(directory: Path) -> Iterator[tuple[str, str, str]]:
    """(base, subdirectory, name) of all messages; one that moves while this looks may come
    twice."""
    for sub in ("new", "cur"):
        if (directory / sub).is_symlink():
            continue
        try:
            with os.scandir(directory / sub) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        yield entry.name.partition(":")[0], sub, entry.name
        except FileNotFoundError:
            continue


def _page(folder: Folder, entries: Sequence[_Entry]) -> list[Found]:
    keywords = _keywords(folder.place)
    return [_found(folder, entry, keywords) for entry in entries]


def _found(folder: Folder, entry: _Entry, keywords: Mapping[str, str]) -> Found:
    uid, sub, name = entry
    parsed = parse_name(name)
    return Found(
        key_of("maildir", parsed.base),
        (sub, name),
        f"{folder.place}/{sub}/{name}",
        uid or None,
        _size(folder.place / sub / name) if parsed.size is None else parsed.size,
        flags_of(parsed.letters if sub == "cur" else "", keywords),
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return USUAL_SIZE


class _Reading:
    """Reads files of one directory."""

    def __init__(self, directory: Path, new_spool: Callable[[], Spool], limit: int) -> None:
        self._directory = directory
        self._new_spool = new_spool
        self._limit = limit
        self._keywords = _keywords(directory)

    def all(self, wanted: Sequence[Found]) -> list[Fetched | Problem | None]:
        """Each of them; those that are not where they were are looked for once more."""
        results = [self._one(found) for found in wanted]
        for _ in range(_LETTERS_CHANGED):
            gone = [place for place, result in enumerate(results) if result is None]
            if not gone:
                break
            now = {base: (sub, name) for base, sub, name in _files(self._directory)}
            for place in gone:
                found = wanted[place]
                there = now.get(parse_name(found.place[1]).base)
                if there is not None:
                    results[place] = self._one(evolve(found, place=there))
        return results

    def _one(self, found: Found) -> Fetched | Problem | None:
        sub, name = found.place
        try:
            descriptor = os.open(
                self._directory / sub / name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return Problem(found.where, "is a symbolic link, and not followed")
            return Problem(found.where, f"cannot be opened: {error.strerror}")
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            os.close(descriptor)
            return Problem(found.where, "is not a file")
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            spool = self._new_spool()
            try:
                copy_lines(contents(file, self._limit), spool)
            except (TooBig, BadArgument, StorageFull) as error:
                return Problem(found.where, error.text)
            except OSError as error:
                return Problem(found.where, f"cannot be read: {error.strerror}")
        if not spool.size:
            return Problem(found.where, "is empty")
        # What nobody has looked at is where it was delivered to.
        letters = parse_name(name).letters if sub == "cur" else ""
        return Fetched(flags_of(letters, self._keywords), date_of(about.st_mtime, name), spool)


def copy_lines(pieces: Iterator[bytes], spool: Spool) -> None:
    """Put a message into a spool, with CRLF at the end of each line."""
    lines = ToCRLF()
    for piece in pieces:
        spool.write(lines.feed(piece))
    spool.write(lines.end())


def date_of(mtime: float, name: str) -> datetime:
    """When a message came: by the time of its file, or else by its name."""
    for seconds in (int(mtime), order_of(name)[0], 0):
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            continue
    raise AssertionError("the epoch has a date")


def _keywords(directory: Path) -> dict[str, str]:
    try:
        with open_lines(directory / KEYWORDS, "replace") as file:
            return parse_keywords(file.read(MAX_SMALL_FILE).splitlines())
    except OSError:
        return {}
