"""Runs of deletions that are not an account's habit."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import DeletionRun, LookedAt, Unusual


class IDeletions(Interface):
    """Counts what accounts delete, notices what is far beyond their habit, and keeps that longer.

    Nothing is asked where messages are deleted: what was expunged is looked at afterwards, once, in
    the order of time, by any number of nodes. Counted are messages that were expunged and those of
    mailboxes that were deleted; neither what was moved nor what a policy expunged.
    """

    def look(unusual: Unusual, limit: int, settled: timedelta) -> "Deferred[LookedAt]":
        """Look at the next deletions, about `limit` of them, up to `settled` ago: no transaction
        that began before then still goes on. Waits for others that look. 0: there are no more."""

    def extend(extra: timedelta, limit: int) -> "Deferred[int]":
        """Let the grace of messages and mailboxes that were deleted in unusual runs begin `extra`
        later; looks at `limit` messages. 0: there is nothing more to do."""

    def runs(since: datetime) -> "Deferred[Sequence[DeletionRun]]":
        """The runs that were noticed at a time or later or went on until then, the last one
        first; 1,000 at most."""
