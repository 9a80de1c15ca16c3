"""Unusual runs of deletions on a real PostgreSQL: habits of weeks, and several that look."""

from datetime import UTC, datetime, timedelta

from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.storage.postgres.database import Tx
from sora.storage.postgres.deletions import Deletions
from sora.storage.rows import DeletionRun, Unusual
from trial_tests.storage.postgres.stage import Stage, StageTestCase

NOW = timedelta(0)
DAY = timedelta(days=1)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
RULE = Unusual(messages=6, share=1.0, factor=3)


class DeletionTests(StageTestCase):
    async def look(self, stage: Stage, limit: int = 100) -> list[DeletionRun]:
        deletions, begun = Deletions(stage.database), []
        while (part := await deletions.look(RULE, limit, NOW)).looked:
            begun += part.begun
        while await deletions.extend(10 * DAY, limit):
            pass
        return begun

    async def habit(self, stage: Stage, days_ago: int, messages: int) -> None:
        await stage.rows(
            "insert into deletions values (%s, (now() at time zone 'UTC')::date - %s, %s) returning 1",
            (stage.account.id, days_ago, messages),
        )

    async def test_the_habit_is_that_of_the_weeks_that_ended_a_week_before(self) -> None:
        stage = await self.stage()
        for days_ago, messages in ((40, 900), (34, 2), (20, 3), (6, 900)):
            await self.habit(stage, days_ago, messages)
        uids = await stage.put_many(10)
        await stage.expunge(stage.inbox, uids[:9])
        self.assertEqual(await self.look(stage), [])
        await stage.expunge(stage.inbox, uids[9:])
        (run,) = await self.look(stage)
        self.assertEqual((run.messages, run.habit, run.remaining), (10, 3, 0))
        days = await stage.value("select count(*) from deletions")
        self.assertEqual(days, 4)  # what is older than the habit is forgotten

    async def test_the_day_before_belongs_to_a_run(self) -> None:
        stage = await self.stage()
        await self.habit(stage, 1, 5)
        await stage.expunge(stage.inbox, await stage.put_many(1))
        (run,) = await self.look(stage)
        self.assertEqual(run.messages, 6)

    async def test_what_was_deleted_before_the_watch_began_is_counted_only(self) -> None:
        stage = await self.stage()
        await stage.expunge(stage.inbox, await stage.put_many(9))
        await stage.rows(
            "update deletions_pass set began_at = now() + interval '1 hour' returning 1"
        )
        self.assertEqual(await self.look(stage), [])
        self.assertEqual(await stage.value("select sum(messages) from deletions"), 9)

    async def test_small_parts_and_large_moments(self) -> None:
        """What was deleted by one command belongs together, however small the parts are; its grace
        is extended in small parts."""
        stage = await self.stage()
        uids = await stage.put_many(7)
        await stage.expunge(stage.inbox, uids)
        (run,) = await self.look(stage, limit=2)
        self.assertEqual(run.messages, 7)
        kept = "select count(*) from expunged where grace_from = expunged_at + interval '10 days'"
        self.assertEqual(await stage.value(kept), 7)
        self.assertEqual(await stage.value("select sum(messages) from deletions"), 7)

    async def test_two_that_look_count_each_deletion_once_and_wait_for_each_other(self) -> None:
        """So nobody removes what was not looked at."""
        stage = await self.stage()
        for uid in await stage.put_many(12):
            await stage.expunge(stage.inbox, [uid])
        found = await gather(*[self.look(stage, 2) for _ in range(3)])
        self.assertEqual([len(each) for each in found if each], [1])
        self.assertEqual(await stage.value("select sum(messages) from deletions"), 12)
        (run,) = await Deletions(stage.database).runs(EVER)
        self.assertEqual((run.messages, run.extended), (12, True))
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 100), 0)

        async def hold(tx: Tx) -> None:
            await tx.one("select * from look_at_deletions_v1(6, 1, 3, 10, '0')")
            waiting.append(Deferred.fromCoroutine(self.look(stage)))
            await stage.until_blocked()

        waiting: list[object] = []
        await stage.database.transaction("hold", hold)
        self.assertEqual(await gather(*waiting), [[]])  # type: ignore[arg-type]
