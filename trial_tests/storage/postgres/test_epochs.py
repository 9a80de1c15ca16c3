"""After the promotion of a replica that lagged, or a restore (G70)."""

from uuid import uuid4

from sora.addresses import parse_address
from sora.mail.flags import SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres.membership import Membership
from sora.storage.rows import FlagChange, NewMailbox
from trial_tests.storage.postgres.stage import Stage, StageTestCase, bytes_of, new_operation

SET_BACK = "update sora set timeline = timeline - 1 returning 1"
"""what a promotion looks like: the server writes another timeline than the one on record"""


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
        uid = (await stage.put(bytes_of(2))).placed[0].uid
        self.assertGreaterEqual(uid, 100_002)
        self.assertEqual((await stage.put(bytes_of(3))).placed[0].uid, uid + 1)
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

    async def test_two_databases_from_one_copy_give_out_different_uids(self) -> None:
        """Both begin at the same message; the second epoch begins later, and jumps further."""
        stage = await self.stage()
        await stage.put_many(1)
        copied = (await stage.mailboxes.find(stage.account.id, "INBOX")).highest_modseq
        heard = await stage.value("select at from alive")
        await stage.value("select promoted_v1(true)")
        first = (await stage.put(bytes_of(2))).placed[0]
        # The same copy once more, with nothing that happened since.
        await stage.rows(
            "with m as (delete from messages where uid > 1), e as (delete from epochs where epoch > 1),"
            " b as (update mailboxes b set uidnext = 2, epoch = 1, lost = '{}',"
            " highest_modseq = %s where id = %s), a as (update alive set at = %s) update sora set epoch = 1 returning 1",
            (copied, stage.inbox, heard),
        )
        await stage.value("select promoted_v1(true)")
        second = (await stage.put(bytes_of(3))).placed[0]
        self.assertGreater(second.uid, first.uid)
        self.assertGreater(second.modseq, first.modseq)

    async def test_a_jump_leaves_room_in_32_bits(self) -> None:
        stage = await self.stage()
        await stage.rows("update mailboxes set uidnext = 4294967000 returning 1")
        for number in range(3):
            await stage.rows(SET_BACK)
            uid = (await stage.put(bytes_of(number))).placed[0].uid
            self.assertTrue(4294967000 < uid < 4294967296)

    async def test_all_lost_modseqs_are_remembered(self) -> None:
        """Also those of the epochs before the last one."""
        stage = await self.stage()
        lost = []
        for number in range(20):
            row = await stage.mailboxes.find(stage.account.id, "INBOX")
            lost.append(row.highest_modseq + 1)
            await stage.rows(SET_BACK)
            await stage.put(bytes_of(number))
        row = await stage.mailboxes.find(stage.account.id, "INBOX")
        for since in [*lost, row.highest_modseq + 1]:
            changes = await stage.mailboxes.changes(stage.inbox, since, 0)
            self.assertFalse(changes.complete)
            self.assertTrue(changes.is_lost)
            self.assertTrue(
                (await stage.mailboxes.vanished(stage.inbox, since, NumberSet(((1, 9),)))).is_lost
            )
        self.assertLessEqual(len(changes.lost.ranges), 17)
        now = await stage.mailboxes.changes(stage.inbox, row.highest_modseq, 0)
        self.assertTrue(now.complete)

    async def test_a_client_is_told_of_no_smaller_uidnext_than_it_knows(self) -> None:
        """Whoever opens a mailbox before its first write sees it in the new epoch."""
        stage = await self.stage()
        await stage.put_many(2)
        known = await stage.mailboxes.open(stage.account.id, "INBOX")
        await stage.rows(SET_BACK)
        await stage.value("select promoted_v1(false)")
        opened = await stage.mailboxes.open(stage.account.id, "INBOX")
        self.assertGreater(opened.mailbox.uidnext, known.mailbox.uidnext + 100_000 - 1)
        self.assertGreater(opened.mailbox.highest_modseq, known.mailbox.highest_modseq)
        self.assertEqual(opened.states.uids, known.states.uids)
        self.assertIn(known.mailbox.highest_modseq + 1, opened.lost)
        again = await stage.mailboxes.open(stage.account.id, "INBOX")
        self.assertEqual(again.mailbox, opened.mailbox)

    async def test_ids_that_may_be_known_are_not_drawn_again(self) -> None:
        """Of accounts, mailboxes and contents, also by who comes before anybody has noticed."""
        stage = await self.stage()
        await stage.put_many(1)
        modseq = await stage.value("select modseq_at_v1(clock_timestamp())")
        await stage.rows(SET_BACK)
        other = await stage.accounts.create(
            parse_address("b@example.com"), [], [NewMailbox("INBOX")]
        )
        await stage.put(bytes_of(9))
        content = await stage.value("select max(id) from contents")
        inbox = (await stage.mailboxes.find(other.id, "INBOX")).id
        for drawn in (other.id, other.scope_id, inbox, content):
            self.assertGreater(drawn, modseq)
            self.assertLess(drawn, 1 << 53)  # what JSON can carry

    async def test_uidvalidity_is_beyond_what_may_be_lost(self) -> None:
        stage = await self.stage()
        made = await stage.mailboxes.create(stage.account.id, "a", None, new_operation())
        await stage.rows(SET_BACK)
        again = await stage.mailboxes.create(stage.account.id, "b", None, new_operation())
        self.assertGreater(again.uidvalidity, made.uidvalidity + 3000)

    async def test_versions_are_not_repeated(self) -> None:
        """G54: a lost password's version is never that of another one."""
        stage = await self.stage()
        before = await stage.value("select modseq_at_v1(clock_timestamp())")
        key = "a@example.org"
        await stage.value("select replace_secrets_v1(%s, '{}', '{}')::text", (key,))
        await stage.mailboxes.subscribe(stage.account.id, "x")
        self.assertGreater(await stage.value("select min(version) from credentials"), before)
        self.assertGreater((await stage.mailboxes.list(stage.account.id)).version, before)


class NoticingTests(StageTestCase):
    """Who notices that an epoch is over."""

    async def reason(self, stage: Stage) -> tuple[int, str]:
        return (await stage.rows("select epoch, reason from epochs order by epoch desc limit 1"))[0]

    async def test_a_heartbeat_notices_another_timeline_and_another_cluster(self) -> None:
        stage = await self.stage()
        membership, process = Membership(stage.database), uuid4()
        first = (await membership.beat(process, "")).epoch
        self.assertEqual((await membership.beat(process, "")).epoch, first)
        seen = {first}
        for number, (sql, reason) in enumerate(
            ((SET_BACK, "timeline"), ("update sora set system = system - 1 returning 1", "system")),
            start=2,
        ):
            await stage.rows(sql)
            seen.add((await membership.beat(process, "")).epoch)
            self.assertEqual(await self.reason(stage), (number, reason))
        self.assertEqual(len(seen), 3)

    async def test_a_process_that_misses_its_heartbeat_notices(self) -> None:
        """A snapshot that was put back has the timeline and the cluster that it had."""
        stage = await self.stage()
        membership, process = Membership(stage.database), uuid4()
        first = (await membership.beat(process, "")).epoch
        await stage.rows("update alive set at = at - interval '1 second' returning 1")
        other = Membership(stage.database)
        self.assertEqual((await other.beat(uuid4(), "it has just started")).epoch, first)
        await stage.rows("update alive set at = at - interval '1 hour' returning 1")
        self.assertNotEqual((await membership.beat(process, "")).epoch, first)
        self.assertEqual(await self.reason(stage), (2, "rewound"))
        jump = await stage.value("select uid_jump from epochs where epoch = 2")
        self.assertGreater(jump, 100_000)

    async def test_a_longer_loss_makes_a_larger_jump(self) -> None:
        stage = await self.stage()
        for hours in (1, 10):
            await stage.rows(
                "with p as (delete from processes) update alive"
                " set at = clock_timestamp() - %s * interval '1 hour' returning 1",
                (hours,),
            )
            await stage.value("select promoted_v1(true)")
        jumps = [row[0] for row in await stage.rows("select uid_jump from epochs order by epoch")]
        self.assertEqual(jumps[0], 0)
        self.assertTrue(3_700_000 <= jumps[1] < 4_000_000 < 36_100_000 <= jumps[2] < 37_000_000)

    async def test_an_operator_says_it_once_for_each_timeline(self) -> None:
        stage = await self.stage()
        self.assertFalse(await stage.value("select promoted_v1(false)"))
        await stage.rows(SET_BACK)
        self.assertTrue(await stage.value("select promoted_v1(false)"))
        self.assertFalse(await stage.value("select promoted_v1(false)"))
        self.assertTrue(await stage.value("select promoted_v1(true)"))
        self.assertEqual(await self.reason(stage), (3, "command"))
