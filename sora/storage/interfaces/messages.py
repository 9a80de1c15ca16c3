"""Messages: arriving, changing, reading, searching."""

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.storage.rows import (
    Appended,
    Arrival,
    Claim,
    Column,
    ColumnSet,
    Copied,
    Delivered,
    Expunged,
    FlagChange,
    Moved,
    Operation,
    Placement,
    Prepared,
    Read,
    Replaced,
    SortKey,
    Stored,
    Target,
    ThreadRow,
    Want,
)


class IMessages(Interface):
    """Messages: making, changing, reading. Every write is one statement and one event."""

    def place(
        scope_id: int, arrival: Arrival, targets: Sequence[Target], operation: Operation
    ) -> "Deferred[Placement]":
        """Make messages from bytes, for APPEND (one target) and LMTP (up to 50).

        One round trip, one transaction: content, staged body, claims, messages, counters,
        events. All targets are in accounts of this scope. Each message is put into a thread of
        its account, that of what it replies to or refers to (RFC 8474 §5.2).
        """

    def deliver(
        arrivals: Sequence[tuple[int, Arrival]], claims: Sequence[Claim], operation: Operation
    ) -> "Deferred[Delivered]":
        """Do all that is to be done for up to 50 recipients. One round trip, one transaction.

        Each arrival comes with its scope, that of the accounts that have targets of it. The targets
        of a claim are all placed or none; of claims and replies that are the same one is first.
        Locks are taken in the order of G17. Where the answer was lost, a claim that is told as own
        was this very one: then its `placed` may be empty.
        """

    def seen_before(account_id: int, key: bytes) -> "Deferred[bool]":
        """Whether an account remembers this duplicate (RFC 7352). One round trip, reading only."""

    def append(
        scope_id: int,
        arrivals: Sequence[Arrival],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None = None,
    ) -> "Deferred[Appended]":
        """Make one message from each arrival, with the target at its place, all or none
        (RFC 3502); the targets are of one mailbox. With `replaced` that message is taken away
        in the same transaction, and its room counts as free (RFC 8508 §3.4).

        One round trip. Raises NoSuchMailbox, OverQuota; ExpungeIssued when `replaced` is gone.
        """

    def prepare(scope_id: int, arrival: Arrival) -> "Deferred[Prepared]":
        """Make a content of an arrival that comes with its bytes, for messages that will be
        made soon; when none is, the cleaner removes it. One round trip."""

    def store(
        mailbox_id: int,
        uids: NumberSet,
        change: FlagChange,
        operation: Operation,
        known_keywords: int = 0,
    ) -> "Deferred[Stored]":
        """Change flags. One round trip. UIDs that are gone are ignored."""

    def expunge(
        mailbox_id: int, uids: NumberSet | None, operation: Operation
    ) -> "Deferred[Expunged]":
        """Remove the messages that have \\Deleted, all or only those of `uids`. One round trip."""

    def copy(
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> "Deferred[Copied]":
        """Copy messages, with everything they have (G39), to a mailbox of `account_id`, in
        the order of their UIDs. One round trip. Raises NoSuchMailbox for the destination,
        ExpungeIssued when one of `uids` is gone: then nothing was copied (RFC 3501 §6.4.7).

        `asker` is who does it, when one of the mailboxes is not his: in the destination he needs
        the right to insert, and only flags go along that he may change there (RFC 4314 §4).
        Raises NotPermitted; StoredApart when the accounts store their mail apart and not all of
        it is in both places (`prepare`).
        """

    def move(
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> "Deferred[Moved]":
        """Move messages; UIDs that are gone are ignored (RFC 6851 §3.3). One round trip.

        Raises NoSuchMailbox for the destination, and with `asker` what `copy` raises.
        """

    def read(
        mailbox_id: int,
        uids: NumberSet,
        wants: frozenset[Want],
        see: Operation | None = None,
    ) -> "Deferred[Read]":
        """Read columns of messages. One round trip per 1,000 messages.

        With `see`, \\Seen is added to them in the same statement.
        """

    def columns(
        mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> "Deferred[ColumnSet]":
        """Read columns of many messages, with no more work for each than has to be; those that
        are gone are absent. One round trip; the caller asks for at most 1,000."""

    def search(
        mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> "Deferred[Sequence[int]]":
        """The UIDs that match, ascending. One round trip. Exact: RFC substring semantics on
        folded text, also for what arrived a moment ago.

        With `gone_since` also those of messages that were taken away after this modseq, as they
        were then, as long as they are kept.
        """

    def sort(
        mailbox_id: int,
        criterion: Criterion,
        keys: Sequence[SortKey],
        gone_since: int | None = None,
    ) -> "Deferred[Sequence[int]]":
        """The UIDs that match, ordered by the keys, one after the other; what is equal in all
        of them ascends by UID (RFC 5256 §3). `gone_since` as in `search`. One round trip."""

    def threads(
        mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> "Deferred[Sequence[ThreadRow]]":
        """What THREAD needs of the messages that match, ascending by UID. `gone_since` as in
        `search`. One round trip."""

    def relevance(
        mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> "Deferred[Mapping[int, int]]":
        """Scores from 1 to 100 (RFC 6203 §4) of these messages for the Fuzzy parts of a
        criterion; those that are gone are absent. One round trip."""
