"""Export to a maildir that Dovecot serves with the same UIDs, flags, keywords and subscriptions.

A message is written to `tmp` and gets its name in `cur` when it is complete. Its name tells its
UID, so that an export that is repeated writes what is missing, gives new names where flags have
changed, and takes away what was expunged; files of others are never touched. Dovecot's list of UIDs
comes last, in one moment: a folder without it is not complete.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from sora.errors import BadArgument, StorageFull
from sora.exchange.formats import keywords as dovecot_keywords
from sora.exchange.formats import uidlist
from sora.exchange.formats.line_ends import ToLF
from sora.exchange.formats.maildir import SUBDIRECTORIES, file_name, letters_of, parse_name
from sora.exchange.formats.subscriptions import FILES, subscriptions_text
from sora.exchange.maildir_tree import uidlist_of
from sora.exchange.maildir_words import (
    Layout,
    directory_of,
    give_letters,
    uidlist_head,
    unique_name,
)
from sora.exchange.target import BadTarget, Outgoing
from sora.mail.flags import Flags
from sora.storage.rows import MailboxRow

_OURS: Final = re.compile(r"[0-9]+\.V([0-9]+)U([0-9]+)\.sora(?=,|\Z)")


class MaildirTarget:
    """`Target` in a directory, which is made when it is not there."""

    def __init__(self, path: str, layout: Layout = "maildir++") -> None:
        self._root = Path(path)
        self._layout = layout

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> "MaildirFolder":
        """See `Target.folder`."""
        directory = self._root / directory_of(mailbox.name, self._layout)
        return MaildirFolder(self._root, directory, mailbox, keywords)

    def finish(self, subscriptions: Sequence[str]) -> None:
        """See `Target.finish`."""
        _write_whole(self._root / FILES[0], subscriptions_text(subscriptions))


class MaildirFolder:
    """`FolderTarget`: a directory with `cur`, `new` and `tmp`."""

    def __init__(
        self, root: Path, directory: Path, mailbox: MailboxRow, keywords: Sequence[str]
    ) -> None:
        self._directory = directory
        self._mailbox = mailbox
        self._names: dict[int, str] = {}
        self.lost: list[str] = []
        try:
            _make_directories(root, directory)
            self._look()
            self._letters = self._learn(keywords)
        except OSError as error:
            raise BadTarget(f"{directory} cannot be written: {error.strerror}") from error

    def has(self, uid: int, flags: Flags) -> bool:
        """See `FolderTarget.has`."""
        name = self._names.get(uid)
        if name is None:
            return False
        letters = letters_of(flags, self._letters)
        parsed = parse_name(name)
        if parsed.letters != letters:
            renamed = f"{parsed.base}:2,{letters}"
            self._rename(f"cur/{name}", renamed)
            self._names[uid] = renamed
        return True

    def start(self, message: Outgoing) -> "_MaildirMessage":
        """See `FolderTarget.start`."""
        return _MaildirMessage(self, unique_name(self._mailbox, message), message)

    def placed(self, message: Outgoing, unique: str, size: int, size_crlf: int) -> None:
        """The file of a message is complete."""
        name = file_name(unique, size, size_crlf, letters_of(message.flags, self._letters))
        seconds = int(message.date.timestamp())
        os.utime(self._directory / "tmp" / unique, (seconds, seconds))
        self._rename(f"tmp/{unique}", name)
        self._names[message.uid] = name

    def open(self, unique: str) -> IO[bytes]:
        """A new file for a message."""
        path = self._directory / "tmp" / unique
        path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(path, flags, 0o600), "wb")

    def remove(self, unique: str) -> None:
        """Take an incomplete file away."""
        (self._directory / "tmp" / unique).unlink(missing_ok=True)

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """See `FolderTarget.finish`."""
        there = set(uids)
        lines = [uidlist_head(self._mailbox, uidnext)]
        for uid in sorted(self._names):
            if uid in there:
                base = parse_name(self._names[uid]).base
                lines.append(uidlist.uidlist_line(uid, base))
            else:
                (self._directory / "cur" / self._names[uid]).unlink(missing_ok=True)
        _write_whole(self._directory / uidlist.FILE, "".join(lines).encode("ascii"))

    def drop(self) -> None:
        """See `FolderTarget.drop`: all that is there can be gone on with."""

    # ------------------------------------------------------------ inside

    def _look(self) -> None:
        """What is there from an export before. Raises BadTarget for what is somebody else's."""
        try:
            listed = uidlist_of(self._directory)
        except BadArgument as error:
            raise BadTarget(f"{self._directory}: {error.text}") from None
        if listed is not None and listed.uidvalidity != self._mailbox.uidvalidity:
            raise BadTarget(f"{self._directory} has UIDs of another mailbox: export elsewhere")
        for sub in ("cur", "new"):
            for entry in os.scandir(self._directory / sub):
                if entry.name.startswith("."):
                    continue
                ours = _OURS.match(entry.name)
                if ours is None or int(ours[1]) != self._mailbox.uidvalidity:
                    raise BadTarget(f"{self._directory} has mail of its own: export elsewhere")
                if sub == "new":
                    name = f"{parse_name(entry.name).base}:2,"
                    (self._directory / "new" / entry.name).rename(self._directory / "cur" / name)
                    self._names[int(ours[2])] = name
                else:
                    self._names[int(ours[2])] = entry.name

    def _learn(self, keywords: Sequence[str]) -> dict[str, str]:
        """Small letters for keywords, by folded name: those that it had before stay."""
        path = self._directory / dovecot_keywords.FILE
        try:
            known = dovecot_keywords.parse_keywords(path.read_text("utf-8").splitlines())
        except FileNotFoundError:
            known = {}
        folded, self.lost = give_letters(known, keywords)
        if known:
            _write_whole(path, dovecot_keywords.keywords_text(known).encode("utf-8"))
        return folded

    def _rename(self, place: str, name: str) -> None:
        with writing(self._directory):
            (self._directory / place).rename(self._directory / "cur" / name)


class _MaildirMessage:
    """`MessageTarget`: a file in `tmp`, until it is complete."""

    def __init__(self, folder: MaildirFolder, unique: str, message: Outgoing) -> None:
        self._folder = folder
        self._unique = unique
        self._message = message
        self._lines = ToLF()
        with writing(unique):
            self._file = folder.open(unique)

    def write(self, data: bytes) -> None:
        """See `MessageTarget.write`."""
        with writing(self._unique):
            self._file.write(self._lines.feed(data))

    def end(self) -> None:
        """See `MessageTarget.end`."""
        lines = self._lines
        with writing(self._unique):
            self._file.write(lines.end())
            self._file.close()
            self._folder.placed(self._message, self._unique, lines.size, lines.size_crlf)

    def drop(self) -> None:
        """See `MessageTarget.drop`."""
        with suppress(OSError):  # a disk that is full
            self._file.close()
        self._folder.remove(self._unique)


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """What fails in it has no room, or no right. Raises StorageFull."""
    try:
        yield
    except OSError as error:
        raise StorageFull(f"{path} cannot be written: {error.strerror}") from error


def _make_directories(root: Path, directory: Path) -> None:
    """Make a folder; none of its directories below the root may be a link to elsewhere (G38)."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    steps = directory.relative_to(root).parts
    for depth in range(1, len(steps) + 1):
        _make(root.joinpath(*steps[:depth]))
    for sub in SUBDIRECTORIES:
        _make(directory / sub)
    if directory != root and directory.parent == root and directory.name.startswith("."):
        (directory / "maildirfolder").touch(mode=0o600)


def _make(directory: Path) -> None:
    if directory.is_symlink():
        raise BadTarget(f"{directory} is a symbolic link, and not followed")
    directory.mkdir(exist_ok=True, mode=0o700)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file in one moment."""
    temporary = path.with_name(f"{path.name}.sora-tmp")
    with writing(path):
        temporary.unlink(missing_ok=True)
        temporary.write_bytes(data)
        temporary.chmod(0o600)
        temporary.rename(path)
