"""The cleaner's statements on a real PostgreSQL: what several do at once, and what is gone after."""

from datetime import timedelta

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.errors import NoSuchAccount
from sora.mail.numbers import NumberSet
from sora.storage.postgres.database import Tx
from sora.storage.rows import NewSecret
from trial_tests.storage.postgres.stage import Stage, StageTestCase, bytes_of, new_operation

NOW = timedelta(0)
DAY = timedelta(days=1)
ANN = parse_address("a@example.org")


class AccountTests(StageTestCase):
    async def remove(self, stage: Stage, limit: int = 100) -> int:
        messages = 0
        while (part := await stage.cleaning.remove_account(NOW, limit)) is not None:
            messages += part.messages
        return messages

    async def test_nothing_of_a_removed_account_is_left_in_any_table(self) -> None:
        """But its history, which ends with its retention."""
        stage = await self.stage()
        uids = await stage.put_many(5)
        await stage.expunge(stage.inbox, uids[:2])
        account = stage.account.id
        await stage.credentials.set_secrets(ANN, [NewSecret("bcrypt", "x")])
        await stage.rows(
            "with a as (insert into seen (account_id, mailbox_id) values (%(a)s, %(m)s)),"
            " b as (insert into vacations values (%(a)s, 'k', now(), gen_random_uuid())),"
            " c as (insert into duplicates values (%(a)s, 'k', now())),"
            " d as (insert into subscriptions values (%(a)s, 'x', 'x')),"
            " e as (insert into keywords values (%(a)s, 0, 'x', 'x')),"
            " f as (insert into metadata values (%(a)s, null, %(a)s, 'x', 'y')),"
            " g as (insert into deliveries (account_id, recipient, received_hash, mailbox_id,"
            "  email_id) values (%(a)s, 'r', 'h', %(m)s, gen_random_uuid())),"
            " h as (insert into maildrops (account_id, until, opened_at) values (%(a)s, now(), now())),"
            " i as (insert into logins values (%(a)s, 1, now(), 'imap', ''))"
            " insert into scripts (account_id, name, source, size) values (%(a)s, 's', 'keep;', 5)"
            " returning 1",
            {"a": account, "m": stage.inbox},  # type: ignore[arg-type]
        )
        await stage.accounts.delete(ANN)
        self.assertEqual(await self.remove(stage, 2), 5)
        tables = await stage.rows(
            "select c.table_name, c.column_name from information_schema.columns c"
            " join information_schema.tables t using (table_schema, table_name)"
            " where c.table_schema = 'public' and t.table_type = 'BASE TABLE'"
            " and c.column_name in ('account_id', 'grantee', 'catch_all', 'reader')"
            " and c.table_name !~ '^events'"
        )
        self.assertGreater(len(tables), 15)
        left = [
            table
            for table, column in tables
            if await stage.value(f"select count(*) from {table} where {column} = %s", (account,))
        ]
        self.assertEqual(left, [])
        self.assertEqual(await stage.value("select count(*) from accounts"), 0)
        self.assertGreater(await stage.value("select count(*) from events"), 0)

    async def test_two_cleaners_remove_accounts_without_waiting_for_each_other(self) -> None:
        stage = await self.stage()
        await stage.put_many(3)
        other = parse_address("b@example.org")
        await stage.accounts.create(other, [], [])
        for address in (ANN, other):
            await stage.accounts.delete(address)

        async def first(tx: Tx) -> None:
            await tx.one("select * from remove_account_v1('0', 1)")
            part = await stage.cleaning.remove_account(NOW, 1)
            assert part is not None
            self.assertEqual((part.address, part.ended), (other.base, True))
            self.assertIsNone(await stage.cleaning.remove_account(NOW, 1))

        await stage.database.transaction("first", first)
        self.assertEqual(await self.remove(stage), 2)

    async def test_a_restore_that_meets_the_removal(self) -> None:
        """Either it is whole, or it is not restored."""
        stage = await self.stage()
        await stage.put_many(2)
        await stage.accounts.delete(ANN)

        async def remove(tx: Tx) -> None:
            await tx.one("select * from remove_account_v1('0', 1)")
            waiting.append(self.refused(stage))
            await stage.until_blocked()

        waiting: list[object] = []
        await stage.database.transaction("remove", remove)
        await gather(*waiting)  # type: ignore[arg-type]

    def refused(self, stage: Stage) -> object:
        return self.assertFailure(stage.accounts.restore(ANN), NoSuchAccount)


class SharedWorkTests(StageTestCase):
    async def test_two_cleaners_purge_each_row_once(self) -> None:
        stage = await self.stage()
        await stage.expunge(stage.inbox, await stage.put_many(30))

        async def purge() -> int:
            total = 0
            while count := await stage.cleaning.purge_expunged(NOW, 4):
                total += count
            return total

        async def condemn() -> int:
            total = 0
            while count := await stage.cleaning.condemn(NOW, 4):
                total += count
            return total

        self.assertEqual(sum(await gather(purge(), purge(), purge())), 30)
        self.assertEqual(sum(await gather(condemn(), condemn(), condemn())), 30)
        self.assertEqual(await stage.value("select count(*) from contents"), 0)

    async def test_a_mailbox_whose_grace_was_extended_keeps_no_other_one_waiting(self) -> None:
        stage = await self.stage()
        await stage.put_many(2)
        await stage.put(bytes_of(7), stage.trash)
        await stage.mailboxes.create(stage.account.id, "One", None, new_operation())
        for name in ("Trash", "One"):
            await stage.mailboxes.delete(stage.account.id, name, new_operation())
        await stage.rows(
            "update mailboxes set grace_from = now() + interval '9 days' where name = 'Trash'"
            " returning 1"
        )
        while await stage.cleaning.purge_expunged(NOW, 10):
            pass
        names = await stage.rows("select name from mailboxes order by name")
        self.assertEqual(names, [("INBOX",), ("Trash",)])
        self.assertEqual(await stage.value("select count(*) from messages"), 3)
        self.assertEqual(await stage.miscounted(), [])

    async def test_expunged_messages_whose_grace_was_extended_stay(self) -> None:
        stage = await self.stage()
        await stage.expunge(stage.inbox, await stage.put_many(3))
        await stage.rows(
            "update expunged set grace_from = now() + interval '9 days' where uid = 2 returning 1"
        )
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 2)
        self.assertEqual(await stage.cleaning.purge_expunged(timedelta(days=-10), 10), 1)


class HistoryTests(StageTestCase):
    """`events` are bounded by the retention, in whole months."""

    async def old_month(self, stage: Stage) -> None:
        """A partition of January 2021 with an event in it."""
        await stage.rows(
            "with m as (select modseq_at_v1('2021-01-15') as modseq)"
            " insert into events (account_id, mailbox_id, modseq, before, kind, operation)"
            " select %s, %s, modseq, modseq - 1, 2, gen_random_uuid() from m returning 1",
            (stage.account.id, stage.inbox),
        )
        await stage.cleaning.make_partitions()

    async def partitions(self, stage: Stage) -> list[str]:
        rows = await stage.rows(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'events'::regclass order by 1"
        )
        return [name for (name,) in rows]

    async def test_what_stands_in_the_default_partition_gets_one_of_its_month(self) -> None:
        stage = await self.stage()
        before = await self.partitions(stage)
        await self.old_month(stage)
        self.assertEqual(await self.partitions(stage), sorted([*before, "events_2021_01"]))
        self.assertEqual(await stage.value("select count(*) from events_default"), 0)
        self.assertEqual(await stage.value("select count(*) from events_2021_01"), 1)
        self.assertEqual(await stage.cleaning.make_partitions(), 0)

    async def test_the_horizon_is_raised_before_a_partition_goes(self) -> None:
        """G28: who knows less than what is kept is told to resynchronise, and only then it goes."""
        stage = await self.stage()
        await self.old_month(stage)
        await stage.rows(
            "update mailboxes set created_modseq = 1 where id = %s returning 1", (stage.inbox,)
        )
        since = await stage.value("select modseq_at_v1('2021-01-10')")
        everything = NumberSet(((1, 99),))
        known = await stage.mailboxes.vanished(stage.inbox, since, everything)
        self.assertIsNotNone(known.uids)
        self.assertEqual(await stage.cleaning.forget_events(90 * DAY), 0)
        known = await stage.mailboxes.vanished(stage.inbox, since, everything)
        self.assertIsNone(known.uids)
        changes = await stage.mailboxes.changes(stage.inbox, since, 0)
        self.assertFalse(changes.complete)
        self.assertEqual(await stage.cleaning.forget_events(90 * DAY), 0)
        self.assertIn("events_2021_01", await self.partitions(stage))
        await stage.rows("update sora set horizon_at = now() - interval '11 minutes' returning 1")
        self.assertEqual(await stage.cleaning.forget_events(10_000 * DAY), 0)
        self.assertEqual(await stage.cleaning.forget_events(90 * DAY), 1)
        self.assertNotIn("events_2021_01", await self.partitions(stage))
        status = await stage.cleaning.status(DAY, DAY)
        assert status.history_from is not None
        self.assertEqual(str(status.history_from), "2021-02-01 00:00:00+00:00")

    async def test_a_partition_that_somebody_reads_is_left_for_the_next_time(self) -> None:
        stage = await self.stage()
        await self.old_month(stage)
        await stage.cleaning.forget_events(90 * DAY)
        await stage.rows("update sora set horizon_at = now() - interval '11 minutes' returning 1")

        async def read(tx: Tx) -> None:
            await tx.all("select count(*) from events")
            self.assertEqual(await stage.cleaning.forget_events(90 * DAY), 0)

        await stage.database.transaction("read", read)
        self.assertEqual(await stage.cleaning.forget_events(90 * DAY), 1)


class BegunUploadTests(StageTestCase):
    async def test_what_an_upload_may_have_left_is_deleted_while_others_upload(self) -> None:
        """G1, G6: an upload was begun, the message went, and an hour is over. Workers that claim
        meanwhile keep nothing from the cleaner."""
        stage = await self.stage()
        uids = await stage.put_many(1)
        (upload,) = await stage.uploads.claim("s3", 1, NOW)
        await stage.expunge(stage.inbox, uids)
        await stage.cleaning.purge_expunged(NOW, 10)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 1)
        self.assertEqual(list(await stage.cleaning.condemned(["s3"], 10, NOW)), [])
        await stage.rows("update objects set due_at = now() - interval '61 minutes' returning 1")
        self.assertEqual(list(await stage.uploads.claim("s3", 1, DAY)), [])
        (condemned,) = await stage.cleaning.condemned(["s3"], 10, NOW)
        self.assertEqual(condemned.object_id, upload.object_id)
        self.assertEqual(await stage.cleaning.forget([upload.object_id]), 1)
        self.assertEqual(await stage.value("select count(*) from contents"), 0)
