"""sora.workers.inventory: accounts and mailboxes are counted every minute, not at each scrape."""

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import parse_address
from sora.errors import Unavailable
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox
from sora.workers.inventory import INTERVAL, Stocktaking

NAMES = ("sora_accounts_total", "sora_mailboxes_total", "sora_inventory_age_seconds")


class StocktakingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.storage = memory_storage(self.clock)
        self.registry = CollectorRegistry()
        self.worker = Stocktaking(self.storage.upkeep, self.clock, self.registry, lambda: 7)
        self.worker.startService()
        self.addCleanup(lambda: self.successResultOf(self.worker.stopService()))

    def told(self) -> list[float | None]:
        return [self.registry.get_sample_value(name) for name in NAMES]

    def test_at_the_start_and_every_minute(self) -> None:
        self.assertEqual(self.told(), [0, 0, 0])
        self.assertEqual(self.registry.get_sample_value("sora_active_mailboxes"), 7)
        address = parse_address("ann@example.com")
        made = self.storage.accounts.create(address, (), (NewMailbox("INBOX"), NewMailbox("A")))
        self.successResultOf(made)
        self.clock.advance(INTERVAL - 1)
        self.assertEqual(self.told(), [0, 0, INTERVAL - 1])
        self.clock.advance(1)
        self.assertEqual(self.told(), [1, 2, 0])

    def test_numbers_grow_old_while_the_database_is_away(self) -> None:
        """They stay what they were."""

        async def away(operation: str) -> None:
            raise Unavailable("away")

        self.storage.upkeep.tables.pause = away
        for minute in (1, 2):
            self.clock.advance(INTERVAL)
            self.assertEqual(self.told(), [0, 0, minute * INTERVAL])
        self.storage.upkeep.tables.pause = None
        self.clock.advance(INTERVAL)
        self.assertEqual(self.told(), [0, 0, 0])
