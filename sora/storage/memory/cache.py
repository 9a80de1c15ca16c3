"""How the caches of bodies were, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from zope.interface import implementer

from sora.storage.interfaces import ICacheHistory
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import CacheSample


@implementer(ICacheHistory)
@frozen
class MemoryCacheHistory:
    """`ICacheHistory` in a list."""

    tables: MemoryStore

    @operation
    def note(self, sample: CacheSample, keep: timedelta) -> None:
        """See `ICacheHistory.note`."""
        known = self.tables.cache_samples
        known[:] = [one for one in known if one.at >= sample.at - keep]
        if (sample.instance, sample.at) not in [(one.instance, one.at) for one in known]:
            known.append(sample)

    @operation
    def samples(
        self, since: datetime, instance: str, limit: int, latest: bool
    ) -> Sequence[CacheSample]:
        """See `ICacheHistory.samples`."""
        found = [
            one
            for one in self.tables.cache_samples
            if one.at >= since and instance in ("", one.instance)
        ]
        found.sort(key=lambda one: (-one.at.timestamp(), one.instance))
        if latest:
            last = {one.instance: one for one in reversed(found)}
            found = [last[name] for name in sorted(last)]
        return found[:limit]
