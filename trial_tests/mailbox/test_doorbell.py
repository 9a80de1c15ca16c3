"""What a process does with what others tell it over the doorbell, without the poll."""

from sora.mailbox.announcing import Bells
from trial_tests.mailbox.test_open_mailboxes import MailboxTestCase, add
from trial_tests.mailbox.world import Process


class DoorbellTests(MailboxTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.stranger = self.world.process()
        self.theirs = self.stranger.session(self.row)
        self.join(self.stranger, self.process)

    def join(self, who: Process, hearer: Process) -> None:
        """From now on `hearer` hears what `who` rings."""
        hears = hearer.open_mailboxes
        who.open_mailboxes.announce.bells = Bells(ring=hears.heard, ring_names=hears.heard_names)

    async def test_an_idle_session_is_woken_at_once_by_one_read(self) -> None:
        one = await self.select()
        told: list[str] = []
        one.watch(lambda: told.append("changed"))
        self.cost()
        await self.fill(self.theirs, 1)
        self.assertEqual(told, ["changed"])
        self.assertEqual(one.updates(True).exists, 4)
        self.assertEqual(self.cost()["mailboxes.changes"], 1)

    async def test_many_rings_while_a_read_is_under_way_are_one_more(self) -> None:
        one = await self.select()
        self.stranger.open_mailboxes.announce.bells = Bells()
        theirs = await self.select(process=self.stranger)
        stored = [
            await theirs.store([1], add(name), silent=False)
            for name in ("\\Seen", "\\Flagged", "\\Draft")
        ]
        self.cost()
        self.world.hold_answers()
        for change in stored:
            self.process.open_mailboxes.heard(change.mailbox_id, change.modseq)
        self.assertEqual([name for name, _ in self.world.held], ["mailboxes.changes"])
        self.world.answer_at_once()
        self.world.let_go()
        self.assertEqual(self.world.held, [])
        self.assertLessEqual(self.cost()["mailboxes.changes"], 2)
        self.assertEqual(one.highest_modseq, stored[-1].modseq)

    async def test_who_hears_of_others_is_not_alone(self) -> None:
        opened = self.process.open_mailboxes
        self.assertTrue(opened.alone)
        await self.fill(self.theirs, 1, to="Other")
        self.assertFalse(opened.alone)

    async def test_a_warm_mailbox_is_read_when_it_is_opened_and_not_before(self) -> None:
        one = await self.select()
        await one.close()
        self.cost()
        await self.fill(self.theirs, 1)
        self.assertNotIn("mailboxes.changes", self.cost())
        self.assertEqual((await self.select()).view.exists, 4)
        self.assertEqual(self.cost(), {"mailboxes.changes": 1})

    async def test_a_mailbox_renamed_by_others_has_its_new_name_at_once(self) -> None:
        other = await self.ann.select("Other", False)
        self.addCleanup(other.close)
        await self.theirs.rename("Other", "New")
        self.assertEqual(other.name, "New")
        await self.theirs.create("Other")
        await self.fill(self.ann, 1, to="Other")
        self.assertEqual((await self.ann.status("New")).messages, 0)

    async def test_a_mailbox_deleted_by_others_is_gone_at_once(self) -> None:
        other = await self.ann.select("Other", False)
        self.addCleanup(other.close)
        told: list[str] = []
        other.watch(lambda: told.append("changed"))
        await self.theirs.delete("Other")
        self.assertTrue(other.is_deleted)
        self.assertEqual(told, ["changed"])

    async def test_changes_of_names_and_subscriptions_ring(self) -> None:
        heard: list[int] = []
        self.stranger.open_mailboxes.announce.bells = Bells(ring_names=heard.append)
        for work in (
            self.theirs.create("New"),
            self.theirs.rename("New", "Newer"),
            self.theirs.subscribe("Newer"),
            self.theirs.unsubscribe("Newer"),
            self.theirs.delete("Newer"),
            self.theirs.rename("INBOX", "Old"),
        ):
            await work
            self.assertEqual(heard, [self.row.id])
            heard.clear()


class AloneAgainTests(MailboxTestCase):
    """When all others have left, what they did before is not forgotten."""

    alone = False

    async def setUp(self) -> None:
        await super().setUp()
        self.stranger = self.world.process()
        for process in (self.process, self.stranger):
            process.poll.startService()
            self.addCleanup(process.poll.stopService)
        self.world.clock.pump([1.0] * 5)

    async def leave(self) -> None:
        await self.stranger.poll.stopService()
        self.world.clock.pump([1.0] * 5)
        self.assertTrue(self.process.open_mailboxes.alone)

    async def test_a_warm_mailbox_is_not_what_it_was(self) -> None:
        await (await self.select()).close()
        await self.fill(self.stranger.session(self.row), 1)
        await self.leave()
        self.assertEqual((await self.select()).view.exists, 4)

    async def test_nor_are_names(self) -> None:
        await self.ann.status("Other")
        theirs = self.stranger.session(self.row)
        await theirs.rename("Other", "New")
        await theirs.create("Other")
        await self.leave()
        await self.fill(self.ann, 1, to="Other")
        self.assertEqual((await self.ann.status("New")).messages, 0)

    async def test_who_is_heard_of_meanwhile_is_there(self) -> None:
        await self.stranger.poll.stopService()
        self.world.hold_answers()
        self.world.clock.pump([1.0] * 4)
        self.process.open_mailboxes.met()
        self.world.answer_at_once()
        while self.world.held:
            self.world.let_go()
        self.assertFalse(self.process.open_mailboxes.alone)
