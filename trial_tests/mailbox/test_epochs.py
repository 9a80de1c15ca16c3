"""A database that was set back under sessions that live through it (G70)."""

from collections.abc import Callable
from copy import deepcopy
from uuid import uuid4

from sora.mail.flags import SEEN, parse_flags
from sora.mail.numbers import NumberSet
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange
from trial_tests.mailbox.models import Client
from trial_tests.mailbox.test_open_mailboxes import MailboxTestCase, add


class SetBackTests(MailboxTestCase):
    """A mailbox with three messages; storage forgets what came after, and goes on from there."""

    def remember(self) -> Callable[[], None]:
        """What storage has now; the answer sets it back to that, in a new epoch."""
        tables = self.world.storage.tables
        mailboxes, accounts = deepcopy(tables.mailboxes), deepcopy(tables.accounts)

        def set_back() -> None:
            for mailbox in mailboxes.values():
                known = tables.mailboxes[mailbox.id].highest_modseq
                mailbox.lost |= NumberSet(((mailbox.highest_modseq + 1, known + 1000),))
                mailbox.highest_modseq = known + 1001
                mailbox.uidnext += 100_000
            tables.mailboxes.update(mailboxes)
            tables.accounts.update(accounts)
            tables.epoch = uuid4()

        return set_back

    async def select_as_client(self) -> tuple[Selected, Client]:
        selected = await self.select()
        client = Client(selected.view)
        client.take()
        return selected, client

    def pass_time(self) -> None:
        for _ in range(3):
            self.world.clock.advance(2.0)

    async def setUp(self) -> None:
        await super().setUp()
        self.process.poll.startService()
        self.addCleanup(self.process.poll.stopService)

    async def test_what_was_lost_is_expunged_and_flags_are_as_they_were(self) -> None:
        selected, client = await self.select_as_client()
        set_back = self.remember()
        await self.fill(self.ann, 2)
        await selected.store([1], add("\\Seen"), silent=False)
        client.take()
        self.assertEqual(list(selected.view.uids), [1, 2, 3, 4, 5])
        set_back()
        self.pass_time()
        updates = client.take()
        self.assertEqual([uid for _, uid in updates.expunged], [4, 5])
        self.assertEqual(client.masks, {1: 0, 2: 0, 3: 0})
        await self.fill(self.ann, 1)
        client.take()
        self.assertEqual(client.uids, [1, 2, 3, 100_004])

    async def test_a_write_notices_before_the_poll_does(self) -> None:
        selected, client = await self.select_as_client()
        set_back = self.remember()
        await self.fill(self.ann, 1)
        client.take()
        set_back()
        await selected.store([2], add("\\Seen"), silent=False)
        updates = client.take()
        self.assertEqual([uid for _, uid in updates.expunged], [4])
        self.assertEqual(client.masks[2], SEEN)

    async def test_a_keyword_that_was_lost_is_another_one_now(self) -> None:
        selected, client = await self.select_as_client()
        set_back = self.remember()
        await selected.store([1], add("$Lost"), silent=False)
        client.take()
        set_back()
        self.pass_time()
        self.assertTrue(client.take().keywords)
        await selected.store([2], add("$New"), silent=False)
        client.take()
        self.assertEqual(selected.keywords.text(selected.view.mask(2) or 0), "$New")
        self.assertEqual(selected.view.mask(1), 0)

    async def test_a_conditional_store_on_a_lost_modseq_changes_nothing(self) -> None:
        selected, client = await self.select_as_client()
        set_back = self.remember()
        await selected.store([1], add("\\Seen"), silent=False)
        lost = selected.highest_modseq
        set_back()
        self.pass_time()
        client.take()
        self.assertEqual(selected.since(lost), 0)
        self.assertEqual(selected.since(selected.highest_modseq), selected.highest_modseq)
        change = FlagChange("replace", parse_flags(["\\Flagged"]), unchanged_since=lost)
        stored = await selected.store([1, 2], change, silent=False)
        self.assertEqual(stored.modified, NumberSet.of([1, 2]))

    async def test_nothing_is_told_where_nothing_was_lost(self) -> None:
        """A promotion that lost nothing of this mailbox: the session goes on."""
        _, client = await self.select_as_client()
        self.remember()()
        self.pass_time()
        updates = client.take()
        self.assertEqual((updates.expunged, updates.exists, updates.flags), ((), None, ()))
