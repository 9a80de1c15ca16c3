"""Writes down every few minutes how the cache of this process is: `sora-admin cache metrics`."""

from datetime import UTC, datetime, timedelta
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError
from sora.storage.interfaces import IBodyCache, ICacheHistory
from sora.storage.rows import CacheSample
from sora.waking import Waking

INTERVAL: Final = 300.0
"""seconds between two"""
SETTLE_INTERVAL: Final = 10.0
"""seconds between two looks at who shares the path"""
KEPT: Final = timedelta(days=30)


class CacheSettling(Waking):
    """Lets a cache keep to its part of what several processes share."""

    def __init__(self, cache: IBodyCache, clock: IReactorTime) -> None:
        super().__init__(clock)
        self._cache = cache

    def startService(self) -> None:
        super().startService()
        self._wake_in(SETTLE_INTERVAL)

    def _wake(self) -> None:
        self._wake_in(SETTLE_INTERVAL)
        self._tasks.start(self._settle(), "keeping to the part of a cache")

    async def _settle(self) -> None:
        await self._cache.settle()


class CacheRecorder(Waking):
    """Notes the cache when it starts, and every `INTERVAL` from then on. A database that is away
    leaves a gap."""

    log = Logger()

    def __init__(
        self, cache: IBodyCache, history: ICacheHistory, instance: str, clock: IReactorTime
    ) -> None:
        super().__init__(clock)
        self._cache = cache
        self._history = history
        self._instance = instance
        self._began_at = self._now()

    def sample(self) -> CacheSample:
        """The cache now."""
        number = self._cache.number
        instance = f"{self._instance}/{number}" if number else self._instance
        return CacheSample(instance, self._now(), self._began_at, self._cache.status)

    def startService(self) -> None:
        super().startService()
        self._wake()

    def _wake(self) -> None:
        self._wake_in(INTERVAL)
        self._tasks.start(self._note(), "noting how the cache of bodies is")

    async def _note(self) -> None:
        try:
            await self._history.note(self.sample(), KEPT)
        except SoraError as error:
            self.log.info("how the cache of bodies is was not noted: {error}", error=error.text)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)
