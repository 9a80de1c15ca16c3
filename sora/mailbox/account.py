"""A logged-in user: what can be done with the mailboxes by name."""

from datetime import datetime

from attrs import frozen

from sora.auth.interfaces import Identity
from sora.mail.flags import Flags
from sora.mailbox.selected import Selected
from sora.mailbox.spool import Spool
from sora.storage.rows import Listing, MailboxRow, Placed


@frozen
class SessionFacts:
    """Who writes, for the history: `session` is an id, `address` the client's."""

    session: str
    protocol: str
    address: str


class Account:
    """A user's mailboxes. Names are normalised by the caller (`mailbox_names.normalise`)."""

    identity: Identity

    async def listing(self) -> Listing:
        """All mailboxes and subscriptions. One round trip."""
        raise NotImplementedError

    async def status(self, name: str) -> MailboxRow:
        """A mailbox with its counters. At most one round trip. Raises NoSuchMailbox."""
        raise NotImplementedError

    async def create(self, name: str, special_use: str | None = None) -> MailboxRow:
        """Make a mailbox. Raises AlreadyExists, UseAttributeRefused, BadName."""
        raise NotImplementedError

    async def delete(self, name: str) -> None:
        """Delete a mailbox. Raises NoSuchMailbox, HasChildren, BadArgument for INBOX."""
        raise NotImplementedError

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox with its inferiors. Raises NoSuchMailbox, AlreadyExists."""
        raise NotImplementedError

    async def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions. One that does not exist is allowed to stay, and
        NoSuchMailbox is raised for adding it (RFC 3501 §6.3.6 leaves it open)."""
        raise NotImplementedError

    async def unsubscribe(self, name: str) -> None:
        """Remove a name from the subscriptions."""
        raise NotImplementedError

    async def select(self, name: str, read_only: bool) -> Selected:
        """Open a mailbox. At most one round trip. Raises NoSuchMailbox."""
        raise NotImplementedError

    async def append(
        self, name: str, flags: Flags, internal_date: datetime | None, message: Spool
    ) -> Placed:
        """Put a message into a mailbox; durable when this returns.

        One round trip up to `staging_max_size`. `internal_date` defaults to now.
        Raises NoSuchMailbox (the caller answers TRYCREATE), OverQuota, TooBig, Unavailable.
        """
        raise NotImplementedError
