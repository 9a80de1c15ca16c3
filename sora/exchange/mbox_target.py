"""Export to mbox files, in the variant mboxrd: `A/B.mbox` for the mailbox `A/B`.

A file is written beside its place and gets its name when it is complete: an export that is repeated
writes it anew.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from sora.exchange.formats.mbox import Entry
from sora.exchange.maildir_target import writing
from sora.exchange.target import BadTarget, Outgoing
from sora.mail.flags import Flags
from sora.mail.mailbox_names import DELIMITER
from sora.storage.rows import MailboxRow

SUFFIX: Final = ".mbox"


class MboxTarget:
    """`Target` in a directory, which is made when it is not there."""

    def __init__(self, path: str) -> None:
        self._root = Path(path)

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> "MboxFolder":
        """See `Target.folder`."""
        *above, last = mailbox.name.split(DELIMITER)
        directory = self._root
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            for level in above:
                directory = directory / level
                if directory.is_symlink():
                    raise BadTarget(f"{directory} is a symbolic link, and not followed")
                directory.mkdir(exist_ok=True, mode=0o700)
            return MboxFolder(directory / f"{last}{SUFFIX}")
        except OSError as error:
            raise BadTarget(f"{directory} cannot be written: {error.strerror}") from error

    def finish(self, subscriptions: Sequence[str]) -> None:
        """See `Target.finish`: files know of no subscriptions."""


class MboxFolder:
    """`FolderTarget`: a file."""

    def __init__(self, path: Path) -> None:
        self.lost: list[str] = []
        self._path = path
        self._temporary = path.with_name(f".{path.name}.sora-tmp")
        self._temporary.unlink(missing_ok=True)
        self._temporary.touch(0o600, exist_ok=False)
        self._file: IO[bytes] = self._temporary.open("r+b")

    def has(self, uid: int, flags: Flags) -> bool:
        """See `FolderTarget.has`."""
        return False

    def start(self, message: Outgoing) -> "_MboxMessage":
        """See `FolderTarget.start`."""
        return _MboxMessage(self._path, self._file, message)

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """See `FolderTarget.finish`."""
        with writing(self._path):
            self._file.close()
            self._temporary.rename(self._path)

    def drop(self) -> None:
        """See `FolderTarget.drop`."""
        with suppress(OSError):  # a disk that is full
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class _MboxMessage:
    """`MessageTarget`: the end of a file."""

    def __init__(self, path: Path, file: IO[bytes], message: Outgoing) -> None:
        self._path = path
        self._file = file
        self._entry = Entry(message.sender, message.date, message.flags)
        with writing(path):
            self._start = file.tell()
            file.write(self._entry.head)

    def write(self, data: bytes) -> None:
        """See `MessageTarget.write`."""
        self._put(self._entry.feed(data))

    def end(self) -> None:
        """See `MessageTarget.end`."""
        self._put(self._entry.end())

    def drop(self) -> None:
        """See `MessageTarget.drop`."""
        with writing(self._path):
            self._file.seek(self._start)
            self._file.truncate()

    def _put(self, data: bytes) -> None:
        with writing(self._path):
            self._file.write(data)
