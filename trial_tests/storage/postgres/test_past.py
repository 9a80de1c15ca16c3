"""What was expunged, on a real PostgreSQL: what meets it, what it costs, and that no large table is
read as a whole."""

from datetime import timedelta

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.deferreds import gather
from sora.errors import ExpungeIssued
from sora.mail.criteria import TextHas
from sora.mail.numbers import NumberSet
from sora.storage.postgres import packing
from sora.storage.postgres.database import Tx
from sora.storage.postgres.past import COPY, PastMail
from sora.storage.rows import Column, Copied, Past, SortBy, SortKey, Want
from trial_tests.storage.postgres.stage import Stage, StageTestCase, bytes_of, new_operation
from trial_tests.storage.postgres.test_plans import FILL, FILLED
from trial_tests.support.plans import can_explain, watched_database
from trial_tests.support.postgres import LoseAnswer

NOW = timedelta(0)
LARGE = {*FILLED, "expunged", "search_segments"}
_EXPUNGED = """
insert into expunged (
    account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date, email_id, size, flags,
    internal_zone, expunged_modseq, kind
) select account_id, mailbox_id, uid + 1000, content_id, modseq, internal_date, save_date,
        gen_random_uuid(), size, flags, internal_zone, modseq, 'expunged'
    from messages;
analyze expunged
"""
_MANY = """
insert into expunged (
    account_id, mailbox_id, uid, content_id, modseq, internal_date, save_date, email_id, size, flags,
    internal_zone, expunged_modseq, kind
) select account_id, mailbox_id, uid + 3 * n, content_id, modseq, internal_date, save_date,
        gen_random_uuid(), size, flags, internal_zone, modseq + n, 'expunged'
    from messages, generate_series(1, 10000) n returning 1
"""


class PastTestCase(StageTestCase):
    async def begin(self, count: int = 0, **how: object) -> tuple[Stage, PastMail]:
        """A stage, on which so many messages of INBOX were expunged."""
        stage = await self.stage(**how)
        if count:
            await stage.expunge(stage.inbox, await stage.put_many(count))
        return stage, self.past(stage)

    def past(self, stage: Stage) -> PastMail:
        return PastMail(stage.database, reactor)  # type: ignore[arg-type]

    async def look(self, stage: Stage) -> Past:
        opened: Past = await self.past(stage).open(stage.account.id, "INBOX")
        return opened

    async def copy(self, stage: Stage, uids: list[int]) -> Copied:
        copied: Copied = await self.past(stage).copy(
            stage.inbox, uids, stage.account.id, "Trash", new_operation()
        )
        return copied


class RaceTests(PastTestCase):
    async def test_the_cleaner_first_nothing_is_copied(self) -> None:
        """G3: refused, and neither half done nor waiting for ever."""
        stage, _ = await self.begin(3)
        waiting: list[Deferred[Copied]] = []

        async def clean(tx: Tx) -> None:
            self.assertEqual(await tx.value("select purge_expunged_v1('0', 1)"), 1)
            waiting.append(Deferred.fromCoroutine(self.copy(stage, [1, 2, 3])))
            await stage.until_blocked()

        await stage.database.transaction("clean", clean)
        await self.assertFailure(waiting[0], ExpungeIssued)
        self.assertEqual(await stage.value("select count(*) from messages"), 0)
        self.assertEqual(await stage.miscounted(), [])

    async def test_the_copy_first_the_cleaner_leaves_the_message_and_its_content(self) -> None:
        """G3"""
        stage, _ = await self.begin(2)
        await stage.rows(
            "insert into orphans (scope_id, content_id, since)"
            " select scope_id, id, now() - interval '1 day' from contents returning 1"
        )

        async def bring_back(tx: Tx) -> None:
            operation = packing.operation(new_operation())
            await tx.one(COPY, (stage.inbox, [1], stage.account.id, "Trash", None, *operation))
            self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 1)
            self.assertEqual(await stage.cleaning.condemn(NOW, 10), 1)

        await stage.database.transaction("copy", bring_back)
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 1)
        self.assertEqual(await stage.cleaning.condemn(NOW, 10), 0)
        left = (
            "select string_agg(c.state, ' ') from contents c join messages m on m.content_id = c.id"
        )
        self.assertEqual(await stage.value(left), "live")
        self.assertEqual(await stage.value("select count(*) from contents"), 1)
        self.assertEqual(await stage.miscounted(), [])

    async def test_a_deleted_mailbox_stays_while_it_is_copied_from(self) -> None:
        stage, _ = await self.begin()
        uids = await stage.put_many(2, stage.trash)
        await stage.mailboxes.delete(stage.account.id, "Trash", new_operation())

        async def bring_back(tx: Tx) -> None:
            operation = packing.operation(new_operation())
            await tx.one(COPY, (stage.trash, uids, stage.account.id, "INBOX", None, *operation))
            self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 0)

        await stage.database.transaction("copy", bring_back)
        self.assertEqual(await stage.cleaning.purge_expunged(NOW, 10), 2)
        self.assertNotIn(("INBOX",), await stage.miscounted())

    async def test_those_who_look_at_once_see_the_same_numbers(self) -> None:
        """G29"""
        stage, past = await self.begin(20)
        for round_ in range(3):
            looks = await gather(*(self.look(stage) for _ in range(5)))
            found = {tuple(zip(look.states.uids, look.sources, strict=True)) for look in looks}
            self.assertEqual(len(found), 1)
            self.assertEqual(list(looks[0].states.uids), list(range(1, 21 + 5 * round_)))
            await stage.expunge(stage.inbox, await stage.put_many(5))
        row = await past.find(stage.account.id, "INBOX")
        self.assertEqual((row.messages, row.uidnext), (35, 36))

    async def test_looking_waits_for_nobody_who_writes(self) -> None:
        """The lock of the mailbox is not asked for."""
        stage, _ = await self.begin(2)

        async def write(tx: Tx) -> None:
            await tx.do("select (lock_mailbox_v1(%s)).id", (stage.inbox,))
            self.assertEqual(len((await self.look(stage)).sources), 2)

        await stage.database.transaction("write", write)


class EpochTests(PastTestCase):
    async def test_numbers_that_were_lost_are_not_given_out_again(self) -> None:
        """G70: neither where the database remembers that somebody has looked, nor where not."""
        stage, past = await self.begin(2)
        before = await self.look(stage)
        await stage.put_many(1, stage.trash)
        await stage.expunge(stage.trash, [1])
        await stage.rows("update sora set timeline = timeline - 1 returning 1")
        again = await self.look(stage)
        self.assertEqual(list(again.states.uids), [1, 2])
        self.assertGreater(again.mailbox.uidnext, 100_000)
        self.assertGreater(again.mailbox.highest_modseq, before.mailbox.highest_modseq)
        await stage.expunge(stage.inbox, await stage.put_many(1))
        after = await self.look(stage)
        self.assertEqual(list(after.states.uids), [1, 2, again.mailbox.uidnext])
        other = await past.open(stage.account.id, "Trash")
        self.assertGreater(other.states.uids[0], 100_000)


class LostAnswerTests(PastTestCase):
    async def test_a_copy_is_proven(self) -> None:
        """G14"""
        stage, _ = await self.begin(3, faults=LoseAnswer("copy from past"))
        copied = await self.copy(stage, [3, 1])
        self.assertEqual((copied.sources, copied.uids), ((3, 1), (1, 2)))
        self.assertEqual(len(copied.masks), 2)
        self.assertEqual(await stage.value("select count(*) from messages"), 2)

    async def test_a_look_is_repeated(self) -> None:
        stage, _ = await self.begin(3, faults=LoseAnswer("open past"))
        self.assertEqual(list((await self.look(stage)).states.uids), [1, 2, 3])


class CostTests(PastTestCase):
    timeout = 120

    async def test_ten_thousand_expunged_messages(self) -> None:
        """One statement each, and one row for all their numbers."""
        stage, past = await self.begin()
        await stage.put(bytes_of(1))
        await stage.rows(_MANY)
        await stage.rows("update mailboxes set uidnext = 40000 where id > 0 returning 1")
        account = stage.account.id
        stage.database.statements.clear()
        opened = await self.look(stage)
        uids = opened.states.uids
        self.assertEqual((len(uids), uids[0], uids[-1]), (10_000, 1, 10_000))
        self.assertIsNone(await past.changes(account, stage.inbox, opened.mailbox.highest_modseq))
        await past.find(account, "INBOX")
        [row] = await past.all(account, counted=True)
        self.assertEqual(row, opened.mailbox)
        some = list(opened.sources[:1000])
        columns = await past.columns(stage.inbox, NumberSet.of(some), [Column.ENVELOPE])
        self.assertEqual(list(columns.uids), some)
        await past.read(stage.inbox, NumberSet.of(some[:999]), frozenset([Want.BODY]))
        self.assertEqual(len(await past.search(stage.inbox, TextHas("message"))), 10_000)
        self.assertEqual(stage.database.statements.total(), 7)
        copied = await self.copy(stage, some)
        self.assertEqual((copied.uids[0], len(copied.uids)), (40_000, 1000))
        self.assertEqual(stage.database.statements.total(), 8)
        self.assertEqual(await stage.value("select count(*) from past_numbers"), 1)
        self.assertEqual(await stage.miscounted(), [])
        self.assertEqual(await stage.value("select count(*) from contents"), 1)

    async def test_numbers_go_with_their_messages(self) -> None:
        stage, _ = await self.begin()
        for _ in range(5):
            await stage.expunge(stage.inbox, await stage.put_many(1))
            await self.look(stage)
        self.assertEqual(await stage.value("select count(*) from past_numbers"), 5)
        await stage.cleaning.purge_expunged(NOW, 4)
        self.assertEqual(list((await self.look(stage)).states.uids), [5])
        self.assertEqual(await stage.value("select count(*) from past_numbers"), 1)
        await stage.rows("update mailboxes set deleted_at = now() - interval '1 h' returning 1")
        for _ in range(9):
            await stage.cleaning.purge_expunged(NOW, 10)
        self.assertEqual(await stage.value("select count(*) from pasts"), 0)

    async def test_no_large_table_is_read_as_a_whole(self) -> None:
        if not can_explain():
            return
        database, plans = await watched_database(self, forced=False)

        async def fill(tx: Tx) -> None:
            await tx.do(FILL)
            await tx.do(_EXPUNGED)

        stage = await self.stage_on(database)
        await database.run("fill", fill, write=True, timeout=60)
        account, mailbox, name = (
            await stage.rows(
                "select b.account_id, b.id, b.name from expunged e join mailboxes b"
                " on b.id = e.mailbox_id limit 1"
            )
        )[0]
        plans.take()
        past = self.past(stage)
        opened = await past.open(account, name)
        self.assertTrue(opened.sources)
        await past.all(account)
        await past.all(account, counted=True)
        await past.changes(account, mailbox, 0)
        uids = NumberSet.of(opened.sources)
        await past.columns(mailbox, uids, list(Column))
        await past.read(mailbox, uids, frozenset(Want))
        every = TextHas("a")
        await past.search(mailbox, every)
        await past.sort(mailbox, every, [SortKey(SortBy.SUBJECT)])
        await past.threads(mailbox, every)
        await past.copy(mailbox, list(opened.sources), account, name, new_operation())
        whole = {one for one in plans.take() if one.split()[2].rstrip(":") in LARGE}
        self.assertEqual(whole, set())
