"""One mailbox, opened by one session."""

from collections.abc import AsyncIterator, Callable, Sequence

from twisted.internet.defer import Deferred

from sora.mail.criteria import Criterion
from sora.mail.flags import Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox.view import Updates, View
from sora.storage.rows import (
    Copied,
    Expunged,
    FlagChange,
    Moved,
    Stored,
    StoredMessage,
    Want,
)


class Selected:
    """A mailbox as one session sees and changes it.

    Everything a session writes goes through here, so that its own process knows of it at
    once: the shared state is brought up to date, other sessions are woken, and the
    doorbell rings for other processes. `read_only` is EXAMINE: what would write raises
    ReadOnly (G34).
    """

    name: str
    object_id: str
    uidvalidity: int
    read_only: bool
    view: View
    keywords: Keywords

    @property
    def uidnext(self) -> int:
        """The next UID, as of now."""
        raise NotImplementedError

    @property
    def highest_modseq(self) -> int:
        """The modseq of the last change that is known here."""
        raise NotImplementedError

    @property
    def first_unseen(self) -> int:
        """The number of the first message without \\Seen, 0 if there is none."""
        raise NotImplementedError

    @property
    def recent(self) -> int:
        """How many messages are \\Recent in this session."""
        raise NotImplementedError

    @property
    def is_deleted(self) -> bool:
        """Whether the mailbox itself was deleted by somebody."""
        raise NotImplementedError

    def watch(self, changed: Callable[[], None] | None) -> None:
        """Call `changed` after each change that this view was not told of; None ends it."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Learn what other processes did (NOOP, CHECK): no round trip when this process
        alone serves the database, else at most one, shared by all that ask."""
        raise NotImplementedError

    def updates(self, may_expunge: bool) -> Updates:
        """What the client has to be told now; no round trip."""
        raise NotImplementedError

    async def store(self, uids: Sequence[int], change: FlagChange, silent: bool) -> Stored:
        """Change flags. One round trip. What `changed` names is told by the caller, or with
        `silent` need not be: the view takes it as told."""
        raise NotImplementedError

    async def expunge(self, uids: NumberSet | None = None) -> Expunged:
        """Remove messages that have \\Deleted; the view tells of it with the next updates."""
        raise NotImplementedError

    async def copy(self, uids: Sequence[int], destination: str) -> Copied:
        """Copy to a mailbox of the same user, by name."""
        raise NotImplementedError

    async def move(self, uids: Sequence[int], destination: str) -> Moved:
        """Move to a mailbox of the same user; the view tells what is gone with the next updates."""
        raise NotImplementedError

    async def search(self, criterion: Criterion) -> list[int]:
        """The UIDs, known to this client, that match, ascending. No round trip when flags,
        UIDs and modseqs are all it asks for."""
        raise NotImplementedError

    def read(
        self, uids: Sequence[int], wants: frozenset[Want], see: bool
    ) -> "AsyncIterator[Sequence[StoredMessage]]":
        """Read columns, in batches of at most 1,000 messages, ascending; those that are gone
        are absent. One round trip a batch. With `see`, \\Seen is set by the same statement
        where it was missing (never when read-only); the view knows the new flags before the
        batch is handed out, and does not repeat them."""
        raise NotImplementedError

    async def body(self, message: StoredMessage, start: int, end: int) -> bytes:
        """The octets [start, end) of a message's content (the trace is not in it).

        `message` was read with Want.BODY. Raises Unavailable (G8).
        """
        raise NotImplementedError

    async def bodies(self, messages: Sequence[StoredMessage]) -> list[bytes | Exception]:
        """Whole contents of several small messages at once, for reading ahead."""
        raise NotImplementedError

    async def stream(
        self,
        message: StoredMessage,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """Hand the octets [start, end) of a content to `deliver` in pieces; for large ones."""
        raise NotImplementedError

    async def close(self) -> None:
        """The session leaves the mailbox. Nothing is expunged."""
        raise NotImplementedError
