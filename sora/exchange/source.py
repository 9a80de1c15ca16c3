"""Where mail is imported from: folders, and messages that are read a few at a time."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from attrs import field, frozen
from blake3 import blake3

from sora.errors import SoraError
from sora.mail.flags import Flags
from sora.mailbox.spool import Spool

T = TypeVar("T")

PAGE: Final = 5000
"""messages of a page of `Source.messages`"""
USUAL_SIZE: Final = 16 * 1024
"""octets of a message whose size is not known"""


class BadSource(SoraError):
    """There is nothing that can be imported."""


@frozen
class Problem:
    """What could not be imported, and why. `count` messages are missing for it."""

    where: str
    text: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@frozen
class Folder:
    """A folder of the source, and the mailbox that it becomes. `place` is the source's own name for
    it; `messages` about how many it has. `uidvalidity` is None when it has no UIDs to keep."""

    name: str
    place: Any
    uidvalidity: int | None = None
    uidnext: int | None = None
    special_use: str | None = None
    messages: int = 0


@frozen
class Found:
    """A message of a folder. `key` names it there for good, `place` now; `where` is for people.
    `flags` are those that it has there now, None where it has to be read to find out."""

    key: bytes
    place: Any
    where: str
    uid: int | None = None
    size: int = USUAL_SIZE
    flags: Flags | None = None


@frozen
class Fetched:
    """What was read of a message."""

    flags: Flags
    date: datetime
    spool: Spool = field(repr=False)


class Source(Protocol):
    """What an importer needs. Errors are those of `sora.errors`; what concerns one message is a
    `Problem` in its place."""

    def problems(self) -> Sequence[Problem]:
        """What was found while looking for folders, and cannot be imported."""

    async def folders(self) -> Sequence[Folder]:
        """All folders. Raises BadSource."""

    async def subscriptions(self) -> Sequence[str] | None:
        """The names that are subscribed to; None when the source does not know of such."""

    def messages(self, folder: Folder) -> AsyncIterator[Sequence[Found]]:
        """Pages of at most `PAGE` messages: those with UIDs ascend by them, the others follow."""

    async def read(
        self, folder: Folder, wanted: Sequence[Found], new_spool: Callable[[], Spool]
    ) -> Sequence[Fetched | Problem | None]:
        """Each of these messages; None for one that is gone."""

    def drop(self) -> None:
        """It is not wanted any more: what waits for somebody else fails at once, as Unavailable."""

    async def close(self) -> None:
        """Let go of what is open."""


async def reading(work: Awaitable[T]) -> T:
    """What a thread reads from a disk. Raises BadSource for what cannot be read."""
    try:
        return await work
    except OSError as error:
        name = os.fsdecode(error.filename or "it")
        raise BadSource(f"{name} cannot be read: {error.strerror}") from error


def key_of(kind: str, *names: str) -> bytes:
    """A key for what has these names at its source."""
    digest: bytes = blake3("\0".join([kind, *names]).encode("utf-8", "surrogateescape")).digest(16)
    return digest
