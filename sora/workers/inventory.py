"""Counts accounts and mailboxes for the metrics, every minute and not at each scrape."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError
from sora.metrics.inventory import InventoryMetrics
from sora.storage.interfaces import IUpkeep
from sora.storage.rows import Inventory
from sora.waking import Waking

INTERVAL: Final = 60.0
"""seconds between two looks"""
COUNTED: Final = 100_000
"""accounts and mailboxes that are counted one by one, which takes some milliseconds"""


class Stocktaking(Waking):
    """Looks when it starts, and every `INTERVAL` from then on. While the database is away the
    numbers stay as they were, and grow old. `active` says how many mailboxes are in memory."""

    log = Logger()

    def __init__(
        self,
        upkeep: IUpkeep,
        clock: IReactorTime,
        registry: CollectorRegistry,
        active: Callable[[], int],
    ) -> None:
        super().__init__(clock)
        self._upkeep = upkeep
        self._metrics = InventoryMetrics(registry, active, self._age)
        self._looked = clock.seconds()

    def startService(self) -> None:
        super().startService()
        self._wake()

    def _wake(self) -> None:
        self._wake_in(INTERVAL)
        self._tasks.start(self._look(), "counting accounts and mailboxes")

    async def _look(self) -> None:
        try:
            found: Inventory = await self._upkeep.inventory(COUNTED)
        except SoraError as error:
            self.log.info("accounts were not counted: {error}", error=error.text)
            return
        self._metrics.accounts.set(found.accounts)
        self._metrics.mailboxes.set(found.mailboxes)
        self._looked = self._clock.seconds()

    def _age(self) -> float:
        return self._clock.seconds() - self._looked
