"""The caches of all processes: what one is asked, and what they were."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from sora.storage.rows import CacheSample


class IBodyCache(Interface):
    """The cache of one process, as operators see it."""

    path = Attribute("Where it is: a directory.")
    number = Attribute("Which of the processes that share a path this is, from 0 on.")
    status = Attribute("How full it is, and how good: a `CacheStatus`.")

    def settle() -> "Deferred[None]":
        """See how many processes share the path, and keep to the part of this one. To be called
        every few seconds; never fails."""

    def purge() -> "Deferred[tuple[int, int]]":
        """Remove everything; gives how many bodies, and their octets. What is read meanwhile is
        read elsewhere, and kept anew."""


class ICacheHistory(Interface):
    """How the caches of all processes were, every few minutes."""

    def note(sample: CacheSample, keep: timedelta) -> "Deferred[None]":
        """Write one down, and forget those of any instance that are older than `keep`."""

    def samples(
        since: datetime, instance: str, limit: int, latest: bool
    ) -> "Deferred[Sequence[CacheSample]]":
        """Those since a time, of one instance or with "" of all, the last ones first, `limit` at
        most; with `latest` only the last one of each instance, by name."""
