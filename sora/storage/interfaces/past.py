"""What was expunged, as mailboxes that can be read."""

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.storage.rows import (
    Column,
    ColumnSet,
    Copied,
    MailboxRow,
    Operation,
    Past,
    Read,
    SortKey,
    ThreadRow,
    Want,
)


class IPast(Interface):
    """Messages that were expunged and are kept, mailbox by mailbox.

    Each mailbox of an account has a past, the deleted ones, too; one without a message is not
    shown. It has its mailbox's name; that of a deleted mailbox which had to leave its name to a
    later one has the time of its end added. What was moved is not in it. Messages are as they were,
    but without \\Deleted, and their save date is when they were expunged.

    Messages are asked for by the UIDs that they had (`Past.sources`). Those that were removed for
    good, or brought back with their mailbox, are absent from answers.
    """

    def all(account_id: int, counted: bool = False) -> "Deferred[Sequence[MailboxRow]]":
        """The pasts of an account's mailboxes, by name. One round trip. Without `counted` UIDNEXT,
        HIGHESTMODSEQ and the counters are 0."""

    def find(account_id: int, name: str) -> "Deferred[MailboxRow]":
        """One of them, counted. One round trip. Raises NoSuchMailbox."""

    def open(account_id: int, name: str) -> "Deferred[Past]":
        """One of them with its messages. One round trip. Raises NoSuchMailbox."""

    def changes(account_id: int, mailbox_id: int, known: int) -> "Deferred[Past | None]":
        """The same as it is now, which may be empty; None when it is as it was when its
        HIGHESTMODSEQ was `known`. One round trip. Raises NoSuchMailbox when the mailbox is gone."""

    def copy(
        mailbox_id: int,
        uids: Sequence[int],
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> "Deferred[Copied]":
        """Copy messages, in this order, with everything they had but \\Deleted (G39), to a mailbox
        of `account_id`. One round trip. No content is made within a scope.

        Raises ExpungeIssued when one of them is gone: then nothing was copied; and what
        `IMessages.copy` raises.
        """

    def read(mailbox_id: int, uids: NumberSet, wants: frozenset[Want]) -> "Deferred[Read]":
        """As `IMessages.read`."""

    def columns(
        mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> "Deferred[ColumnSet]":
        """As `IMessages.columns`."""

    def search(mailbox_id: int, criterion: Criterion) -> "Deferred[Sequence[int]]":
        """As `IMessages.search`; no text is indexed, and each message is looked at."""

    def sort(
        mailbox_id: int, criterion: Criterion, keys: Sequence[SortKey]
    ) -> "Deferred[Sequence[int]]":
        """As `IMessages.sort`."""

    def threads(mailbox_id: int, criterion: Criterion) -> "Deferred[Sequence[ThreadRow]]":
        """As `IMessages.threads`."""

    def relevance(
        mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> "Deferred[Mapping[int, int]]":
        """As `IMessages.relevance`."""
