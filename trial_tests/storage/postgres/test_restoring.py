"""Restoring on a real PostgreSQL: what meets it, what it costs, and that no large table is read as
a whole."""

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.errors import NoSuchMailbox
from sora.storage.postgres import packing
from sora.storage.postgres.database import Tx
from sora.storage.postgres.history import Events
from sora.storage.postgres.restoring import RESTORE, Restoring
from sora.storage.rows import GoneFilter, Recount
from trial_tests.storage.postgres.stage import Stage, StageTestCase, new_operation
from trial_tests.storage.postgres.test_plans import FILL, FILLED
from trial_tests.support.plans import can_explain, watched_database

NOW = timedelta(0)
LARGE = {*FILLED, "expunged"}
# As many again as there are messages, in their mailboxes.
_EXPUNGED = """
insert into expunged (
    account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date, email_id, size, flags,
    internal_zone, expunged_modseq, kind
) select account_id, mailbox_id, uid + 1000, content_id, modseq, internal_date, save_date,
        gen_random_uuid(), size, flags, internal_zone, modseq, 'expunged'
    from messages;
analyze expunged
"""


async def restore_in(tx: Tx, source: int, uids: list[int], destination: int) -> None:
    """A restore as part of a transaction that stays open."""
    await tx.one(RESTORE, (source, uids, destination, *packing.operation(new_operation())))


async def restored(stage: Stage, source: int, uids: list[int], destination: int = 0) -> int:
    """How many came back."""
    answer = await Restoring(stage.database).restore(
        source, uids, destination or source, new_operation()
    )
    return len(answer.copied.uids)


class RaceTests(StageTestCase):
    async def expunged(self, count: int) -> tuple[Stage, list[int]]:
        stage = await self.stage()
        uids = await stage.put_many(count)
        await stage.expunge(stage.inbox, uids)
        return stage, uids

    async def whole(self, stage: Stage, messages: int) -> None:
        """So many messages are there; counters are right (G16), and nothing lacks its content."""
        self.assertEqual(await stage.value("select count(*) from messages"), messages)
        self.assertEqual(await stage.miscounted(), [])
        lost = "select count(*) from messages m where not exists (select from contents c"
        lost += " where c.id = m.content_id and c.state = 'live')"
        self.assertEqual(await stage.value(lost), 0)

    async def test_twice_at_once_it_comes_back_once(self) -> None:
        stage, uids = await self.expunged(30)
        counts = await gather(
            restored(stage, stage.inbox, uids),
            restored(stage, stage.inbox, uids[:20]),
            restored(stage, stage.inbox, uids, stage.trash),
        )
        self.assertEqual(sum(counts), 30)
        await self.whole(stage, 30)

    async def test_the_cleaner_first_it_is_gone(self) -> None:
        stage, uids = await self.expunged(2)
        waiting: list[Deferred[int]] = []

        async def clean(tx: Tx) -> None:
            self.assertEqual(await tx.value("select purge_expunged_v1('0', 1)"), 1)
            waiting.append(Deferred.fromCoroutine(restored(stage, stage.inbox, uids)))
            await stage.until_blocked()

        await stage.database.transaction("clean", clean)
        self.assertEqual(await waiting[0], 1)
        await stage.cleaning.condemn(NOW, 10)
        await self.whole(stage, 1)

    async def test_the_restore_first_the_cleaner_leaves_it_and_its_content(self) -> None:
        """G3."""
        stage, uids = await self.expunged(1)
        await stage.rows(
            "insert into orphans (scope_id, content_id, since)"
            " select scope_id, id, now() - interval '1 day' from contents returning 1"
        )

        async def come_back(tx: Tx) -> None:
            await restore_in(tx, stage.inbox, uids, stage.inbox)
            self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 0)
            self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)

        await stage.database.transaction("restore", come_back)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)
        await self.whole(stage, 1)

    async def test_a_grace_that_is_extended_meanwhile(self) -> None:
        """The row has another place in the table when its lock comes."""
        stage, uids = await self.expunged(2)
        waiting: list[Deferred[int]] = []

        async def extend(tx: Tx) -> None:
            await tx.do("update expunged set grace_from = now() + interval '9 days'")
            waiting.append(Deferred.fromCoroutine(restored(stage, stage.inbox, uids)))
            await stage.until_blocked()

        await stage.database.transaction("extend", extend)
        self.assertEqual(await waiting[0], 2)
        await self.whole(stage, 2)
        self.assertEqual(await stage.value("select count(*) from expunged"), 0)

    async def deleted(self, count: int) -> tuple[Stage, list[int]]:
        """The mailbox Trash, deleted."""
        stage = await self.stage()
        uids = await stage.put_many(count, stage.trash)
        await stage.mailboxes.delete(stage.account.id, "Trash", new_operation())
        return stage, uids

    async def test_the_removal_of_a_mailbox_first_nothing_of_it_comes_back(self) -> None:
        stage, uids = await self.deleted(3)
        waiting: list[Deferred[Any]] = []

        async def clean(tx: Tx) -> None:
            self.assertEqual(await tx.value("select purge_expunged_v1('0', 1)"), 1)
            waiting.append(Deferred.fromCoroutine(restored(stage, stage.trash, uids, stage.inbox)))
            waiting.append(
                Restoring(stage.database).restore_mailbox(
                    stage.account.id, stage.trash, "Trash", new_operation()
                )
            )
            await stage.until_blocked(2)

        await stage.database.transaction("clean", clean)
        for refused in waiting:
            await self.assertFailure(refused, NoSuchMailbox)
        self.assertEqual(await stage.value("select count(*) from messages"), 2)

    async def test_the_return_of_a_mailbox_first_the_cleaner_leaves_it(self) -> None:
        stage, _ = await self.deleted(3)

        async def come_back(tx: Tx) -> None:
            await tx.one(
                f"select restore_mailbox_v1(%s, %s, 'Trash', '{{}}', {packing.OPERATION})",
                (stage.account.id, stage.trash, *packing.operation(new_operation())),
            )
            self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 0)

        await stage.database.transaction("restore", come_back)
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 0)
        await self.whole(stage, 3)

    async def test_two_who_take_from_and_give_to_each_other_wait_in_one_order(self) -> None:
        """G17."""
        stage, uids = await self.expunged(20)
        others = await stage.put_many(20, stage.trash)
        await stage.expunge(stage.trash, others)
        counts = await gather(
            *(restored(stage, stage.inbox, [uid], stage.trash) for uid in uids),
            *(restored(stage, stage.trash, [uid], stage.inbox) for uid in others),
        )
        self.assertEqual(sum(counts), 40)
        await self.whole(stage, 40)


class EpochTests(StageTestCase):
    """G70: after a database was set back, no UID that clients may know is given out."""

    async def test_uids_jump_before_something_comes_back(self) -> None:
        stage = await self.stage()
        uids = await stage.put_many(2)
        await stage.put_many(2, stage.trash)
        await stage.expunge(stage.inbox, uids)
        await stage.mailboxes.delete(stage.account.id, "Trash", new_operation())
        await stage.value("select promoted_v1(true)")
        restoring = Restoring(stage.database)
        back = (await restoring.restore(stage.inbox, uids, stage.inbox, new_operation())).copied
        self.assertGreater(back.uids[0], 100_000)
        row = await restoring.restore_mailbox(
            stage.account.id, stage.trash, "Trash", new_operation()
        )
        self.assertGreater(row.uidnext, 100_000)
        self.assertEqual(row.messages, 2)
        self.assertEqual(await stage.miscounted(), [])


class RecountTests(StageTestCase):
    """G16."""

    async def test_counters_that_are_wrong_are_mended_under_the_lock(self) -> None:
        """What a delivery adds meanwhile is counted, too."""
        stage = await self.stage()
        await stage.put_many(3)
        await stage.rows(
            "update mailboxes set messages = 7, unseen = 0, size = 1, deleted = 2, uidnext = 2"
            " where id = %s returning 1",
            [stage.inbox],
        )
        history = Events(stage.database)
        seen = await history.recount(stage.inbox, False)
        self.assertEqual((seen.was.messages, seen.counted.messages), (7, 3))
        self.assertEqual(len(await stage.miscounted()), 1)
        waiting: list[Deferred[Recount]] = []

        async def deliver(tx: Tx) -> None:
            await tx.do("select lock_mailbox_v1(%s)", [stage.inbox])
            waiting.append(history.recount(stage.inbox, True))
            await stage.until_blocked()
            await tx.do("delete from messages where mailbox_id = %s and uid = 3", [stage.inbox])
            await tx.do("update mailboxes set messages = messages - 1 where id = %s", [stage.inbox])

        await stage.database.transaction("deliver", deliver)
        recount = await waiting[0]
        self.assertEqual((recount.was.messages, recount.counted.messages), (6, 2))
        self.assertEqual((recount.was.uidnext, recount.counted.uidnext), (2, 3))
        self.assertEqual(await stage.miscounted(), [])
        self.assertEqual((await history.recount(stage.inbox, True)).was, recount.counted)


class CostTests(StageTestCase):
    timeout = 120

    async def test_a_thousand_messages_are_one_statement(self) -> None:
        stage = await self.stage()
        uids = await stage.put_many(1)
        await stage.rows(
            "insert into expunged (account_id, mailbox_id, uid, content_id, modseq, internal_date,"
            " save_date, email_id, size, flags, internal_zone, expunged_modseq, kind)"
            " select account_id, mailbox_id, uid + n, content_id, modseq, internal_date, save_date,"
            " gen_random_uuid(), size, flags, internal_zone, modseq, 'expunged'"
            " from messages, generate_series(1, 1001) n returning 1"
        )
        await stage.rows(
            "update mailboxes set uidnext = 2000 where id = %s returning 1", [stage.inbox]
        )
        stage.database.statements.clear()
        page = await Restoring(stage.database).gone(stage.account.id, GoneFilter(), None, 1000)
        self.assertEqual(len(page.messages), 1000)
        chosen = [each.place.uid for each in page.messages]
        self.assertEqual(await restored(stage, stage.inbox, chosen), 1000)
        self.assertEqual(dict(stage.database.statements), {"gone": 1, "restore": 1})
        self.assertEqual(await stage.miscounted(), [])
        with self.assertRaises(ValueError):
            await restored(stage, stage.inbox, [*range(1001)])
        self.assertEqual(uids, [1])

    async def test_no_large_table_is_read_as_a_whole(self) -> None:
        if not can_explain():
            return
        database, plans = await watched_database(self, forced=False)
        stage = await self.stage_on(database)
        restoring, account = Restoring(database), stage.account.id
        await stage.put_many(3)
        await stage.rows(FILL)
        await stage.rows(_EXPUNGED)
        await stage.expunge(stage.inbox, [1, 2])
        await stage.put_many(2, stage.trash)
        await stage.mailboxes.delete(account, "Trash", new_operation())
        plans.take()
        for which in (GoneFilter(), GoneFilter(subject="message"), GoneFilter((stage.trash,))):
            await restoring.gone(account, which, None, 100)
        self.assertEqual(await restored(stage, stage.inbox, [1]), 1)
        self.assertEqual(await restored(stage, stage.trash, [1], stage.inbox), 1)
        await restoring.deleted_mailboxes(account)
        await restoring.restore_mailbox(account, stage.trash, "Trash", new_operation())
        history = Events(database)
        (found,) = (await restoring.gone(account, GoneFilter(), None, 1)).messages
        await history.latest(account, None, None, None, 100)
        await history.after(stage.inbox, 0, 100)
        await history.about(account, [(stage.inbox, 1), (stage.inbox, 2)], 100)
        self.assertEqual(
            await history.places(account, found.email_id), [(stage.inbox, found.place.uid)]
        )
        await history.described(stage.inbox, [1, 2, 3])
        await history.recount(stage.inbox, True)
        whole = {one for one in plans.take() if one.split()[2].rstrip(":") in LARGE}
        self.assertEqual(whole, set())
