"""How long messages may stay where they are."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import (
    DueMailboxes,
    DueMessages,
    Expunged,
    Kept,
    Operation,
    RetentionOwner,
    RetentionRule,
    ServerRetention,
)


class IRetention(Interface):
    """Policies, and what they expunge.

    The narrowest rule wins: an account's, its domain's, the server's; of one owner's that for the
    special use of the mailbox. Age counts from the time at which a message came into its mailbox.
    """

    def domain_id(name: str) -> "Deferred[int]":
        """A domain by its folded name. Raises NoSuchAccount."""

    def rules(owner: RetentionOwner) -> "Deferred[Sequence[RetentionRule]]":
        """The rules that are about this owner, by use; that for all mailboxes first."""

    def set(owner: RetentionOwner, rule: RetentionRule) -> "Deferred[None]":
        """Set a rule, in the place of the one for the same use."""

    def clear(owner: RetentionOwner, special_use: str) -> "Deferred[bool]":
        """Remove a rule; False when there was none."""

    def take(limit: int, rest: timedelta, server: ServerRetention) -> "Deferred[DueMailboxes]":
        """Take the next `limit` mailboxes of a pass through all of them; others take the next ones.
        A pass begins `rest` after the last one began. Nothing was looked at: it is at its end."""

    def expire(
        mailbox_id: int, before: datetime, limit: int, operation: Operation
    ) -> "Deferred[Expunged]":
        """Expunge the first messages of a mailbox, up to `limit`, that came there at `before` or
        earlier: up to the first that did not. Raises NoSuchMailbox."""

    def due(
        after: int, limit: int, server: ServerRetention, owner: RetentionOwner
    ) -> "Deferred[tuple[int, Sequence[DueMessages]]]":
        """What would be expunged now of the mailboxes with ids beyond `after`, `limit` of them; of
        all owners, or of one. With the last id that was looked at, 0 at the end."""

    def kept(server: ServerRetention, account_id: int | None) -> "Deferred[Kept]":
        """For how long what comes into an INBOX is kept at least: an account's, or anybody's. One
        round trip."""
