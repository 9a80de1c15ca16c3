"""The folders of a maildir on a disk: Maildir++ (`.A.B` in the root) or the layout fs (`A/B`).

Symbolic links are not followed, but for the root itself: what they lead to may be outside, or
above.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from attrs import Factory, frozen

from sora.errors import BadArgument, BadName
from sora.exchange.formats.maildir import SUBDIRECTORIES, folder_of, maildirpp_levels
from sora.exchange.formats.special_uses import special_use_of
from sora.exchange.formats.uidlist import FILE, UidList, parse_uidlist
from sora.exchange.opening import open_lines
from sora.exchange.source import BadSource, Folder, Problem
from sora.mail.mailbox_names import INBOX, MAX_DEPTH, name_key

Layout = Literal["auto", "maildir++", "fs"]
MAX_FOLDERS: Final = 20_000
MAX_LINE: Final = 4096
LINK: Final = "is a symbolic link, and not followed: import what it leads to by itself"


@frozen
class MaildirTree:
    """A root, once it was looked at: its folders, and what cannot be one."""

    root: Path
    layout: Layout
    folders: list[Folder] = Factory(list)
    problems: list[Problem] = Factory(list)

    @property
    def separator(self) -> bytes:
        """What stands between levels in files of Dovecot's first versions."""
        return b"/" if self.layout == "fs" else b"."


def look_at(path: str, layout: Layout = "auto") -> MaildirTree:
    """Find all folders. It blocks. Raises BadSource."""
    root = Path(path).resolve()
    if not root.is_dir():
        raise BadSource(f"There is no directory {path}")
    for other in ("mdbox", "sdbox", "dbox-Mails"):
        if (root / other).is_dir():
            raise BadSource(f"{path} is a dbox of Dovecot and not a maildir: use import-imap")
    if layout == "auto":
        layout = "maildir++" if _has_maildirpp(root) else "fs"
    tree = MaildirTree(root, layout)
    if is_maildir(root):
        _add(tree, root, INBOX)
    if layout == "maildir++":
        _walk_maildirpp(tree)
    else:
        _walk_fs(tree, root, ())
    if not tree.folders and not tree.problems:
        raise BadSource(f"{path} is not a maildir: nothing in it has cur and new")
    return tree


def is_maildir(directory: Path) -> bool:
    """Whether messages can be in a directory."""
    return any((directory / name).is_dir() for name in ("cur", "new"))


def uidlist_of(directory: Path) -> UidList | None:
    """What Dovecot says about the UIDs in a folder; None when it has not been there. Raises
    BadArgument."""
    try:
        with open_lines(directory / FILE, "surrogateescape") as file:
            return parse_uidlist(_lines(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadArgument(f"{FILE} cannot be read: {error.strerror}") from None


def _lines(file: object) -> Iterator[str]:
    """Lines of bounded length."""
    while line := file.readline(MAX_LINE):  # type: ignore[attr-defined]
        yield line


def _has_maildirpp(root: Path) -> bool:
    with os.scandir(root) as entries:
        return any(
            entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            for entry in entries
            if is_maildir(Path(entry.path))
        )


def _walk_maildirpp(tree: MaildirTree) -> None:
    for entry in _directories(tree, tree.root):
        if entry.name.startswith(b"."):
            _try(tree, entry, maildirpp_levels(entry.name))


def _walk_fs(tree: MaildirTree, directory: Path, above: tuple[bytes, ...]) -> None:
    if len(above) > MAX_DEPTH:
        tree.problems.append(Problem(str(directory), f"is more than {MAX_DEPTH} levels deep"))
        return
    for entry in _directories(tree, directory):
        if entry.name.startswith(b".") or entry.name.decode("latin-1") in SUBDIRECTORIES:
            continue
        levels = (*above, entry.name)
        _try(tree, entry, list(levels))
        _walk_fs(tree, Path(os.fsdecode(entry.path)), levels)


def _directories(tree: MaildirTree, directory: Path) -> "list[os.DirEntry[bytes]]":
    """What is in a directory and could be a folder, by name."""
    found = []
    with os.scandir(os.fsencode(directory)) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry)
            elif (
                entry.is_symlink() and entry.is_dir() and is_maildir(Path(os.fsdecode(entry.path)))
            ):
                tree.problems.append(Problem(os.fsdecode(entry.path), LINK))
    return sorted(found, key=lambda entry: entry.name)


def _try(tree: MaildirTree, entry: "os.DirEntry[bytes]", levels: list[bytes]) -> None:
    directory = Path(os.fsdecode(entry.path))
    if not is_maildir(directory):
        return
    try:
        name = folder_of(levels)
    except BadName as error:
        count = count_messages(directory)
        tree.problems.append(Problem(str(directory), error.text, max(count, 1)))
        return
    if any(folder.name == name for folder in tree.folders if name_key(name) == INBOX):
        tree.problems.append(Problem(str(directory), "is INBOX, and so is the root"))
        return
    _add(tree, directory, name)


def _add(tree: MaildirTree, directory: Path, name: str) -> None:
    if len(tree.folders) >= MAX_FOLDERS:
        raise BadSource(f"{tree.root} has more than {MAX_FOLDERS} folders")
    for sub in ("cur", "new"):
        if (directory / sub).is_symlink():
            tree.problems.append(Problem(str(directory / sub), LINK))
    uidvalidity = uidnext = None
    try:
        if (head := _head(directory)) is not None:
            uidvalidity, uidnext = head.uidvalidity, head.uidnext
    except BadArgument as error:
        tree.problems.append(Problem(str(directory), error.text, 0))
    tree.folders.append(
        Folder(
            name,
            directory,
            uidvalidity,
            uidnext,
            special_use_of(name),
            count_messages(directory),
        )
    )


def _head(directory: Path) -> UidList | None:
    """The first line of the UID list."""
    try:
        with open_lines(directory / FILE, "surrogateescape") as file:
            return parse_uidlist([file.readline(MAX_LINE)])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadArgument(f"{FILE} cannot be read: {error.strerror}") from None


def count_messages(directory: Path) -> int:
    """About how many messages a folder has."""
    count = 0
    for name in ("cur", "new"):
        if (directory / name).is_symlink():
            continue
        try:
            with os.scandir(directory / name) as entries:
                count += sum(not entry.name.startswith(".") for entry in entries)
        except OSError:
            continue
    return count
