"""Exports that are sent as they come, and stand in no directory: a maildir as a tar (POSIX.1-2001),
mailboxes as mbox files in a ZIP archive, or one of them by itself.

A target is written to as any other is (`target.py`); what that makes is taken away piece by piece
with `take`. Who exports takes all of it after each group of messages, so that no more than one
group is held. A large message waits for its end in a nameless file: a header tells its size.

In a tar the size of a file comes before it. The messages of a maildir are known to their end when
they go; a mailbox as one file would have to be read twice, or be kept somewhere: a ZIP archive
tells sizes behind.
"""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from tarfile import BLOCKSIZE, DIRTYPE, PAX_FORMAT, TarInfo
from typing import Any, Final, Protocol
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sora.exchange.formats import keywords as dovecot_keywords
from sora.exchange.formats import uidlist
from sora.exchange.formats.line_ends import ToLF
from sora.exchange.formats.maildir import SUBDIRECTORIES, file_name, letters_of, parse_name
from sora.exchange.formats.mbox import Entry
from sora.exchange.formats.subscriptions import FILES, subscriptions_text
from sora.exchange.maildir_words import (
    Layout,
    directory_of,
    give_letters,
    uidlist_head,
    unique_name,
)
from sora.exchange.mbox_target import SUFFIX
from sora.exchange.target import Outgoing, Target
from sora.mail.flags import Flags
from sora.mailbox.spool import Readable, Spool
from sora.storage.rows import MailboxRow

PIECE: Final = 64 * 1024
"""octets that are taken away at once"""
HELD: Final = 512 * 1024
"""octets up to which a message is held in memory; most are written whole"""
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)
"""where the time of a ZIP archive begins"""


class Pieces:
    """Octets on their way out. Spools are let go when they were taken."""

    def __init__(self) -> None:
        self._waiting: deque[bytes | Spool] = deque()
        self._open: Readable | None = None

    def write(self, data: bytes) -> int:
        """More of them."""
        if data:
            self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """They go when they are taken."""

    def put(self, spool: Spool) -> None:
        """Those of a spool, which is closed here."""
        self._waiting.append(spool)

    def take(self) -> bytes:
        """About `PIECE` of the next ones; none when there are no more now."""
        found: list[bytes] = []
        size = 0
        while self._waiting and size < PIECE:
            piece = self._next()
            size += len(piece)
            found.append(piece)
        return b"".join(found)

    def close(self) -> None:
        """Nobody takes the rest."""
        if self._open is not None:
            self._open.close()
        for one in self._waiting:
            if isinstance(one, Spool):
                one.close()
        self._waiting.clear()

    def _next(self) -> bytes:
        first = self._waiting[0]
        if isinstance(first, bytes):
            if len(first) > 2 * PIECE:
                self._waiting[0] = first[PIECE:]
                return first[:PIECE]
            self._waiting.popleft()
            return first
        if self._open is None:
            self._open = first.open()
        piece = self._open.read(PIECE)
        if not piece:
            self._open.close()
            self._open = None
            self._waiting.popleft()
            first.close()
        return piece


class StreamTarget(Target, Protocol):
    """A target whose octets are taken away. All is called in threads."""

    lost: list[str]
    """keywords for which there was no place, with their mailboxes"""

    def take(self) -> bytes:
        """The next octets; none when there are no more now."""

    def end(self) -> None:
        """Nothing is missing: what follows says so."""

    def close(self) -> None:
        """Nothing more is taken."""


# ------------------------------------------------------------------ maildir, as a tar


class TarTarget:
    """`StreamTarget`: what `MaildirTarget` makes, as a tar. `now` is what directories get as their
    time, in seconds of the epoch."""

    def __init__(self, layout: Layout, now: float) -> None:
        self._layout = layout
        self.now = int(now)
        self._made: set[str] = set()
        self._pieces = Pieces()
        self.lost: list[str] = []

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> "_TarFolder":
        """See `Target.folder`."""
        directory = directory_of(mailbox.name, self._layout)
        levels = directory.split("/") if directory else []
        for depth in range(1, len(levels) + 1):
            self._make("/".join(levels[:depth]))
        inside = f"{directory}/" if directory else ""
        for sub in SUBDIRECTORIES:
            self._make(inside + sub)
        if directory.startswith("."):
            self.add(f"{inside}maildirfolder", b"")
        letters: dict[str, str] = {}
        folded, lost = give_letters(letters, keywords)
        self.lost += [f"{mailbox.name}: {word}" for word in lost]
        if letters:
            text = dovecot_keywords.keywords_text(letters)
            self.add(inside + dovecot_keywords.FILE, text.encode("utf-8"))
        return _TarFolder(self, inside, mailbox, folded)

    def finish(self, subscriptions: Sequence[str]) -> None:
        """See `Target.finish`."""
        self.add(FILES[0], subscriptions_text(subscriptions))

    def take(self) -> bytes:
        """See `StreamTarget.take`."""
        return self._pieces.take()

    def end(self) -> None:
        """Two empty blocks, as the format wants it."""
        self._pieces.write(bytes(2 * BLOCKSIZE))

    def close(self) -> None:
        """See `StreamTarget.close`."""
        self._pieces.close()

    def add(self, name: str, data: bytes) -> None:
        """A small file."""
        self._begin(name, len(data), self.now)
        self._pieces.write(data)
        self._pad(len(data))

    def add_spool(self, name: str, spool: Spool, seconds: int) -> None:
        """A file, which is let go here, and its time."""
        self._begin(name, spool.size, seconds)
        self._pieces.put(spool)
        self._pad(spool.size)

    def _make(self, directory: str) -> None:
        if directory in self._made:
            return
        self._made.add(directory)
        about = TarInfo(directory)
        about.type, about.mode, about.mtime = DIRTYPE, 0o700, self.now
        self._pieces.write(about.tobuf(PAX_FORMAT))

    def _begin(self, name: str, size: int, seconds: int) -> None:
        about = TarInfo(name)
        about.size, about.mode, about.mtime = size, 0o600, seconds
        self._pieces.write(about.tobuf(PAX_FORMAT))

    def _pad(self, size: int) -> None:
        self._pieces.write(bytes(-size % BLOCKSIZE))


class _TarFolder:
    """`FolderTarget`. The list of UIDs grows with the messages, and comes behind them."""

    def __init__(
        self, tar: TarTarget, inside: str, mailbox: MailboxRow, letters: dict[str, str]
    ) -> None:
        self.lost: list[str] = []
        self._tar = tar
        self._inside = inside
        self._mailbox = mailbox
        self._letters = letters
        self._uids = Spool()
        self._uids.write(uidlist_head(mailbox, mailbox.uidnext).encode("ascii"))

    def has(self, uid: int, flags: Flags) -> bool:
        """See `FolderTarget.has`."""
        return False

    def start(self, message: Outgoing) -> "_TarMessage":
        """See `FolderTarget.start`."""
        return _TarMessage(self, message)

    def placed(self, message: Outgoing, spool: Spool, size_crlf: int) -> None:
        """A message is complete."""
        unique = unique_name(self._mailbox, message)
        letters = letters_of(message.flags, self._letters)
        name = file_name(unique, spool.size, size_crlf, letters)
        seconds = int(message.date.timestamp())
        self._tar.add_spool(f"{self._inside}cur/{name}", spool, seconds)
        line = uidlist.uidlist_line(message.uid, parse_name(name).base)
        self._uids.write(line.encode("ascii"))

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """See `FolderTarget.finish`."""
        self._tar.add_spool(self._inside + uidlist.FILE, self._uids, self._tar.now)

    def drop(self) -> None:
        """See `FolderTarget.drop`."""
        self._uids.close()


class _TarMessage:
    """`MessageTarget`: it goes when its size is known."""

    def __init__(self, folder: _TarFolder, message: Outgoing) -> None:
        self._folder = folder
        self._message = message
        self._lines = ToLF()
        self._spool = Spool(HELD)

    def write(self, data: bytes) -> None:
        """See `MessageTarget.write`."""
        self._spool.write(self._lines.feed(data))

    def end(self) -> None:
        """See `MessageTarget.end`."""
        self._spool.write(self._lines.end())
        self._folder.placed(self._message, self._spool, self._lines.size_crlf)

    def drop(self) -> None:
        """See `MessageTarget.drop`."""
        self._spool.close()


# ------------------------------------------------------------------ mbox


class MboxStream:
    """`StreamTarget`: one mailbox as an mbox."""

    def __init__(self) -> None:
        self._pieces = Pieces()
        self.lost: list[str] = []

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> "_MboxFolder":
        """See `Target.folder`."""
        return _MboxFolder(self._pieces)

    def finish(self, subscriptions: Sequence[str]) -> None:
        """See `Target.finish`."""

    def take(self) -> bytes:
        """See `StreamTarget.take`."""
        return self._pieces.take()

    def end(self) -> None:
        """An mbox has no end of its own."""

    def close(self) -> None:
        """See `StreamTarget.close`."""
        self._pieces.close()


class ZipTarget:
    """`StreamTarget`: what `MboxTarget` makes, in a ZIP archive (with the sizes of ZIP64, which
    come behind each file). `now` is the time of all files."""

    def __init__(self, now: float) -> None:
        self._out = Pieces()
        out: Any = self._out  # it has no `tell`, so that nothing is written that is mended later
        self._zip = ZipFile(out, "w", ZIP_STORED)
        self._time = max(datetime.fromtimestamp(now, UTC).timetuple()[:6], _OLDEST)
        self._folder: _ZipFolder | None = None
        self.lost: list[str] = []

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> "_ZipFolder":
        """See `Target.folder`; the one before has come to its end."""
        about = ZipInfo(mailbox.name + SUFFIX, self._time)
        about.external_attr = 0o100600 << 16
        self._folder = _ZipFolder(self._zip, about)
        return self._folder

    def finish(self, subscriptions: Sequence[str]) -> None:
        """See `Target.finish`."""

    def take(self) -> bytes:
        """See `StreamTarget.take`."""
        data = self._out.take()
        while not data and self._folder is not None and self._folder.move():
            data = self._out.take()
        return data

    def end(self) -> None:
        """The list of what is in it."""
        self._zip.close()

    def close(self) -> None:
        """See `StreamTarget.close`."""
        if self._folder is not None:
            self._folder.drop()
        self._zip.close()
        self._out.close()


class _MboxFolder:
    """`FolderTarget`."""

    def __init__(self, pieces: Pieces) -> None:
        self.lost: list[str] = []
        self._pieces = pieces

    def has(self, uid: int, flags: Flags) -> bool:
        """See `FolderTarget.has`."""
        return False

    def start(self, message: Outgoing) -> "_MboxMessage":
        """See `FolderTarget.start`."""
        return _MboxMessage(self._pieces, message)

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """See `FolderTarget.finish`."""

    def drop(self) -> None:
        """See `FolderTarget.drop`."""


class _ZipFolder(_MboxFolder):
    """`FolderTarget`: a file of the archive."""

    def __init__(self, archive: ZipFile, about: ZipInfo) -> None:
        super().__init__(Pieces())
        self._file = archive.open(about, "w", force_zip64=True)

    def move(self) -> bool:
        """A piece goes on into the archive. False when there is none now."""
        piece = self._pieces.take()
        if piece:
            self._file.write(piece)
        return bool(piece)

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """See `FolderTarget.finish`."""
        while self.move():
            pass
        self._file.close()

    def drop(self) -> None:
        """See `FolderTarget.drop`; another one can begin."""
        self._pieces.close()
        self._file.close()


class _MboxMessage:
    """`MessageTarget`: it goes when it is complete."""

    def __init__(self, pieces: Pieces, message: Outgoing) -> None:
        self._pieces = pieces
        self._entry = Entry(message.sender, message.date, message.flags)
        self._spool = Spool(HELD)
        self._spool.write(self._entry.head)

    def write(self, data: bytes) -> None:
        """See `MessageTarget.write`."""
        self._spool.write(self._entry.feed(data))

    def end(self) -> None:
        """See `MessageTarget.end`."""
        self._spool.write(self._entry.end())
        self._pieces.put(self._spool)

    def drop(self) -> None:
        """See `MessageTarget.drop`."""
        self._spool.close()
