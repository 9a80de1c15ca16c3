"""After the promotion of a replica that lagged, or a restore (G70)."""

from sora.mail.flags import SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.rows import FlagChange
from trial_tests.storage.postgres.stage import StageTestCase, bytes_of, new_operation


class EpochTests(StageTestCase):
    async def test_the_first_write_of_a_new_epoch_jumps_over_lost_uids(self) -> None:
        stage = await self.stage()
        await stage.put_many(2)
        before = await stage.mailboxes.find(stage.account.id, "INBOX")
        await stage.rows("update sora set epoch = epoch + 1 returning 1")
        uids = [(await stage.put(bytes_of(number))).placed[0].uid for number in (3, 4)]
        self.assertEqual(uids, [100_003, 100_004])
        after = await stage.mailboxes.find(stage.account.id, "INBOX")
        self.assertEqual(after.uidvalidity, before.uidvalidity)
        self.assertGreater(after.highest_modseq, before.highest_modseq)

    async def test_a_new_timeline_is_noticed_by_the_first_write(self) -> None:
        """Nobody has to tell: the server's WAL has another timeline after a promotion."""
        stage = await self.stage()
        await stage.put_many(1)
        await stage.rows("update sora set timeline = timeline - 1 returning 1")
        self.assertEqual((await stage.put(bytes_of(2))).placed[0].uid, 100_002)
        self.assertEqual((await stage.put(bytes_of(3))).placed[0].uid, 100_003)
        self.assertEqual(await stage.value("select epoch from sora"), 2)

    async def test_a_client_from_the_lost_future_is_told_to_resynchronise(self) -> None:
        stage = await self.stage()
        await stage.put_many(1)
        known = (await stage.mailboxes.find(stage.account.id, "INBOX")).highest_modseq
        lost = known + 5
        await stage.rows("update sora set epoch = epoch + 1 returning 1")
        changes = await stage.mailboxes.changes(stage.inbox, lost, 0)
        self.assertFalse(changes.complete)
        await stage.messages.store(
            stage.inbox, NumberSet.of([1]), FlagChange("add", Flags(SEEN)), new_operation()
        )
        changes = await stage.mailboxes.changes(stage.inbox, lost, 0)
        self.assertFalse(changes.complete)
        changes = await stage.mailboxes.changes(stage.inbox, known, 0)
        self.assertTrue(changes.complete)
        self.assertEqual(list(changes.changed.uids), [1])
        for since, is_lost in ((lost, True), (known, False), (known - 1, False)):
            gone = await stage.mailboxes.vanished(stage.inbox, since, NumberSet(((1, 9),)))
            self.assertEqual(gone.is_lost, is_lost)

    async def test_uidvalidity_rises_when_a_name_is_used_again(self) -> None:
        """G29"""
        stage = await self.stage()
        account = stage.account.id
        seen = []
        for _ in range(3):
            made = await stage.mailboxes.create(account, "a", None, new_operation())
            seen.append(made.uidvalidity)
            await stage.mailboxes.delete(account, "a", new_operation())
        self.assertEqual(seen, sorted(set(seen)))

    async def test_changes_that_are_no_longer_logged_are_not_complete(self) -> None:
        """G28"""
        stage = await self.stage()
        await stage.put_many(2)
        row = await stage.mailboxes.find(stage.account.id, "INBOX")
        await stage.rows("update sora set events_horizon = %s returning 1", (row.highest_modseq,))
        past = await stage.mailboxes.changes(stage.inbox, row.highest_modseq - 1, 0)
        self.assertFalse(past.complete)
        now = await stage.mailboxes.changes(stage.inbox, row.highest_modseq, 0)
        self.assertTrue(now.complete)
