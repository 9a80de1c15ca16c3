"""The contracts of `IAliases` and `IDomains`: where mail is addressed to."""

from sora.errors import AlreadyExists, BadArgument, InUse, NoSuchAccount, TooMany
from sora.storage.rows import NewMailbox, ScriptLimits, ScriptPosition
from trial_tests.storage.contracts.contract import Contract, address

ANN = address("ann@example.com")
BOB = address("bob@example.com")
SALES = address("Sales@example.com")
NOBODY = address("nobody@example.com")
LIMITS = ScriptLimits(size=1000, scripts=5, total=5000)


class AddressesContract(Contract):
    async def setUp(self) -> None:
        await super().setUp()
        self.aliases, self.domains = self.storage.aliases, self.storage.domains
        self.ann = await self.account("ann@example.com")
        self.bob = await self.account("bob@example.com")

    async def receiver(self, text: str) -> int | None:
        """The account that receives mail for an address."""
        found = await self.storage.accounts.recipient(address(text))
        return None if found is None else found.account_id


class AliasesContract(AddressesContract):
    """Addresses of accounts that only receive."""

    async def test_an_alias_receives_and_does_not_log_in(self) -> None:
        added = await self.aliases.add(ANN, SALES, 10)
        self.assertEqual(
            (added.address, added.account_id, added.account),
            ("Sales@example.com", self.ann.id, "ann@example.com"),
        )
        self.assertEqual(await self.receiver("sales+spring@EXAMPLE.com"), self.ann.id)
        self.assertIsNone(await self.storage.credentials.login(SALES))
        self.assertEqual((await self.storage.accounts.show(SALES)).id, self.ann.id)

    async def test_an_alias_may_be_in_another_domain_which_is_made(self) -> None:
        await self.aliases.add(ANN, address("ann@example.net"), 10)
        self.assertEqual(await self.receiver("ann@example.net"), self.ann.id)
        self.assertEqual((await self.domains.show("example.net")).aliases, 1)

    async def test_no_address_is_two_things(self) -> None:
        """What somebody has is never shadowed."""
        await self.aliases.add(ANN, SALES, 10)
        for taken in (SALES, BOB, address("SALES@EXAMPLE.COM")):
            await self.refused(AlreadyExists, self.aliases.add(BOB, taken, 10))
        await self.refused(AlreadyExists, self.storage.credentials.add(BOB, SALES, []))
        await self.refused(
            AlreadyExists, self.storage.accounts.create(SALES, [], [NewMailbox("INBOX")])
        )
        # Those of a deleted account are kept for it.
        await self.storage.accounts.delete(ANN)
        for taken in (SALES, ANN):
            await self.refused(AlreadyExists, self.aliases.add(BOB, taken, 10))
        self.assertIsNone(await self.receiver("sales@example.com"))
        await self.storage.accounts.restore(ANN)
        self.assertEqual(await self.receiver("sales@example.com"), self.ann.id)

    async def test_an_alias_is_added_by_any_address_and_never_to_nobody(self) -> None:
        await self.aliases.add(ANN, SALES, 10)
        second = await self.aliases.add(SALES, address("second@example.com"), 10)
        self.assertEqual(second.account_id, self.ann.id)
        await self.refused(NoSuchAccount, self.aliases.add(NOBODY, address("x@example.com"), 10))
        await self.storage.accounts.delete(BOB)
        await self.refused(NoSuchAccount, self.aliases.add(BOB, address("x@example.com"), 10))

    async def test_an_account_has_so_many(self) -> None:
        for name in ("a", "b"):
            await self.aliases.add(ANN, address(f"{name}@example.com"), 2)
        await self.refused(TooMany, self.aliases.add(ANN, address("c@example.com"), 2))
        await self.aliases.add(BOB, address("c@example.com"), 2)

    async def test_aliases_are_listed_in_pages(self) -> None:
        for text in ("c@example.com", "a@example.com", "b@example.net"):
            await self.aliases.add(ANN, address(text), 10)
        await self.aliases.add(BOB, SALES, 10)
        everything = await self.aliases.list()
        self.assertEqual(
            [row.address for row in everything],
            ["a@example.com", "b@example.net", "c@example.com", "Sales@example.com"],
        )
        page = await self.aliases.list(after="b@example.net", limit=1)
        self.assertEqual([row.address for row in page], ["c@example.com"])
        self.assertEqual([row.address for row in await self.aliases.list(BOB)], [SALES.base])
        in_domain = await self.aliases.list(domain="example.net")
        self.assertEqual([row.account for row in in_domain], ["ann@example.com"])
        self.assertEqual(await self.aliases.list(domain="example.org"), [])
        await self.refused(NoSuchAccount, self.aliases.list(NOBODY))

    async def test_an_alias_is_shown_and_removed(self) -> None:
        await self.aliases.add(ANN, SALES, 10)
        self.assertEqual(
            (await self.aliases.show(address("SALES@example.com"))).account_id, self.ann.id
        )
        await self.aliases.delete(SALES)
        for work in (self.aliases.show, self.aliases.delete):
            await self.refused(NoSuchAccount, work(SALES))
        self.assertIsNone(await self.receiver("sales@example.com"))
        # A credential is none.
        await self.refused(NoSuchAccount, self.aliases.delete(ANN))
        await self.aliases.add(BOB, SALES, 10)
        self.assertEqual(await self.receiver("sales@example.com"), self.bob.id)

    async def test_a_recipient_with_a_script_knows_all_its_addresses(self) -> None:
        await self.storage.credentials.add(ANN, address("A.Nn@example.com"), [])
        await self.aliases.add(ANN, SALES, 10)
        found = await self.storage.accounts.recipient(SALES)
        self.assertEqual(found.addresses, ())
        await self.storage.scripts.put(self.ann.id, "x", "keep;", LIMITS, ScriptPosition.ACTIVE)
        found = await self.storage.accounts.recipient(SALES)
        self.assertEqual(
            found.addresses, ("ann@example.com", "A.Nn@example.com", "Sales@example.com")
        )


class DomainsContract(AddressesContract):
    """Domains: catch-alls and aliases."""

    async def test_domains_are_made_by_accounts_and_by_themselves(self) -> None:
        row = await self.domains.create("example.net")
        self.assertEqual(
            (row.name, row.accounts, row.aliases, row.catch_all, row.alias_of),
            ("example.net", 0, 0, None, None),
        )
        for name in ("example.net", "example.com"):
            await self.refused(AlreadyExists, self.domains.create(name))
        await self.aliases.add(ANN, SALES, 10)
        await self.storage.accounts.delete(BOB)
        rows = await self.domains.list()
        self.assertEqual(
            [(row.name, row.accounts, row.aliases) for row in rows],
            [("example.com", 1, 1), ("example.net", 0, 0)],
        )
        self.assertEqual(
            [row.name for row in await self.domains.list(after="example.com", limit=1)],
            ["example.net"],
        )
        await self.refused(NoSuchAccount, self.domains.show("example.org"))

    async def test_a_catch_all_takes_what_is_nobodys(self) -> None:
        await self.domains.set_catch_all("example.com", ANN)
        self.assertEqual((await self.domains.show("example.com")).catch_all, "ann@example.com")
        self.assertEqual(await self.receiver("whoever@example.com"), self.ann.id)
        self.assertEqual(await self.receiver("bob@example.com"), self.bob.id)
        await self.domains.set_catch_all("example.com", None)
        self.assertIsNone(await self.receiver("whoever@example.com"))
        await self.refused(NoSuchAccount, self.domains.set_catch_all("example.com", NOBODY))
        await self.refused(NoSuchAccount, self.domains.set_catch_all("example.org", ANN))

    async def test_a_catch_all_that_is_deleted_takes_nothing(self) -> None:
        await self.domains.set_catch_all("example.com", BOB)
        await self.storage.accounts.delete(BOB)
        self.assertIsNone(await self.receiver("whoever@example.com"))
        await self.refused(NoSuchAccount, self.domains.set_catch_all("example.com", BOB))

    async def test_mail_for_an_alias_domain_is_for_the_same_name_in_the_other(self) -> None:
        await self.aliases.add(BOB, SALES, 10)
        await self.domains.create("example.net")
        self.assertIsNone(await self.receiver("ann@example.net"))
        await self.domains.set_alias_of("example.net", "example.com")
        self.assertEqual((await self.domains.show("example.net")).alias_of, "example.com")
        for text, account in (
            ("Ann+work@Example.NET", self.ann.id),
            ("sales@example.net", self.bob.id),
            ("whoever@example.net", None),
        ):
            self.assertEqual((text, await self.receiver(text)), (text, account))
        # What is addressed in the domain itself goes first, its own catch-all before the other's.
        await self.storage.credentials.add(BOB, address("ann@example.net"), [])
        self.assertEqual(await self.receiver("ann@example.net"), self.bob.id)
        await self.domains.set_catch_all("example.com", ANN)
        self.assertEqual(await self.receiver("whoever@example.net"), self.ann.id)
        await self.domains.set_catch_all("example.net", BOB)
        self.assertEqual(await self.receiver("whoever@example.net"), self.bob.id)
        await self.domains.set_alias_of("example.net", None)
        await self.domains.set_catch_all("example.net", None)
        self.assertIsNone(await self.receiver("sales@example.net"))

    async def test_aliases_of_domains_do_not_go_on(self) -> None:
        for name in ("a.example", "b.example", "c.example"):
            await self.domains.create(name)
        await self.domains.set_alias_of("b.example", "c.example")
        for name, of in (
            ("a.example", "a.example"),
            ("a.example", "b.example"),
            ("c.example", "a.example"),
            ("c.example", "b.example"),
        ):
            await self.refused(BadArgument, self.domains.set_alias_of(name, of))
        await self.domains.set_alias_of("b.example", "c.example")
        await self.domains.set_alias_of("a.example", "c.example")
        for name, of in (("a.example", "x.example"), ("x.example", "a.example")):
            await self.refused(NoSuchAccount, self.domains.set_alias_of(name, of))

    async def test_a_domain_is_removed_when_nothing_is_in_it(self) -> None:
        await self.domains.create("example.net")
        await self.domains.set_catch_all("example.net", ANN)
        await self.aliases.add(ANN, address("x@example.net"), 10)
        await self.domains.create("example.org")
        await self.domains.set_alias_of("example.org", "example.com")
        for name in ("example.net", "example.com"):
            await self.refused(InUse, self.domains.delete(name))
        await self.aliases.delete(address("x@example.net"))
        await self.domains.delete("example.net")
        await self.domains.delete("example.org")
        self.assertEqual([row.name for row in await self.domains.list()], ["example.com"])
        await self.refused(NoSuchAccount, self.domains.delete("example.net"))
        # A deleted account can be restored.
        for who in (ANN, BOB):
            await self.storage.accounts.delete(who)
        await self.refused(InUse, self.domains.delete("example.com"))

    async def test_what_belongs_to_a_domain_keeps_it(self) -> None:
        await self.domains.create("example.net")
        owner = await self.storage.rights.domain_owner("example.net", make=True)
        await self.storage.scripts.put(
            owner.account_id, "all", "keep;", LIMITS, ScriptPosition.BEFORE
        )
        await self.refused(InUse, self.domains.delete("example.net"))
        await self.storage.scripts.deactivate(owner.account_id, ScriptPosition.BEFORE)
        await self.storage.scripts.delete(owner.account_id, "all")
        await self.domains.delete("example.net")
