"""The contract of `IUpkeep.inventory`: what is there is counted, what was deleted is not."""

from sora.addresses import parse_address
from sora.storage.rows import Inventory, NewMailbox
from trial_tests.storage.contracts.contract import Contract

ANN, BOB = parse_address("ann@example.com"), parse_address("bob@example.com")


class InventoryContract(Contract):
    async def test_accounts_and_mailboxes(self) -> None:
        """A deleted account counts for nothing as soon as it is deleted; other addresses of an
        account are none of their own."""
        upkeep = self.storage.upkeep
        self.assertEqual(await upkeep.inventory(100), Inventory(0, 0))
        accounts = self.storage.accounts
        await accounts.create(ANN, (), (NewMailbox("INBOX"), NewMailbox("Sent")))
        await accounts.create(BOB, (), (NewMailbox("INBOX"),))
        await self.storage.credentials.add(ANN, parse_address("ann2@example.com"), ())
        self.assertEqual(await upkeep.inventory(100), Inventory(2, 3))
        await accounts.delete(BOB)
        self.assertEqual((await upkeep.inventory(100)).accounts, 1)
        await accounts.restore(BOB)
        self.assertEqual((await upkeep.inventory(100)).accounts, 2)
