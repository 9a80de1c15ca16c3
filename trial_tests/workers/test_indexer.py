"""sora.workers.indexer"""

from collections.abc import Sequence
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from sora.errors import Unavailable
from sora.retry import pause
from sora.storage.rows import Unindexed
from sora.workers.indexer import SWEEP_INTERVAL, Indexer
from trial_tests.storage.memory.test_contracts import OnMemory
from trial_tests.storage.postgres.test_contracts import PostgresStorage
from trial_tests.workers import indexer_contract


class IndexerOnMemoryTests(OnMemory, indexer_contract.IndexerContract):
    """In memory."""

    async def test_it_works_when_it_wakes_and_sleeps_again(self) -> None:
        await self.deliver(3)
        clock = Clock()
        indexer = self.indexer(clock=clock, wake_interval=10)
        indexer.startService()
        clock.advance(15)
        while await self.indexed() < 3:
            clock.advance(0.1)
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        await self.deliver(3)
        indexer.grew(self.inbox.id, 6, 3)
        while await self.indexed() < 6:
            clock.advance(1)
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        stopped = indexer.stopService()
        while not stopped.called:
            clock.advance(1)
            await pause(reactor, 0.01)  # type: ignore[arg-type]
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_who_grows_is_looked_at_soon_and_all_now_and_then(self) -> None:
        clock = Clock()
        asked: list[Sequence[int] | None] = []

        class Asked:
            def claim(
                self, least: int, limit: int, lease: object, among: Sequence[int] | None
            ) -> "Deferred[list[Unindexed]]":
                asked.append(among)
                return succeed([])

        indexer = Indexer(
            Asked(),  # type: ignore[arg-type]
            self.threads,
            clock=clock,
            random=Random(1),
            wake_interval=10,
            least=10,
        )
        indexer.startService()
        self.addCleanup(indexer.stopService)
        clock.advance(15)
        self.assertEqual(asked, [None])
        indexer.grew(7, 4, 4)
        indexer.grew(8, 5, 1)
        indexer.grew(9, 1004, 100)
        clock.pump([15, 15])
        self.assertEqual(asked, [None, [8, 9]])
        clock.pump([15] * int(2 * SWEEP_INTERVAL / 15))
        self.assertIn(None, asked[2:])

    async def test_stopping_ends_the_work_in_hand(self) -> None:
        await self.deliver(20)
        indexer = self.indexer()
        indexer.startService()
        work = Deferred.fromCoroutine(indexer.index())
        await indexer.stopService()
        await work
        self.assertEqual(await indexer.index(), 0)

    async def test_a_database_that_is_away_is_asked_again_later(self) -> None:
        clock = Clock()
        asked: list[int] = []

        class Away:
            def claim(self, *_: object) -> "Deferred[list[Unindexed]]":
                asked.append(1)
                return fail(Unavailable("away"))

        indexer = Indexer(
            Away(),
            self.threads,
            clock=clock,
            random=Random(1),
            wake_interval=10,  # type: ignore[arg-type]
        )
        indexer.startService()
        self.addCleanup(indexer.stopService)
        clock.pump([20, 20, 20])
        self.assertEqual(len(asked), 3)


class IndexerOnPostgresTests(PostgresStorage, indexer_contract.IndexerContract):
    """On PostgreSQL."""
