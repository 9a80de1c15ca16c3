"""The contract of `IPurging`: a domain that goes, beside others that stay."""

from datetime import timedelta

from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.mail.rights import parse_change
from sora.storage.rows import (
    NewMailbox,
    RetentionOwner,
    RetentionRule,
    ScriptLimits,
    ScriptPosition,
)
from trial_tests.storage.contracts.contract import Contract, address, letter

GOING = "going.example"
ANN, BOB, EVE = (address(f"{name}@{GOING}") for name in ("ann", "bob", "eve"))
ZOE = address("zoe@other.example")
AGES = timedelta(days=50 * 365)
LIMITS = ScriptLimits(size=1000, scripts=5, total=5000)


class PurgingContract(Contract):
    """Ann, Bob and Eve are in the domain, Eve deleted; Zoe is in another one, and both domains lead
    into each other."""

    async def setUp(self) -> None:
        await super().setUp()
        self.purging, self.domains = self.storage.purging, self.storage.domains
        self.ann = await self.account(ANN.base, "Team")
        self.bob = await self.account(BOB.base)
        await self.account(EVE.base)
        await self.storage.accounts.delete(EVE)
        self.zoe = await self.account(ZOE.base)
        self.message = letter("shared by all")
        for each in (self.ann, self.bob, self.zoe):
            await self.put(each, await self.find(each), self.message)
        await self.storage.rights.set(
            self.ann.id, "Team", None, BOB, parse_change("lr"), self.operation()
        )
        await self.storage.credentials.add(ANN, address("ann@other.example"), [])
        await self.storage.aliases.add(ANN, address("sales@other.example"), 10)
        await self.storage.aliases.add(BOB, address(f"info@{GOING}"), 10)
        await self.storage.aliases.add(ZOE, address(f"zoe@{GOING}"), 10)
        await self.storage.credentials.add(ZOE, address(f"z@{GOING}"), [])
        await self.domains.set_catch_all("other.example", ANN)
        await self.domains.create("name.example")
        await self.domains.set_alias_of("name.example", GOING)
        shared = await self.storage.rights.domain_owner(GOING, make=True)
        await self.storage.mailboxes.create(shared.account_id, "Board", None, self.operation())
        await self.storage.scripts.put(
            shared.account_id, "all", "keep;", LIMITS, ScriptPosition.BEFORE
        )
        number = await self.storage.retention.domain_id(GOING)
        rule = RetentionRule("\\Trash", timedelta(days=30))
        await self.storage.retention.set(RetentionOwner(None, number), rule)

    async def purge(self) -> int:
        """All steps, in parts of one."""
        await self.purging.mark(GOING)
        for step in (self.purging.disable, self.purging.delete):
            after: str | None = ""
            while after is not None:
                after = (await step(GOING, after, 1)).last
        while await self.purging.free_addresses(GOING, 1):
            pass
        return await self.remove()

    async def remove(self) -> int:
        messages = 0
        while (part := await self.storage.cleaning.remove_account(AGES, 10)) is not None:
            messages += part.messages
        return messages

    async def test_what_would_go_is_counted_in_parts(self) -> None:
        own = await self.purging.own_holdings(GOING, 100)
        self.assertIsNone(own.purging_at)
        self.assertEqual((own.mailboxes, own.messages, own.size), (1, 0, 0))
        self.assertEqual((own.scripts, own.rules, own.aliases), (1, 1, 2))
        self.assertEqual(own.alias_domains, ("name.example",))
        self.assertEqual(own.guests, (f"z@{GOING}", f"zoe@{GOING}"))
        self.assertEqual((await self.purging.own_holdings(GOING, 1)).guests, (f"z@{GOING}",))
        first = await self.purging.account_holdings(GOING, "", 2)
        size = len(self.message.octets)
        self.assertEqual((first.accounts, first.deleted, first.mailboxes), (2, 0, 3))
        self.assertEqual((first.messages, first.size, first.rights), (2, 2 * size, 1))
        self.assertEqual(first.elsewhere, ("ann@other.example", "sales@other.example"))
        self.assertEqual(first.catch_alls, ("other.example",))
        second = await self.purging.account_holdings(GOING, first.last, 2)
        self.assertEqual((second.accounts, second.deleted, second.messages), (0, 1, 0))
        third = await self.purging.account_holdings(GOING, second.last, 2)
        self.assertEqual((third.last, third.accounts, third.elsewhere), (None, 0, ()))
        await self.refused(NoSuchAccount, self.purging.own_holdings("none.example", 1))

    async def test_a_marked_domain_takes_nothing_new(self) -> None:
        """Others do. What is nobody's in it is refused, and so is what came by its other name."""
        await self.domains.set_catch_all(GOING, ZOE)
        await self.purging.mark(GOING)
        self.assertIsNotNone((await self.domains.show(GOING)).purging_at)
        self.assertIsNone(await self.storage.accounts.recipient(address(f"x@{GOING}")))
        self.assertIsNone(await self.storage.accounts.recipient(address("ann@name.example")))
        new = address(f"new@{GOING}")
        for refused in (
            self.storage.accounts.create(new, [], [NewMailbox("INBOX")]),
            self.storage.credentials.add(ZOE, new, []),
            self.storage.aliases.add(ZOE, new, 10),
            self.domains.set_catch_all(GOING, ZOE),
            self.domains.set_alias_of(GOING, "other.example"),
            self.domains.set_alias_of("name.example", GOING),
            self.storage.rights.domain_owner(GOING, make=True),
        ):
            error = await self.refused(BadArgument, refused)
            self.assertIn("is being removed", error.text)
        await self.refused(AlreadyExists, self.domains.create(GOING))
        await self.account("new@other.example")
        self.assertIsNone((await self.domains.show("name.example")).alias_of)

    async def test_nobody_logs_in_before_anything_goes(self) -> None:
        await self.purging.mark(GOING)
        page = await self.purging.disable(GOING, "", 10)
        self.assertEqual(page.addresses, (ANN.base, BOB.base, EVE.base))
        for each in (ANN, BOB):
            self.assertTrue((await self.storage.credentials.login(each)).disabled)
        self.assertFalse((await self.storage.credentials.login(ZOE)).disabled)
        shown = await self.storage.accounts.show(ANN)
        self.assertIn("being removed", shown.disabled_reason)
        self.assertEqual(await self.purging.disable(GOING, page.last, 10), await self.over())

    async def over(self) -> object:
        return await self.purging.disable(GOING, "\U0010ffff", 10)

    async def test_nothing_is_done_to_a_domain_that_is_not_marked(self) -> None:
        for name in (GOING, "none.example"):
            for step in (
                self.purging.disable(name, "", 10),
                self.purging.delete(name, "", 10),
                self.purging.free_addresses(name, 10),
                self.purging.end(name),
            ):
                await self.refused(NoSuchAccount, step)
        await self.refused(NoSuchAccount, self.purging.mark("none.example"))
        self.assertFalse((await self.storage.credentials.login(ANN)).disabled)

    async def test_it_is_gone_and_others_are_as_they_were(self) -> None:
        zoe = await self.storage.accounts.show(ZOE)
        self.assertEqual(await self.purge(), 2)
        self.assertTrue(await self.purging.end(GOING))
        names = [row.name for row in await self.domains.list()]
        self.assertEqual(names, ["name.example", "other.example"])
        for gone in (ANN, BOB, EVE, address("sales@other.example"), address(f"zoe@{GOING}")):
            await self.refused(NoSuchAccount, self.storage.accounts.show(gone))
        self.assertEqual(await self.storage.accounts.show(ZOE), zoe)
        self.assertIsNone((await self.domains.show("other.example")).catch_all)
        for step in (self.purging.mark(GOING), self.purging.end(GOING)):
            await self.refused(NoSuchAccount, step)
        await self.account(ANN.base)
        self.assertIsNone((await self.domains.show(GOING)).purging_at)

    async def test_it_stays_while_an_address_is_left(self) -> None:
        """And is gone on with wherever it was left, in any order."""
        await self.purging.mark(GOING)
        self.assertFalse(await self.purging.end(GOING))
        await self.purging.delete(GOING, "", 1)
        self.assertEqual(await self.remove(), 1)
        self.assertFalse(await self.purging.end(GOING))
        self.assertEqual(await self.purge(), 1)
        self.assertTrue(await self.purging.end(GOING))

    async def test_who_comes_back_in_the_middle_goes_again(self) -> None:
        await self.purging.mark(GOING)
        await self.purging.delete(GOING, "", 10)
        await self.storage.accounts.restore(BOB)
        self.assertEqual(await self.remove(), 1)
        self.assertFalse(await self.purging.end(GOING))
        self.assertEqual(await self.purge(), 1)
        self.assertTrue(await self.purging.end(GOING))
