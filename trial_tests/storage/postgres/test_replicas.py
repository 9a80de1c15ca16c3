"""Replicas answer reads, and never from the past of the reader."""

from twisted.internet import reactor

from sora.mail.numbers import NumberSet
from sora.retry import pause
from sora.storage.postgres.endpoints import Endpoints
from sora.storage.postgres.pool import Limits
from sora.storage.rows import Want
from trial_tests.storage.postgres.stage import Stage, StageTestCase
from trial_tests.support.replication import migrated, replicated


class ReplicaTests(StageTestCase):
    timeout = 90

    async def until(self, stage: Stage, is_asked: bool) -> None:
        while bool(stage.database.replicas.all[0].trouble) is is_asked:
            await pause(reactor, 0.02)  # type: ignore[arg-type]

    async def read(self, stage: Stage, uid: int) -> tuple[int, int, int]:
        """How many messages came, how many statements that took, and how many of them
        the replica answered."""
        database = stage.database
        asked = database.metrics.queries.labels("read", "ok", database.replicas.all[0].where)
        before, answered = database.statements["read"], asked._value.get()
        found = await stage.messages.read(
            stage.inbox, NumberSet.of([uid]), frozenset({Want.ENVELOPE})
        )
        sent = database.statements["read"] - before
        return len(found.messages), sent, int(asked._value.get() - answered)

    async def test_a_replica_that_lags_or_is_lost_is_passed_over(self) -> None:
        """G21: what was written is seen by the next read, in one statement as ever."""
        servers = replicated(self)
        primary, replica = servers.primary, servers.replicas[0]
        await migrated(primary)
        where = Endpoints([primary.tcp()], [(replica.tcp(), 4)], interval=0.1)
        stage = await self.stage_on(self.open(where, limits=Limits(minimum=1, maximum=4)))
        [first] = await stage.put_many(1)
        opened = await stage.mailboxes.open(stage.account.id, "INBOX")
        stage.mailboxes.heard(stage.inbox, opened.mailbox.highest_modseq)
        replica.wait_for(primary)
        await self.until(stage, True)
        self.assertEqual(await self.read(stage, first), (1, 1, 1))

        replica.pause_replay()
        [second] = await stage.put_many(1)
        opened = await stage.mailboxes.open(stage.account.id, "INBOX")
        self.assertEqual((await self.read(stage, second))[::2], (1, 0))
        self.assertEqual(await self.read(stage, second), (1, 1, 0))
        replica.resume_replay()
        replica.wait_for(primary)
        await pause(reactor, 0.5)  # type: ignore[arg-type]
        self.assertEqual(await self.read(stage, second), (1, 1, 1))

        replica.stop()
        self.assertEqual((await self.read(stage, second))[0], 1)
        await self.until(stage, False)
        self.assertEqual(await self.read(stage, second), (1, 1, 0))
        replica.start()
        await self.until(stage, True)
        while stage.database.replicas.all[0].breaker.is_open:
            await pause(reactor, 0.05)  # type: ignore[arg-type]
        self.assertEqual(await self.read(stage, second), (1, 1, 1))
