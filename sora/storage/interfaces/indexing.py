"""The index of words."""

from collections.abc import Sequence
from datetime import timedelta

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import SearchText, Segment, Unindexed


class IIndexing(Interface):
    """Making the index of words, mailbox by mailbox. A search is right without it, and at any
    point of it; nothing else waits for it or for who makes it (G18)."""

    def claim(
        least: int, limit: int, lease: timedelta, among: Sequence[int] | None = None
    ) -> "Deferred[Sequence[Unindexed]]":
        """Take up to `limit` mailboxes that have at least `least` messages above what is indexed,
        of those with these ids or of all. Others skip them until the lease ends or they are
        released."""

    def texts(
        mailbox_id: int, after: int, limit: int, octets: int
    ) -> "Deferred[Sequence[SearchText]]":
        """The texts of the next messages above a UID: at most `limit`, and no more when so many
        octets are reached. None when there are none."""

    def add(mailbox: Unindexed, segment: Segment) -> "Deferred[bool]":
        """Add a segment that begins where the index ends. False, and nothing was done, when it
        ends elsewhere by now or the mailbox is gone."""

    def release(mailbox_id: int) -> "Deferred[None]":
        """End a claim."""

    def prune(limit: int) -> "Deferred[int]":
        """Remove up to so many segments whose messages are all gone; gives how many it were."""
