"""How many accounts and mailboxes there are, without reading whole tables."""

from sora.addresses import parse_address
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.database import Tx
from sora.storage.postgres.upkeep import Upkeep
from sora.storage.rows import Inventory, NewMailbox
from trial_tests.support.postgres import DatabaseTestCase


class InventoryTests(DatabaseTestCase):
    async def test_what_is_many_is_not_counted_to_its_end(self) -> None:
        """The statistics of the last vacuum take its place; before there are any, it is at least
        so many as were counted."""
        database = await self.new_database()
        accounts, upkeep = Accounts(database), Upkeep(database)
        for name in ("ann", "bob", "eve"):
            address = parse_address(f"{name}@example.com")
            await accounts.create(address, (), (NewMailbox("INBOX"), NewMailbox("Sent")))
        self.assertEqual(await upkeep.inventory(2), Inventory(2, 2))
        self.assertEqual(database.statements["inventory"], 1)

        async def analyze(tx: Tx) -> None:
            await tx.do("ANALYZE credentials, mailboxes")

        await database.run("analyze", analyze, write=True)
        self.assertEqual(await upkeep.inventory(2), Inventory(3, 6))
        self.assertEqual(await upkeep.inventory(100), Inventory(3, 6))
