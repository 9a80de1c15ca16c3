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
KEPT: Final = timedelta(days=30)


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
        return CacheSample(self._instance, self._now(), self._began_at, self._cache.status)

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
