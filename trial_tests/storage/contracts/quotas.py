"""The contract of `IQuotas`, and of what keeps to them."""

from sora.addresses import parse_address
from sora.errors import NoSuchAccount, NotPermitted, OverQuota, Superseded
from sora.storage.rows import Fate, Quota, QuotaLimits
from trial_tests.storage.contracts.contract import Contract, letter, sets


class QuotasContract(Contract):
    """ann has limits, bob sets them."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "There")
        self.bob = await self.account("bob@example.com")
        self.inbox = await self.find(self.ann)

    async def limit(self, **limits: int | None) -> None:
        await self.storage.quotas.set(self.ann.id, QuotaLimits(**limits), None)

    async def quota(self) -> Quota:
        quota: Quota = await self.storage.quotas.quota(self.ann.id)
        return quota

    async def test_what_is_used_is_what_the_mailboxes_have(self) -> None:
        """G16"""
        self.assertEqual(await self.quota(), Quota(0, 0, 2, QuotaLimits()))
        await self.fill(self.ann, self.inbox, [], [], ["\\Deleted"])
        size = (await self.find(self.ann)).size
        await self.limit(storage=10_000, messages=5, mailboxes=0)
        self.assertEqual(await self.quota(), Quota(size, 3, 2, QuotaLimits(10_000, 5, 0)))
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual((await self.quota()).messages, 2)
        await self.storage.mailboxes.delete(self.ann.id, "There", self.operation())
        self.assertEqual((await self.quota()).mailboxes, 1)
        await self.limit()
        self.assertEqual((await self.quota()).limits, QuotaLimits())

    async def test_who_sets(self) -> None:
        quotas, limits = self.storage.quotas, QuotaLimits(1024)
        stranger = await self.account("dan@example.org")
        await self.refused(NotPermitted, quotas.set(self.ann.id, limits, self.bob.id))
        for one in (self.bob, stranger):
            await quotas.allow(one.id, True)
        await quotas.set(self.ann.id, limits, self.bob.id)
        self.assertEqual((await self.quota()).limits, limits)
        await self.refused(NotPermitted, quotas.set(self.ann.id, limits, stranger.id))
        await quotas.allow(self.bob.id, False)
        await self.refused(NotPermitted, quotas.set(self.ann.id, limits, self.bob.id))

    async def test_in_the_place_of_limits_that_one_knows(self) -> None:
        """Of two who change the same, one hears of it; and who asks again has it (G14)."""
        quotas, first, second = self.storage.quotas, QuotaLimits(1024, None, 3), QuotaLimits()
        await quotas.set(self.ann.id, first, None, QuotaLimits())
        await self.refused(Superseded, quotas.set(self.ann.id, QuotaLimits(1), None, second))
        await self.refused(
            Superseded, quotas.set(self.ann.id, QuotaLimits(1), None, QuotaLimits(1024, 0, 3))
        )
        self.assertEqual((await self.quota()).limits, first)
        await quotas.set(self.ann.id, second, None, first)
        await quotas.set(self.ann.id, second, None, first)
        self.assertEqual((await self.quota()).limits, second)
        await self.refused(NotPermitted, quotas.set(self.ann.id, first, self.bob.id, second))

    async def test_of_nobody(self) -> None:
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        quotas = self.storage.quotas
        for work in (
            quotas.quota(self.ann.id),
            quotas.set(self.ann.id, QuotaLimits(), None),
            quotas.set(self.ann.id, QuotaLimits(), None, QuotaLimits()),
            quotas.allow(self.ann.id, True),
        ):
            await self.refused(NoSuchAccount, work)

    async def test_messages_are_kept_to(self) -> None:
        await self.limit(messages=2)
        await self.fill(self.ann, self.inbox, [], [])
        placed = await self.place(self.ann, letter("more"), self.target(self.inbox))
        self.assertEqual(placed.placed[0].fate, Fate.OVER_QUOTA)
        copy = self.storage.messages.copy(
            self.inbox.id, sets(1), self.ann.id, "There", self.operation()
        )
        await self.refused(OverQuota, copy)
        await self.storage.messages.move(
            self.inbox.id, sets(1), self.ann.id, "There", self.operation()
        )

    async def test_mailboxes_are_kept_to(self) -> None:
        create, rename = self.storage.mailboxes.create, self.storage.mailboxes.rename
        await self.limit(mailboxes=3)
        await self.refused(OverQuota, create(self.ann.id, "a/b", None, self.operation()))
        await create(self.ann.id, "a", None, self.operation())
        await self.refused(OverQuota, create(self.ann.id, "b", None, self.operation()))
        await self.refused(OverQuota, rename(self.ann.id, "a", "b/c", self.operation()))
        await self.refused(OverQuota, rename(self.ann.id, "INBOX", "b", self.operation()))
        await rename(self.ann.id, "a", "There/b", self.operation())
        await self.limit(mailboxes=1)
        await rename(self.ann.id, "There/b", "a", self.operation())
        self.assertEqual((await self.quota()).mailboxes, 3)

    async def test_what_an_expunge_would_free(self) -> None:
        uids = await self.fill(self.ann, self.inbox, ["\\Deleted"], [], ["\\Deleted"])
        sizes = {
            one.uid: one.size
            for one in (
                await self.storage.messages.read(self.inbox.id, sets(*uids), frozenset())
            ).messages
        }
        freed = sizes[uids[0]] + sizes[uids[2]]
        find, listing = self.storage.mailboxes.find, self.storage.mailboxes.list
        self.assertEqual((await find(self.ann.id, "INBOX", None, True)).deleted_size, freed)
        self.assertEqual((await find(self.ann.id, "There", None, True)).deleted_size, 0)
        for shared in (False, True):
            rows = (await listing(self.ann.id, shared, True)).mailboxes
            self.assertEqual([row.deleted_size for row in rows], [freed, 0])
