"""sora.operations.quota"""

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.errors import Superseded
from sora.operations.owners import OwnerLookup, Whose
from sora.operations.quota import QuotaOperations
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox, QuotaLimits

ANN = Whose("ann@example.com")


class QuotaTests(TestCase):
    """Two who set limits of one account at the same time."""

    async def setUp(self) -> None:
        self.storage = memory_storage(Clock())
        address = parse_address(str(ANN))
        account = await self.storage.accounts.create(address, [], [NewMailbox("INBOX")])
        self.account_id = account.id
        self.others = 0
        self.seen = 0
        self.storage.tables.pause = self.meanwhile
        owners = OwnerLookup(self.storage.accounts, self.storage.rights)
        self.operations = QuotaOperations(owners, self.storage.quotas)

    async def meanwhile(self, name: str) -> None:
        """Somebody else sets another number of messages when ours was read."""
        if name == "quotas.quota" and self.seen < self.others:
            self.seen += 1
            record = self.storage.tables.accounts[self.account_id]
            record.quota_messages = 1000 + self.seen

    async def test_what_is_not_named_stays_as_somebody_else_has_just_set_it(self) -> None:
        self.others = 2
        quota = await self.operations.set(ANN, storage=5000)
        self.assertEqual(quota.limits, QuotaLimits(5000, 1002, None))
        self.assertEqual(self.storage.tables.statements["quotas.set"], 3)
        found = await self.storage.quotas.quota(self.account_id)
        self.assertEqual(found.limits, quota.limits)

    async def test_who_is_always_late_is_told(self) -> None:
        self.others = 100
        with self.assertRaises(Superseded):
            await self.operations.set(ANN, storage=5000)
        self.assertIsNone(self.storage.tables.accounts[self.account_id].quota_storage)
