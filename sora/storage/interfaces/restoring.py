"""What was deleted comes back."""

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import (
    DeletedMailbox,
    GoneFilter,
    GonePage,
    GonePlace,
    MailboxRow,
    Operation,
    Restored,
)

MOST: Final = 1000
"""messages that one statement looks at, or restores"""


class IRestoring(Interface):
    """Messages and mailboxes that are gone, while their grace lasts. What the cleaner has begun
    to remove does not come back. Each method is one round trip."""

    def gone(
        account_id: int, which: GoneFilter, below: GonePlace | None, limit: int
    ) -> "Deferred[GonePage]":
        """Look at the next `limit` messages that are gone, the latest first: below a place, or
        from the beginning; and give those that fit."""

    def restore(
        source_id: int, uids: Sequence[int], destination_id: int, operation: Operation
    ) -> "Deferred[Restored]":
        """Bring messages of a mailbox, at most `MOST`, back into a live mailbox of the account,
        which may be the same. They get new UIDs, in the order of the old ones, and keep the rest
        but \\Deleted; those that are not there any more are left out. A quota does not count.

        Raises NoSuchMailbox, also when what was in `source_id` is being removed. When the answer
        is lost (OutcomeUnknown) it can be repeated: what has come back is left out.
        """

    def deleted_mailboxes(account_id: int) -> "Deferred[Sequence[DeletedMailbox]]":
        """The deleted mailboxes of an account that can be restored, the latest first, at most
        `MOST`."""

    def restore_mailbox(
        account_id: int, mailbox_id: int, name: str, operation: Operation
    ) -> "Deferred[MailboxRow]":
        """Bring a deleted mailbox back with all that is in it, under a name that is free; missing
        superiors are made. It has another UIDVALIDITY, and so another MAILBOXID (RFC 8474 §4.1).

        Raises NoSuchMailbox, also when it is being removed; AlreadyExists; NoSuchAccount.
        """
