"""What happened to mailboxes and messages, and whether their counters are right."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import Described, Happened, History, Recount

EVENTS: Final = 1000
"""that one statement gives at most"""


class IHistory(Interface):
    """The events of mailboxes that are there, deleted ones too. Each method is one round trip."""

    def begins() -> "Deferred[datetime | None]":
        """What happened before may be forgotten; None: nothing is."""

    def latest(
        account_id: int,
        mailbox_ids: Sequence[int] | None,
        below: tuple[int, int] | None,
        since: datetime | None,
        limit: int,
    ) -> "Deferred[History]":
        """The next events of an account, the latest first; of these mailboxes or of all. `below`
        are the modseq and the mailbox of the last one that is known."""

    def after(mailbox_id: int, modseq: int, limit: int) -> "Deferred[Sequence[Happened]]":
        """The next events of a mailbox after a modseq, in their order."""

    def about(
        account_id: int, places: Sequence[tuple[int, int]], limit: int
    ) -> "Deferred[History]":
        """The events that are about one of these messages, by mailbox and UID, or that made another
        one of it in the account, in their order; at most `limit` of either kind, the latest."""

    def places(account_id: int, email_id: UUID) -> "Deferred[Sequence[tuple[int, int]]]":
        """Where messages with an email id are or were, by mailbox and UID, ascending: all that are
        kept. What was restored is known under its new UID only."""

    def described(mailbox_id: int, uids: Sequence[int]) -> "Deferred[Sequence[Described]]":
        """Messages of a mailbox by the UIDs that they have or had, at most 1,000 and ascending:
        those that are kept."""

    def recount(mailbox_id: int, mend: bool) -> "Deferred[Recount]":
        """Count a mailbox anew, and with `mend` make its counters right. Raises NoSuchMailbox."""
