"""Import from a maildir that came as a tar: nothing of it is unpacked. It is looked at where it
lies, in a nameless file, once for all names; messages are read from there.

A message is known by the base name of its file, so that it is the same one in a directory. Links
between files (`cp -l`, as Dovecot copies) are followed, within the archive; all other links, and
what is no file, are not.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from os import fsdecode
from typing import Any, Final, cast

from attrs import define, field

from sora.errors import BadArgument, BadName, StorageFull, TooBig
from sora.exchange.formats.keywords import FILE as KEYWORDS
from sora.exchange.formats.keywords import parse_keywords
from sora.exchange.formats.maildir import (
    SUBDIRECTORIES,
    flags_of,
    folder_of,
    maildirpp_levels,
    order_of,
    parse_name,
)
from sora.exchange.formats.special_uses import special_use_of
from sora.exchange.formats.subscriptions import FILES, parse_subscriptions
from sora.exchange.formats.tar import Entry, Kind, Octets, entries
from sora.exchange.formats.uidlist import FILE as UIDLIST
from sora.exchange.formats.uidlist import UidList, parse_uidlist
from sora.exchange.inflating import contents
from sora.exchange.maildir_source import MAX_SMALL_FILE, copy_lines, date_of
from sora.exchange.maildir_tree import MAX_FOLDERS, MAX_LINE, Layout
from sora.exchange.source import PAGE, BadSource, Fetched, Folder, Found, Problem, key_of
from sora.mail.mailbox_names import INBOX, MAX_DEPTH, name_key
from sora.mailbox.spool import Spool
from sora.threads import Threads

MAX_PROBLEMS: Final = 10_000
_WITH_MAIL: Final = (b"cur", b"new")
_AT_ROOT: Final = tuple(name.encode("ascii") for name in FILES)
_BESIDE: Final = (UIDLIST.encode("ascii"), KEYWORDS.encode("ascii"))

_Levels = tuple[bytes, ...]
_Place = tuple[int, int, int]
"""offset, size, time of a file"""


@define
class _Directory:
    """A folder: its messages by name (with where they are: `cur` or `new`), Dovecot's files."""

    messages: dict[bytes, tuple[str, _Place]] = field(factory=dict)
    files: dict[bytes, _Place] = field(factory=dict)


@define
class _Tree:
    """What is in an archive."""

    octets: Octets
    layout: Layout
    root: _Directory
    directories: dict[str, _Directory] = field(factory=dict)
    folders: list[Folder] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def fail(self, where: _Levels, text: str, count: int = 1) -> None:
        """Something cannot be imported."""
        if len(self.problems) >= MAX_PROBLEMS:
            raise BadSource(f"More than {MAX_PROBLEMS} things in the archive cannot be imported")
        self.problems.append(Problem(fsdecode(b"/".join(where)), text, count))

    def octets_of(self, place: _Place | None, most: int = MAX_SMALL_FILE) -> bytes:
        """A small file."""
        if place is None:
            return b""
        return bytes(self.octets[place[0] : place[0] + min(place[1], most)])


class TarSource:
    """`Source` on a tar that lies in a spool, which is closed with it. `limit` is the largest
    message, in octets."""

    def __init__(
        self, spool: Spool, threads: Threads, *, limit: int, layout: Layout = "auto"
    ) -> None:
        self._spool = spool
        self._threads = threads
        self._limit = limit
        self._layout = layout
        self._tree: _Tree | None = None

    def problems(self) -> Sequence[Problem]:
        """See `Source.problems`."""
        return self._tree.problems if self._tree is not None else ()

    async def folders(self) -> Sequence[Folder]:
        """See `Source.folders`."""
        self._tree = await self._threads.run(_look_at, self._spool, self._layout)
        return self._tree.folders

    async def subscriptions(self) -> Sequence[str] | None:
        """See `Source.subscriptions`."""
        assert self._tree is not None, "the folders were asked for before"
        return await self._threads.run(_subscriptions, self._tree)

    async def messages(self, folder: Folder) -> AsyncIterator[Sequence[Found]]:
        """See `Source.messages`."""
        assert self._tree is not None, "the folders were asked for before"
        found = await self._threads.run(_found, self._tree, folder)
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    async def read(
        self, folder: Folder, wanted: Sequence[Found], new_spool: Callable[[], Spool]
    ) -> Sequence[Fetched | Problem | None]:
        """See `Source.read`."""
        assert self._tree is not None, "the folders were asked for before"
        reading = _Reading(self._tree, folder, new_spool, self._limit)
        return await self._threads.run(lambda: [reading.one(found) for found in wanted])

    async def close(self) -> None:
        """Let go of the archive."""
        self._spool.close()

    def drop(self) -> None:
        """See `Source.drop`."""


# What follows runs in threads.


def _look_at(spool: Spool, layout: Layout) -> _Tree:
    octets = cast(Octets, spool.data())
    found: dict[_Levels, _Directory] = {}
    tree = _Tree(octets, layout, _Directory())
    tops = set()
    try:
        for entry in entries(octets):
            if entry.levels:
                tops.add(entry.levels[0])
                _take(tree, found, entry)
    except BadArgument as error:
        raise BadSource(error.text) from None
    root: _Levels = ()
    if len(tops) == 1 and () not in found:
        [top] = tops
        root = (top,) if (top,) in found and not top.startswith(b".") else ()
    inside = {
        levels[len(root) :]: directory
        for levels, directory in found.items()
        if levels[: len(root)] == root
    }
    tree.root = inside.get((), tree.root)
    if layout == "auto":
        dotted = any(len(levels) == 1 and levels[0].startswith(b".") for levels in inside)
        tree.layout = "maildir++" if dotted else "fs"
    for levels in sorted(inside):
        _add(tree, levels, inside[levels])
    if not tree.folders and not tree.problems:
        raise BadSource("The archive is not a maildir: nothing in it has cur and new")
    return tree


def _take(tree: _Tree, found: dict[_Levels, _Directory], entry: Entry) -> None:
    """Remember what an entry is in a maildir, if it is something."""
    *above, last = entry.levels
    if entry.kind is Kind.DIRECTORY:
        if last in _WITH_MAIL:
            _directory(found, tuple(above))
        return
    place: _Place | None = (entry.offset, entry.size, entry.mtime)
    if entry.kind is not Kind.FILE:
        place = _linked(found, entry.target) if entry.kind is Kind.LINK else None
    if above and above[-1] in _WITH_MAIL:
        if last.startswith(b"."):
            return
        directory = _directory(found, tuple(above[:-1]))
        if place is None:
            tree.fail(entry.levels, "is no file, and no link to one before it in the archive")
        else:
            directory.messages[last] = (above[-1].decode("ascii"), place)
    elif place is not None and (last in _BESIDE or last in _AT_ROOT):
        _directory(found, tuple(above)).files[last] = place


def _directory(found: dict[_Levels, _Directory], levels: _Levels) -> _Directory:
    if levels not in found and len(found) >= MAX_FOLDERS:
        raise BadSource(f"The archive has more than {MAX_FOLDERS} folders")
    return found.setdefault(levels, _Directory())


def _linked(found: dict[_Levels, _Directory], target: _Levels) -> _Place | None:
    directory = found.get(target[:-2]) if len(target) > 1 else None
    message = directory.messages.get(target[-1]) if directory is not None else None
    return message[1] if message is not None else None


def _add(tree: _Tree, levels: _Levels, directory: _Directory) -> None:
    name = _name(tree, levels, directory)
    if name is None:
        return
    uidvalidity = uidnext = None
    try:
        if (listed := _uidlist(tree, directory)) is not None:
            uidvalidity, uidnext = listed.uidvalidity, listed.uidnext
    except BadArgument as error:
        tree.fail(levels, error.text, 0)
    place = fsdecode(b"/".join(levels)) or "."
    tree.directories[place] = directory
    messages = len(directory.messages)
    tree.folders.append(Folder(name, place, uidvalidity, uidnext, special_use_of(name), messages))


def _name(tree: _Tree, levels: _Levels, directory: _Directory) -> str | None:
    """The mailbox of a folder; None for what is none, or cannot be one."""
    if not levels:
        return INBOX
    if tree.layout == "maildir++":
        if len(levels) > 1 or not levels[0].startswith(b"."):
            return None
        levels_of_name = maildirpp_levels(levels[0])
    else:
        if any(one.startswith(b".") or fsdecode(one) in SUBDIRECTORIES for one in levels):
            return None
        levels_of_name = list(levels)
    count = max(len(directory.messages), 1)
    if len(levels) > MAX_DEPTH:
        tree.fail(levels[:MAX_DEPTH], f"is more than {MAX_DEPTH} levels deep", count)
        return None
    try:
        name = folder_of(levels_of_name)
    except BadName as error:
        tree.fail(levels, error.text, count)
        return None
    if any(one.name == name for one in tree.folders if name_key(name) == INBOX):
        tree.fail(levels, "is INBOX, and so is the root", count)
        return None
    return name


def _uidlist(tree: _Tree, directory: _Directory) -> UidList | None:
    place = directory.files.get(_BESIDE[0])
    if place is None:
        return None
    return parse_uidlist(_lines(tree, place))


def _lines(tree: _Tree, place: _Place) -> Iterator[str]:
    """Lines of bounded length."""
    position, end = place[0], place[0] + place[1]
    while position < end:
        piece = bytes(tree.octets[position : min(position + MAX_LINE, end)])
        length = piece.find(b"\n") + 1 or len(piece)
        position += length
        yield piece[:length].decode("utf-8", "surrogateescape")


def _subscriptions(tree: _Tree) -> list[str] | None:
    separator = b"/" if tree.layout == "fs" else b"."
    for name in _AT_ROOT:
        if name in tree.root.files:
            data = tree.octets_of(tree.root.files[name])
            return list(parse_subscriptions(data, separator))
    return None


def _keywords(tree: _Tree, directory: _Directory) -> dict[str, str]:
    data = tree.octets_of(directory.files.get(_BESIDE[1]))
    return parse_keywords(data.decode("utf-8", "replace").splitlines())


def _found(tree: _Tree, folder: Folder) -> list[Found]:
    """All messages of a folder."""
    directory = tree.directories[folder.place]
    keywords = _keywords(tree, directory)
    try:
        listed = _uidlist(tree, directory)
    except BadArgument:  # it is among the problems
        listed = None
    by_base: dict[str, Found] = {}
    for octets, (sub, place) in directory.messages.items():
        name = fsdecode(octets)
        parsed = parse_name(name)
        by_base[parsed.base] = Found(
            key_of("maildir", parsed.base),
            octets,
            f"{folder.place}/{sub}/{name}",
            None if listed is None else listed.uids.get(parsed.base),
            place[1] if parsed.size is None else parsed.size,
            flags_of(parsed.letters if sub == "cur" else "", keywords),
        )
    return [
        by_base[base]
        for base in sorted(by_base, key=lambda base: (by_base[base].uid or 2**32, order_of(base)))
    ]


class _Reading:
    """Reads messages of one folder."""

    def __init__(
        self, tree: _Tree, folder: Folder, new_spool: Callable[[], Spool], limit: int
    ) -> None:
        self._octets = tree.octets
        self._messages = tree.directories[folder.place].messages
        self._new_spool = new_spool
        self._limit = limit

    def one(self, found: Found) -> Fetched | Problem:
        """A message."""
        _, (offset, size, mtime) = self._messages[found.place]
        file: Any = _Window(self._octets, offset, offset + size)
        spool = self._new_spool()
        try:
            copy_lines(contents(file, self._limit), spool)
        except (TooBig, BadArgument, StorageFull) as error:
            return Problem(found.where, error.text)
        if not spool.size:
            return Problem(found.where, "is empty")
        assert found.flags is not None, "they are in its name"
        return Fetched(found.flags, date_of(mtime, fsdecode(found.place)), spool)


@define
class _Window:
    """A file in an archive."""

    _octets: Octets
    _position: int
    _end: int

    def read(self, size: int) -> bytes:
        """The next octets."""
        piece = bytes(self._octets[self._position : min(self._position + size, self._end)])
        self._position += len(piece)
        return piece
