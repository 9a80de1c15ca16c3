"""What an operator can do with the caches of bodies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen

from sora.errors import BadArgument
from sora.storage.interfaces import IBodyCache, ICacheHistory
from sora.storage.rows import CacheSample

MOST_SAMPLES: Final = 10_000


@frozen
class LiveCache:
    """The cache of this process; `sample` gives how it is now."""

    cache: IBodyCache
    sample: Callable[[], CacheSample]


@frozen
class CacheRow:
    """The cache of a process now. `path` is its directory."""

    path: str
    sample: CacheSample


@frozen
class CacheOperations:
    """The cache of this process, if it has one, and how those of all were. `seconds` is the
    clock."""

    live: LiveCache | None
    history: ICacheHistory
    seconds: Callable[[], float]

    def stats(self) -> CacheRow:
        """How it is now. Raises BadArgument where there is none."""
        live = self._live()
        return CacheRow(live.cache.path, live.sample())

    async def purge(self) -> tuple[int, int]:
        """Remove all that is in it; gives how many bodies, and their octets. Raises BadArgument
        where there is none, and Unavailable."""
        purged: tuple[int, int] = await self._live().cache.purge()
        return purged

    async def metrics(
        self, instance: str = "", since: float = 86400.0, limit: int = 100, history: bool = False
    ) -> Sequence[CacheSample]:
        """How the caches of all processes, or of one, were in the last `since` seconds: the last
        figures of each, or with `history` all of them, the last ones first, at most `limit`. Raises
        BadArgument, Unavailable."""
        if not 1 <= limit <= MOST_SAMPLES:
            raise BadArgument(f"The limit has to be from 1 to {MOST_SAMPLES}")
        moment = datetime.fromtimestamp(self.seconds(), UTC) - timedelta(seconds=since)
        found: Sequence[CacheSample] = await self.history.samples(
            moment, instance, limit, not history
        )
        return found

    def _live(self) -> LiveCache:
        if self.live is None:
            raise BadArgument("This process has no cache: [cache] path and capacity make one")
        return self.live
