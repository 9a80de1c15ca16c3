"""Import: mailboxes that take over UIDs, and messages many at a time."""

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import Arrival, ImportDone, Incoming, MailboxRow, Operation


class IImporting(Interface):
    """What an import writes. Whatever is done twice is done once: keys are remembered by the
    statement that makes the messages."""

    def begin(
        account_id: int,
        name: str,
        special_use: str | None,
        uidvalidity: int | None,
        operation: Operation,
    ) -> "Deferred[MailboxRow]":
        """The mailbox that messages are put into, made when it is not there, with its superiors;
        it gets `special_use` when no other mailbox has it. One round trip.

        With `uidvalidity` it has that one from now on: an empty mailbox is replaced by a new one,
        which has another id. Raises AlreadyExists when the mailbox has messages and another
        UIDVALIDITY, or when one that had this name and this UIDVALIDITY may have had messages that
        were not imported (G29); OverQuota.
        """

    def known(mailbox_id: int, keys: Sequence[bytes]) -> "Deferred[Mapping[bytes, int]]":
        """Those of at most 5,000 keys that the mailbox has taken, with the UIDs that their messages
        got, whether these are still there or not. One round trip, reading only."""

    def put(
        scope_id: int,
        mailbox_id: int,
        arrivals: Sequence[Arrival],
        messages: Sequence[Incoming],
        operation: Operation,
    ) -> "Deferred[ImportDone]":
        """Make one message from each of at most `MAX_IMPORTED` arrivals, in their order, as one
        change of the mailbox. One round trip.

        Raises NoSuchMailbox, OverQuota, TooMany (keywords): then nothing was done. Where the
        outcome is not known, it may be done again: what has happened is then a DUPLICATE.
        """

    def finish(mailbox_id: int, uidnext: int) -> "Deferred[None]":
        """UIDs below `uidnext` are given to no new message. One round trip."""
