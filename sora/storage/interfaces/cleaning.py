"""The end of what was deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import CleaningRound, CleaningStatus, Condemned, Removed


class ICleaning(Interface):
    """What the cleaner does, each step in small batches and safe to repeat. Where a method gives
    a number, it is that of the rows that it handled; 0 means that there is nothing more to do now.
    Any number of cleaners may work at the same time: each row goes once."""

    def purge_expunged(grace: timedelta, limit: int) -> "Deferred[int]":
        """Forget messages that were expunged, and mailboxes that were deleted, longer than `grace`
        ago; later where their grace was extended. A mailbox of which something is gone cannot be
        restored any more."""

    def remove_account(grace: timedelta, limit: int) -> "Deferred[Removed | None]":
        """Remove a part of an account that was deleted longer than `grace` ago, with everything
        that it has; None when there is none. It cannot be restored any more."""

    def condemn(
        grace: timedelta, limit: int, abandoned: timedelta | None = None
    ) -> "Deferred[int]":
        """Mark contents that nothing refers to, and has not for `grace`, as `deleting`; those that
        were staged and never placed after `abandoned`, which is `grace` unless given.

        The row is locked FOR UPDATE SKIP LOCKED, and references are looked for by the next
        statement (docs/architecture.md, trap 5).
        """

    def condemned(
        stores: Sequence[str], limit: int, lease: timedelta
    ) -> "Deferred[Sequence[Condemned]]":
        """Objects to delete from these stores: those of contents that are `deleting`, those that
        have been replaced, and reservations that were never bound. Others skip them until the
        lease ends."""

    def forget(object_ids: Sequence[UUID]) -> "Deferred[int]":
        """The objects are gone from the store: remove their rows, and contents without any."""

    def forget_deliveries(age: timedelta, limit: int) -> "Deferred[int]":
        """Forget claims of deliveries older than `age` (G42: 7 days)."""

    def forget_memories(limit: int) -> "Deferred[int]":
        """Forget vacation replies and duplicates that were to be remembered until now (G43); up
        to `limit` of each."""

    def forget_requests(limit: int) -> "Deferred[int]":
        """Forget answers that were kept for idempotency keys, and tasks, whose time is over; up
        to `limit` of each."""

    def forget_events(retention: timedelta) -> "Deferred[int]":
        """Drop the partitions of the history that are older than `retention`. Ten minutes before
        one goes, whoever asks for what is in it is told that it is not there (G28)."""

    def drop_staging() -> "Deferred[int]":
        """Drop the partitions of staging in which nothing waits any more."""

    def make_partitions() -> "Deferred[int]":
        """Make the partitions of events and staging that the next days need; events that stand
        outside of any get theirs."""

    def note(node: str, began: datetime, done: Mapping[str, int], error: str) -> "Deferred[None]":
        """Write down the round of a node."""

    def rounds() -> "Deferred[Sequence[CleaningRound]]":
        """The last round of each node, by node."""

    def status(grace: timedelta, object_grace: timedelta) -> "Deferred[CleaningStatus]":
        """What waits to be removed."""
