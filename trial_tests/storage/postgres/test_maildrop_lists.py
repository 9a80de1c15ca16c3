"""What is known of a maildrop from the last time."""

from array import array
from datetime import timedelta
from uuid import uuid4

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from sora.storage.postgres.maildrop_lists import EACH, Lists, MaildropList, listed
from sora.storage.postgres.maildrops import Maildrops
from sora.storage.rows import MaildropOpened
from trial_tests.storage.postgres.stage import Stage, StageTestCase, bytes_of


def of(count: int, modseq: int = 7) -> MaildropList:
    return MaildropList(1, 2, 3, modseq, array("Q", range(1, count + 1)), array("Q", [10] * count))


class ListsTests(SynchronousTestCase):
    def test_what_goes_on_is_added(self) -> None:
        known = of(2)
        found = listed((1, 2, 3, 9, True, "5,6", "20,30"), known)
        self.assertEqual((list(found.uids), list(found.sizes)), ([1, 2, 5, 6], [10, 10, 20, 30]))
        self.assertEqual(found.mark, (1, 2, 3, 9, 6, 4))
        self.assertEqual(list(known.uids), [1, 2])
        self.assertIs(listed((1, 2, 3, 9, True, None, None), known).uids, known.uids)

    def test_what_does_not_is_new(self) -> None:
        found = listed((1, 2, 3, 9, False, "2", "20"), of(2))
        self.assertEqual((list(found.uids), list(found.sizes)), ([2], [20]))
        self.assertEqual(listed((1, 2, 3, 9, False, None, None), None).mark, (1, 2, 3, 9, 0, 0))

    def test_they_are_bounded(self) -> None:
        lists = Lists(4 * EACH + 1600)
        for account in range(4):
            lists.keep(account, of(25))
        self.assertEqual(len(lists), 4)
        lists.keep(3, of(26))
        self.assertEqual(len(lists), 3)
        self.assertIsNone(lists.of(0))
        lists.keep(1, of(10))
        lists.keep(2, of(1000))
        self.assertEqual(len(lists), 0)
        lists.keep(1, of(10))
        self.assertEqual(len(lists), 1)


class KnownTests(StageTestCase):
    """On a database: what was known is not asked for again, unless it may be another one."""

    async def open_drop(self, drops: Maildrops, stage: Stage) -> MaildropOpened:
        session = uuid4()
        opened: MaildropOpened = await drops.open(
            stage.account.id, session, timedelta(minutes=1), timedelta(0)
        )
        await drops.release(stage.account.id, session)
        return opened

    async def test_only_what_is_new_is_sent(self) -> None:
        stage = await self.stage()
        await stage.put_many(5)
        drops = Maildrops(stage.database, reactor)  # type: ignore[arg-type]
        first = await self.open_drop(drops, stage)
        self.assertEqual(list(first.uids), [1, 2, 3, 4, 5])
        again = await self.open_drop(drops, stage)
        self.assertIs(again.uids, first.uids)
        await stage.put(bytes_of(6))
        self.assertEqual(list((await self.open_drop(drops, stage)).uids), [1, 2, 3, 4, 5, 6])
        self.assertEqual(list(first.uids), [1, 2, 3, 4, 5], "a session's list stays as it is")

    async def test_of_another_epoch_nothing_is_known(self) -> None:
        """G70. The same number of messages, of which one is another."""
        stage = await self.stage()
        await stage.put_many(3)
        drops = Maildrops(stage.database, reactor)  # type: ignore[arg-type]
        await self.open_drop(drops, stage)
        # What the process knows of is lost: the second message, and that the first was expunged.
        await stage.rows("update messages set uid = 10 where uid = 2 returning 1")
        await stage.rows("update mailboxes set highest_modseq = highest_modseq - 5 returning 1")
        self.assertEqual(list((await self.open_drop(drops, stage)).uids), [1, 3, 10])
        await stage.rows("update messages set uid = 9 where uid = 10 returning 1")
        await stage.rows("update sora set epoch = epoch + 1 returning 1")
        self.assertEqual(list((await self.open_drop(drops, stage)).uids), [1, 3, 9])
