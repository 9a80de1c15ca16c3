"""The contract of `ICacheHistory`: how caches were is kept for some time, by process."""

from datetime import UTC, datetime, timedelta

from sora.storage.rows import CacheSample, CacheStatus
from trial_tests.storage.contracts.contract import Contract

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MONTH = timedelta(days=30)


def sample(instance: str, minute: int) -> CacheSample:
    """After so many minutes there are as many hits."""
    status = CacheStatus(3, 400, 1000, 500, minute, 7, 8, 2, 1)
    return CacheSample(instance, NOON + minute * MINUTE, NOON, status)


class CacheHistoryContract(Contract):
    """Two processes, and three moments of each."""

    async def setUp(self) -> None:
        await super().setUp()
        self.history = self.storage.cache_history
        self.all = [sample(name, minute) for minute in (1, 2, 3) for name in ("one", "two")]
        for each in self.all:
            await self.history.note(each, MONTH)

    async def found(
        self, since: datetime = EVER, instance: str = "", limit: int = 100, latest: bool = False
    ) -> list[tuple[str, int]]:
        rows = await self.history.samples(since, instance, limit, latest)
        return [(row.instance, row.status.hits) for row in rows]

    async def test_what_was_noted_comes_back_as_it_was(self) -> None:
        rows = await self.history.samples(EVER, "", 100, False)
        self.assertEqual(sorted(rows, key=lambda row: (row.at, row.instance)), self.all)

    async def test_the_last_ones_come_first_and_as_many_as_are_wanted(self) -> None:
        self.assertEqual(await self.found(limit=3), [("one", 3), ("two", 3), ("one", 2)])
        self.assertEqual(await self.found(instance="two"), [("two", 3), ("two", 2), ("two", 1)])
        self.assertEqual(await self.found(NOON + 3 * MINUTE), [("one", 3), ("two", 3)])
        self.assertEqual(await self.found(instance="three"), [])

    async def test_the_latest_of_each(self) -> None:
        await self.history.note(sample("one", 4), MONTH)
        self.assertEqual(await self.found(latest=True), [("one", 4), ("two", 3)])
        self.assertEqual(await self.found(latest=True, limit=1), [("one", 4)])
        self.assertEqual(await self.found(NOON + 4 * MINUTE, latest=True), [("one", 4)])
        self.assertEqual(await self.found(instance="two", latest=True), [("two", 3)])

    async def test_what_is_old_goes_also_of_processes_that_have_gone(self) -> None:
        await self.history.note(sample("one", 12), 10 * MINUTE)
        self.assertEqual(
            await self.found(), [("one", 12), ("one", 3), ("two", 3), ("one", 2), ("two", 2)]
        )

    async def test_the_same_moment_twice_is_one(self) -> None:
        await self.history.note(sample("one", 3), MONTH)
        self.assertEqual(len(await self.found(instance="one")), 3)
