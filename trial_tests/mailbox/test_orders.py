"""Orders of large mailboxes: kept, bounded, and right whatever came and went since."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.mail.criteria import All, And, BodyHas, FlagsAre, Not
from sora.mail.flags import DELETED, SEEN, Flags
from sora.mailbox.orders import Orders
from sora.mailbox.reading import MAX_BATCH
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange, SortBy, SortKey
from trial_tests.mailbox.world import World, message, spool

BY_SUBJECT = [SortKey(SortBy.SUBJECT)]
BACKWARDS = [SortKey(SortBy.SUBJECT, reverse=True)]


class OrdersTests(SynchronousTestCase):
    def test_an_order_is_given_as_long_as_it_has_all_messages(self) -> None:
        orders = Orders(1000)
        orders.put(1, BY_SUBJECT, [5, 2, 9])
        for last in (1, 5, 9):
            self.assertEqual(list(orders.get(1, BY_SUBJECT, last) or ()), [5, 2, 9])
        self.assertIsNone(orders.get(1, BY_SUBJECT, 10))
        self.assertIsNone(orders.get(1, BACKWARDS, 9))
        self.assertIsNone(orders.get(2, BY_SUBJECT, 9))

    def test_memory_is_bounded_and_what_is_used_stays(self) -> None:
        orders = Orders(100)
        orders.put(1, BY_SUBJECT, [1, 2, 3, 4])
        orders.put(2, BY_SUBJECT, [1, 2, 3, 4])
        self.assertEqual(orders.octets, 64)
        orders.get(1, BY_SUBJECT, 4)
        orders.put(3, BY_SUBJECT, [1, 2, 3, 4, 5])
        self.assertIsNotNone(orders.get(1, BY_SUBJECT, 4))
        self.assertIsNone(orders.get(2, BY_SUBJECT, 4))
        self.assertEqual(orders.octets, 72)
        orders.put(3, BY_SUBJECT, [1, 2])
        self.assertEqual(orders.octets, 48)
        orders.put(4, BY_SUBJECT, list(range(50)))
        self.assertEqual(orders.octets, 0)


class SortingTests(TestCase):
    async def setUp(self) -> None:
        self.world = World()
        self.ann = await self.world.add_account()
        self.process = self.world.process()
        self.session = self.process.session(self.ann)
        self.selected = await self.session.select("INBOX", read_only=False)
        for number in (3, 1, 2):
            await self.append(number)
        self.selected.updates(True)
        while self.selected.view.exists <= MAX_BATCH:
            await self.selected.copy(self.selected.view.uids, "INBOX")
            self.selected.updates(True)

    async def append(self, number: int) -> None:
        await self.session.appending.append("INBOX", Flags(), None, spool(message(number)))

    async def check(self, criterion: Any, *, statements: int, by: Any = None) -> None:
        """Sort as storage would, in so many statements."""
        keys, selected = by or BY_SUBJECT, self.selected
        before = self.world.statements.total()
        found = await selected.finding.sort(criterion, keys)
        self.assertEqual(self.world.statements.total() - before, statements)
        mailbox = await self.world.storage.mailboxes.find(self.ann.id, "INBOX")
        expected = await self.world.storage.messages.sort(mailbox.id, criterion, keys)
        self.assertEqual(found, [uid for uid in expected if uid <= selected.view.last])

    async def test_the_order_of_a_large_mailbox_is_asked_for_once(self) -> None:
        await self.check(All(), statements=1)
        await self.check(All(), statements=0)
        await self.selected.store([1, 5, 8], FlagChange("add", Flags(SEEN)), silent=True)
        await self.check(Not(FlagsAre(SEEN)), statements=0)
        await self.check(FlagsAre(SEEN), statements=1)
        await self.check(All(), statements=1, by=BACKWARDS)
        await self.check(And((All(), BodyHas("Hello"))), statements=1)

    async def test_what_came_is_in_it_and_what_went_is_not(self) -> None:
        await self.check(All(), statements=1)
        await self.selected.store([2, 9], FlagChange("add", Flags(DELETED)), silent=True)
        await self.selected.expunge()
        self.selected.updates(True)
        await self.check(All(), statements=0)
        await self.append(0)
        await self.check(All(), statements=1)
        self.assertEqual(len(await self.selected.finding.sort(All(), BY_SUBJECT)), self.exists())
        self.selected.updates(True)
        await self.check(All(), statements=0)
        self.assertEqual(len(await self.selected.finding.sort(All(), BY_SUBJECT)), self.exists())

    def exists(self) -> int:
        selected: Selected = self.selected
        return selected.view.exists
