"""Where mail is exported to: folders, and messages that are written piece by piece.

Calls are made in threads, for one folder one after the other; only the pieces of a large message
are written in the reactor: they go to the page cache.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from sora.errors import SoraError
from sora.mail.flags import Flags
from sora.storage.rows import MailboxRow


class BadTarget(SoraError):
    """Nothing can be exported to there."""


@frozen
class Outgoing:
    """A message that is exported. `sender` is the address of its Return-Path, or empty."""

    uid: int
    flags: Flags
    date: datetime
    sender: str = ""


class MessageTarget(Protocol):
    """A message that is being written."""

    def write(self, data: bytes) -> None:
        """The next octets. Raises StorageFull."""

    def end(self) -> None:
        """It is complete. Raises StorageFull."""

    def drop(self) -> None:
        """It does not come to its end: nothing is left of it."""


class FolderTarget(Protocol):
    """A mailbox that is being exported. `lost` are keywords for which there is no place."""

    lost: list[str]

    def has(self, uid: int, flags: Flags) -> bool:
        """Whether this message is there already; from now on with these flags. Raises
        StorageFull."""

    def start(self, message: Outgoing) -> MessageTarget:
        """The next message, in the order of UIDs. Raises StorageFull."""

    def finish(self, uids: Sequence[int], uidnext: int) -> None:
        """These are all UIDs of the mailbox; what is there besides, and was exported before, has
        been expunged meanwhile. Raises StorageFull."""

    def drop(self) -> None:
        """It does not come to its end: what cannot be gone on with is taken away."""


class Target(Protocol):
    """What an exporter writes to."""

    def folder(self, mailbox: MailboxRow, keywords: Sequence[str]) -> FolderTarget:
        """A mailbox; `keywords` are those that its messages have, the most frequent first. Raises
        BadTarget, BadName, StorageFull."""

    def finish(self, subscriptions: Sequence[str]) -> None:
        """All mailboxes are there. Raises StorageFull."""
