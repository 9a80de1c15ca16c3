"""What an operator can do with aliases and domains, on memory storage."""

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.errors import AlreadyExists, BadArgument
from sora.operations import paging
from sora.operations.aliases import AliasOperations
from sora.operations.domains import DomainOperations
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox

ANN = "ann@example.com"


class AddressOperationsTests(TestCase):
    async def setUp(self) -> None:
        self.storage = memory_storage(Clock())
        self.aliases = AliasOperations(self.storage.aliases)
        self.domains = DomainOperations(self.storage.domains)
        await self.storage.accounts.create(parse_address(ANN), [], [NewMailbox("INBOX")])

    async def test_addresses_are_folded(self) -> None:
        """G22: as delivery folds them, domains too."""
        row = await self.aliases.create("ANN@Example.COM", "Info@BÜCHER.example")
        self.assertEqual((row.address, row.account), ("Info@xn--bcher-kva.example", ANN))
        self.assertEqual(await self.aliases.show("info@xn--bcher-kva.EXAMPLE"), row)
        self.assertEqual(await self.aliases.list(domain="Bücher.Example."), [row])
        self.assertEqual(await self.aliases.list(ANN), [row])
        await self.domains.set_alias_of("BÜCHER.example", "EXAMPLE.com")
        self.assertEqual((await self.domains.show("bücher.example")).alias_of, "example.com")
        await self.domains.set_catch_all("Example.com", "INFO@bücher.example")
        self.assertEqual((await self.domains.show("example.com")).catch_all, ANN)
        await self.aliases.delete("INFO@bücher.example")
        self.assertEqual(await self.aliases.list(), [])

    async def test_lists_have_any_length(self) -> None:
        self.patch(paging, "PAGE", 3)
        for number in range(10):
            await self.aliases.create(ANN, f"ann@{number}.example")
        self.assertEqual(len(await self.aliases.list()), 10)
        self.assertEqual(len(await self.domains.list()), 11)

    async def test_what_cannot_be_is_refused(self) -> None:
        for alias in ("nobody", "ann+x@example.com", "a b@example.com"):
            with self.assertRaises(BadArgument):
                await self.aliases.create(ANN, alias)
        with self.assertRaises(AlreadyExists):
            await self.aliases.create(ANN, "Ann@example.com")
        for domain in ("", "a b", "-x.example", "[192.0.2.1]"):
            with self.assertRaises(BadArgument):
                await self.domains.create(domain)
