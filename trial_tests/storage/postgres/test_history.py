"""A history that is long: what is asked of it stays quick (RFC 7162)."""

from sora.mail.flags import DELETED, FLAGGED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.rows import FlagChange
from trial_tests.storage.postgres.stage import Stage, StageTestCase, new_operation

EVERY_UID = NumberSet(((1, 1000),))


class LongHistoryTests(StageTestCase):
    async def written(self, stage: Stage, count: int) -> None:
        """Many writes that touched no message."""
        await stage.rows(
            "with box as (select * from mailboxes where id = %s), made as ("
            " insert into events (account_id, mailbox_id, modseq, before, kind, operation, detail)"
            " select account_id, id, highest_modseq + n, highest_modseq + n - 1, 2,"
            """ gen_random_uuid(), '{"mode": "add", "flags": 0, "keywords": []}'"""
            " from box, generate_series(1, %s) n)"
            " update mailboxes set highest_modseq = highest_modseq + %s where id = %s returning 1",
            (stage.inbox, count, count, stage.inbox),
        )

    async def test_what_vanished(self) -> None:
        """G28: beyond some length it is as if the history did not reach back."""
        stage = await self.stage()
        await stage.put_many(3)
        start = (await stage.mailboxes.find(stage.account.id, "INBOX")).highest_modseq
        await stage.expunge(stage.inbox, [2])
        await self.written(stage, 15_000)
        gone = await stage.mailboxes.vanished(stage.inbox, start, EVERY_UID)
        self.assertEqual(str(gone.uids), "2")
        await self.written(stage, 6_000)
        gone = await stage.mailboxes.vanished(stage.inbox, start, EVERY_UID)
        self.assertIsNone(gone.uids)
        self.assertFalse(gone.is_lost)
        now = (await stage.mailboxes.find(stage.account.id, "INBOX")).highest_modseq
        gone = await stage.mailboxes.vanished(stage.inbox, now - 10, EVERY_UID)
        self.assertEqual(str(gone.uids), "")

    async def test_which_flags_were_touched(self) -> None:
        """RFC 7162 §3.1.12: beyond some length each later change counts."""
        stage = await self.stage()
        await stage.put_many(2)
        start = (await stage.mailboxes.find(stage.account.id, "INBOX")).highest_modseq
        await self.store(stage, FlagChange("add", Flags(SEEN)))
        change = FlagChange("add", Flags(FLAGGED), unchanged_since=start)
        self.assertEqual(await self.store(stage, change), "")
        await self.written(stage, 2_001)
        change = FlagChange("add", Flags(DELETED), unchanged_since=start)
        self.assertEqual(await self.store(stage, change), "1:2")

    async def store(self, stage: Stage, change: FlagChange) -> str:
        """The UIDs that were refused."""
        stored = await stage.messages.store(stage.inbox, EVERY_UID, change, new_operation())
        return str(stored.modified)
