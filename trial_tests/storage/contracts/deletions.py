"""The contract of `IDeletions`: what is beyond an account's habit is noticed, and kept longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sora.addresses import parse_address
from sora.mail.numbers import NumberSet
from sora.storage.rows import AccountRow, LookedAt, MailboxRow, Unusual
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter, sets

NOW = timedelta(0)
DAY = timedelta(days=1)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
THREE = Unusual(messages=3)


class DeletionsContract(Contract):
    """Who deletes three messages here has no habit of it."""

    async def setUp(self) -> None:
        await super().setUp()
        self.deletions, self.cleaning = self.storage.deletions, self.storage.cleaning
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)

    async def put_many(self, account: AccountRow, mailbox: MailboxRow, count: int) -> None:
        for number in range(count):
            await self.put(account, mailbox, letter(f"{mailbox.id} {number}"))

    async def expunge(self, mailbox: MailboxRow, uids: NumberSet = EVERYTHING) -> None:
        await self.store(mailbox, uids, "add", "\\Deleted")
        await self.storage.messages.expunge(mailbox.id, uids, self.operation())

    async def look(self, unusual: Unusual = THREE, limit: int = 100) -> list[Any]:
        """Look at all that was deleted until now, and keep it longer; gives what was noticed."""
        begun: list[Any] = []
        for _ in range(20):
            part: LookedAt = await self.deletions.look(unusual, limit, NOW)
            begun += part.begun
            if not part.looked:
                break
        for _ in range(20):
            if not await self.deletions.extend(10 * DAY, limit):
                break
        return begun

    async def purged(self, grace: timedelta = NOW) -> int:
        total = 0
        while count := await self.cleaning.purge_expunged(grace, 100):
            total += count
        return total

    async def test_a_run_is_noticed_once_and_kept_longer(self) -> None:
        await self.put_many(self.ann, self.inbox, 5)
        await self.expunge(self.inbox, NumberSet(((1, 4),)))
        (run,) = await self.look()
        self.assertEqual((run.account_id, run.address), (self.ann.id, "ann@example.com"))
        self.assertEqual((run.messages, run.habit, run.remaining), (4, 0, 1))
        self.assertLess(run.began_at, run.last_at)
        self.assertEqual(await self.look(), [])
        self.assertEqual(await self.purged(), 0)
        self.assertEqual((await self.cleaning.status(NOW, NOW)).messages.count, 0)
        (known,) = await self.deletions.runs(EVER)
        self.assertEqual((known.messages, known.extended), (4, True))
        self.assertEqual(await self.purged(-11 * DAY), 4)

    async def test_what_is_usual_goes_when_its_grace_is_over(self) -> None:
        await self.put_many(self.ann, self.inbox, 5)
        await self.expunge(self.inbox, sets(1, 2))
        self.assertEqual(await self.look(), [])
        self.assertEqual(list(await self.deletions.runs(EVER)), [])
        self.assertEqual(await self.purged(), 2)

    async def test_a_run_that_goes_on_is_the_same_run(self) -> None:
        await self.put_many(self.ann, self.inbox, 6)
        await self.expunge(self.inbox, sets(1, 2))
        await self.look()
        await self.expunge(self.inbox, sets(3, 4))
        (run,) = await self.look()
        self.assertEqual((run.messages, run.remaining), (4, 2))
        await self.expunge(self.inbox, sets(5))
        self.assertEqual(await self.look(), [])
        (known,) = await self.deletions.runs(EVER)
        self.assertEqual((known.messages, known.remaining, known.extended), (5, 1, True))
        self.assertEqual(await self.purged(), 0)

    async def test_others_go_as_ever(self) -> None:
        bob = await self.account("bob@example.com")
        for account, count in ((self.ann, 3), (bob, 2)):
            mailbox = await self.find(account)
            await self.put_many(account, mailbox, count)
            await self.expunge(mailbox)
        (run,) = await self.look(limit=2)
        self.assertEqual(run.account_id, self.ann.id)
        self.assertEqual(await self.purged(), 2)

    async def test_messages_of_a_deleted_mailbox_count(self) -> None:
        other = await self.find(self.ann, "Other")
        await self.put_many(self.ann, other, 2)
        await self.put_many(self.ann, self.inbox, 1)
        await self.storage.mailboxes.delete(self.ann.id, "Other", self.operation())
        self.assertEqual(await self.look(), [])
        await self.expunge(self.inbox)
        (run,) = await self.look()
        self.assertEqual((run.messages, run.remaining), (3, 0))
        self.assertEqual(await self.purged(), 0)
        self.assertEqual((await self.cleaning.status(NOW, NOW)).deleted_mailboxes, 1)
        self.assertGreaterEqual(await self.purged(-11 * DAY), 3)
        self.assertEqual((await self.cleaning.status(NOW, NOW)).deleted_mailboxes, 0)

    async def test_what_is_moved_or_expunged_by_a_policy_is_no_run(self) -> None:
        await self.put_many(self.ann, self.inbox, 8)
        await self.storage.messages.move(
            self.inbox.id, NumberSet(((1, 4),)), self.ann.id, "Other", self.operation()
        )
        future = datetime(2100, 1, 1, tzinfo=UTC)
        await self.storage.retention.expire(self.inbox.id, future, 9, self.operation())
        self.assertEqual(await self.look(limit=2), [])
        self.assertEqual(await self.purged(), 8)

    async def test_more_than_half_of_a_small_account(self) -> None:
        """50 messages at least."""
        share = Unusual(messages=500, share=0.5)
        await self.put_many(self.ann, self.inbox, 90)
        await self.expunge(self.inbox, NumberSet(((1, 49),)))
        self.assertEqual(await self.look(share), [])
        await self.expunge(self.inbox, sets(50))
        (run,) = await self.look(share)
        self.assertEqual((run.messages, run.remaining), (50, 40))

    async def test_what_may_still_be_going_on_is_looked_at_later(self) -> None:
        await self.put_many(self.ann, self.inbox, 3)
        await self.expunge(self.inbox)
        part = await self.deletions.look(THREE, 100, DAY)
        self.assertEqual((part.looked, part.begun), (0, ()))
        self.assertEqual(len(await self.look()), 1)

    async def test_an_account_that_is_removed_takes_its_habit_along(self) -> None:
        await self.put_many(self.ann, self.inbox, 3)
        await self.expunge(self.inbox)
        await self.look()
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        while await self.cleaning.remove_account(NOW, 100) is not None:
            pass
        self.assertEqual(list(await self.deletions.runs(EVER)), [])
        self.assertEqual(await self.look(), [])
