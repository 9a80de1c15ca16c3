"""The contract of `IAccounts`."""

from datetime import timedelta

from sora.errors import AlreadyExists, NoSuchAccount
from sora.mail.mailbox_names import name_key
from sora.storage.rows import AccountFilter, NewMailbox, NewSecret
from trial_tests.storage.contracts.contract import Contract, address, letter


class AccountsContract(Contract):
    """Accounts: their life, and where their mail is delivered."""

    async def test_an_account_has_its_first_mailboxes(self) -> None:
        account = await self.account(
            "Ann@Example.com",
            NewMailbox("Sent", "\\Sent"),
            NewMailbox("Quiet", subscribed=False),
        )
        self.assertEqual(account.address, "Ann@example.com")
        self.assertEqual((account.mailboxes, account.messages, account.storage), (3, 0, 0))
        self.assertIsNone(account.deleted_at)
        listing = await self.storage.mailboxes.list(account.id)
        self.assertEqual(
            {mailbox.name: mailbox.special_use for mailbox in listing.mailboxes},
            {"INBOX": None, "Sent": "\\Sent", "Quiet": None},
        )
        self.assertEqual(sorted(listing.subscriptions), ["INBOX", "Sent"])

    async def test_mailboxes_of_a_new_account_have_different_uidvalidities(self) -> None:
        account = await self.account("ann@example.com", "One", "Two")
        listing = await self.storage.mailboxes.list(account.id)
        self.assertEqual(len({mailbox.uidvalidity for mailbox in listing.mailboxes}), 3)
        self.assertEqual(len({mailbox.object_id for mailbox in listing.mailboxes}), 3)

    async def test_an_address_is_taken_in_any_case(self) -> None:
        """G22, G50"""
        await self.account("ann@example.com")
        for taken in ("ann@example.com", "ANN@EXAMPLE.COM", "Ann+detail@example.com"):
            await self.refused(AlreadyExists, self.account(taken))

    async def test_the_address_of_a_deleted_account_stays_taken(self) -> None:
        await self.account("ann@example.com")
        await self.storage.accounts.delete(address("ann@example.com"))
        await self.refused(AlreadyExists, self.account("ann@example.com"))

    async def test_an_additional_address_is_taken_too(self) -> None:
        await self.account("ann@example.com")
        await self.storage.credentials.add(address("ann@example.com"), address("a@example.com"), [])
        await self.refused(AlreadyExists, self.account("a@example.com"))

    async def test_a_refused_account_leaves_nothing_behind(self) -> None:
        await self.account("ann@example.com")
        await self.refused(AlreadyExists, self.account("ann@example.com", "Other"))
        rows = await self.storage.accounts.list()
        self.assertEqual([(row.address, row.mailboxes) for row in rows], [("ann@example.com", 1)])

    async def test_it_is_shown_by_any_of_its_addresses(self) -> None:
        account = await self.account("ann@example.com")
        await self.storage.credentials.add(address("ann@example.com"), address("a@example.org"), [])
        for text in ("ann@example.com", "A@example.org", "ann+x@EXAMPLE.com"):
            shown = await self.storage.accounts.show(address(text))
            self.assertEqual((shown.id, shown.address), (account.id, "ann@example.com"))
        await self.refused(NoSuchAccount, self.storage.accounts.show(address("x@example.com")))

    async def test_its_row_counts_messages_and_octets(self) -> None:
        account = await self.account("ann@example.com", "Other")
        message = letter("counted")
        await self.put(account, await self.find(account), message, trace=b"X: y\r\n")
        await self.put(account, await self.find(account, "Other"), message)
        shown = await self.storage.accounts.show(address("ann@example.com"))
        self.assertEqual(shown.messages, 2)
        self.assertEqual(shown.storage, 2 * len(message.octets) + 6)

    async def test_accounts_are_listed_in_order_and_in_pages(self) -> None:
        for text in ("carl@a.example", "Ann@a.example", "bob@b.example"):
            await self.account(text)

        async def listed(**arguments: object) -> list[str]:
            asked = {name: arguments.pop(name) for name in ("after", "limit") if name in arguments}
            which = AccountFilter(**arguments)  # type: ignore[arg-type]
            return [row.address for row in await self.storage.accounts.list(which, **asked)]

        everyone = ["Ann@a.example", "bob@b.example", "carl@a.example"]
        self.assertEqual(await listed(), everyone)
        self.assertEqual(await listed(limit=2), everyone[:2])
        self.assertEqual(await listed(after="bob@b.example"), everyone[2:])
        self.assertEqual(await listed(domain="a.example"), [everyone[0], everyone[2]])
        self.assertEqual(await listed(domain="c.example"), [])
        self.assertEqual(await listed(prefix="ca"), ["carl@a.example"])
        self.assertEqual(await listed(prefix="ann@a.example"), ["Ann@a.example"])
        self.assertEqual(await listed(prefix="b", domain="a.example"), [])
        self.assertEqual(await listed(prefix="%"), [])

    async def test_deleted_accounts_are_listed_when_asked_for(self) -> None:
        await self.account("ann@example.com")
        await self.account("bob@example.com")
        await self.storage.accounts.delete(address("bob@example.com"))
        live = await self.storage.accounts.list()
        self.assertEqual([row.address for row in live], ["ann@example.com"])
        deleted = await self.storage.accounts.list(AccountFilter(deleted=True))
        self.assertIn("bob@example.com", [row.address for row in deleted])

    async def test_a_deleted_account_neither_logs_in_nor_receives(self) -> None:
        await self.account("ann@example.com")
        ann = address("ann@example.com")
        await self.storage.accounts.delete(ann)
        self.assertIsNone(await self.storage.credentials.login(ann))
        self.assertIsNone(await self.storage.accounts.recipient(ann))
        self.assertIsNotNone((await self.storage.accounts.show(ann)).deleted_at)
        await self.refused(NoSuchAccount, self.storage.accounts.delete(ann))

    async def test_a_disabled_account_receives_and_says_so_where_it_logs_in(self) -> None:
        """G51: whoever verifies a password is told, and nobody else."""
        account = await self.account("ann@example.com")
        ann = address("ann@example.com")
        disabled = await self.storage.accounts.disable(ann, True, "unpaid since May")
        self.assertEqual((disabled.id, disabled.disabled), (account.id, True))
        self.assertEqual(disabled.disabled_reason, "unpaid since May")
        self.assertEqual(await self.storage.accounts.show(ann), disabled)
        self.assertTrue((await self.storage.credentials.login(ann)).disabled)
        self.assertEqual((await self.storage.accounts.recipient(ann)).account_id, account.id)
        again = await self.storage.accounts.disable(ann, True, "unpaid")
        self.assertEqual(again.disabled_at, disabled.disabled_at)
        self.assertEqual(again.disabled_reason, "unpaid")
        enabled = await self.storage.accounts.disable(ann, False)
        self.assertEqual(enabled, account)
        self.assertFalse((await self.storage.credentials.login(ann)).disabled)

    async def test_what_is_purged_is_removed_and_nothing_else(self) -> None:
        """With its messages, at once; who was deleted lately can still be restored."""
        ages = timedelta(days=50 * 365)
        account = await self.account("ann@example.com")
        await self.account("bob@example.com")
        await self.put(account, await self.find(account), letter("gone"))
        ann, bob = address("ann@example.com"), address("bob@example.com")
        await self.refused(NoSuchAccount, self.storage.accounts.purge(ann))
        for each in (ann, bob):
            await self.storage.accounts.delete(each)
        self.assertIsNone(await self.storage.cleaning.remove_account(ages, 10))
        await self.storage.accounts.purge(ann)
        messages = 0
        while (part := await self.storage.cleaning.remove_account(ages, 10)) is not None:
            self.assertEqual(part.account_id, account.id)
            messages += part.messages
        self.assertEqual(messages, 1)
        await self.refused(NoSuchAccount, self.storage.accounts.show(ann))
        await self.storage.accounts.restore(bob)
        await self.account("ann@example.com")

    async def test_which_accounts_are_closed(self) -> None:
        for text in ("ann@example.com", "bob@example.com", "carl@example.com"):
            await self.account(text)
        await self.storage.accounts.disable(address("bob@example.com"), True)
        await self.storage.accounts.delete(address("carl@example.com"))
        names = ("ann", "bob", "carl", "dan")
        closed = await self.storage.accounts.closed([f"{name}@example.com" for name in names])
        self.assertEqual(sorted(closed), ["bob@example.com", "carl@example.com"])
        self.assertEqual(list(await self.storage.accounts.closed([])), [])

    async def test_disabled_accounts_are_listed_apart(self) -> None:
        for text in ("ann@example.com", "bob@example.com", "carl@example.com"):
            await self.account(text)
        await self.storage.accounts.disable(address("bob@example.com"), True)
        everyone = await self.storage.accounts.list()
        self.assertEqual([row.disabled for row in everyone], [False, True, False])
        for wanted, found in ((True, ["bob@example.com"]), (False, [None, None])):
            rows = await self.storage.accounts.list(AccountFilter(disabled=wanted))
            self.assertEqual(len(rows), len(found))
            self.assertEqual({row.disabled for row in rows}, {wanted})

    async def test_a_deleted_account_is_not_disabled(self) -> None:
        """And what was disabled before stays so when it is restored."""
        await self.account("ann@example.com")
        ann = address("ann@example.com")
        await self.storage.accounts.disable(ann, True)
        await self.storage.accounts.delete(ann)
        for nobody in (ann, address("nobody@example.com")):
            await self.refused(NoSuchAccount, self.storage.accounts.disable(nobody, False))
        await self.storage.accounts.restore(ann)
        self.assertTrue((await self.storage.accounts.show(ann)).disabled)

    async def test_a_restored_account_has_everything_again(self) -> None:
        account = await self.account("ann@example.com")
        ann = address("ann@example.com")
        await self.put(account, await self.find(account), letter("kept"))
        await self.storage.accounts.delete(ann)
        await self.storage.accounts.restore(ann)
        shown = await self.storage.accounts.show(ann)
        self.assertEqual((shown.deleted_at, shown.messages), (None, 1))
        self.assertIsNotNone(await self.storage.credentials.login(ann))
        self.assertIsNotNone(await self.storage.accounts.recipient(ann))

    async def test_only_a_deleted_account_is_restored(self) -> None:
        await self.account("ann@example.com")
        for text in ("ann@example.com", "nobody@example.com"):
            await self.refused(NoSuchAccount, self.storage.accounts.restore(address(text)))

    async def test_deleting_nobody_is_refused(self) -> None:
        await self.refused(
            NoSuchAccount, self.storage.accounts.delete(address("nobody@example.com"))
        )

    async def test_a_recipient_is_found_with_mailboxes(self) -> None:
        account = await self.account("ann@example.com", "Work/Sora")
        for text in ("ann@example.com", "ANN+tag@Example.COM"):
            found = await self.storage.accounts.recipient(address(text))
            self.assertEqual(found.account_id, account.id)
            self.assertEqual(found.scope_id, account.scope_id)
            self.assertEqual(found.address, "ann@example.com")
            self.assertLessEqual({"INBOX"}, set(found.mailboxes))
            inbox = await self.find(account)
            self.assertEqual(found.mailboxes[name_key("inbox")], inbox.id)
        self.assertIsNone(await self.storage.accounts.recipient(address("bob@example.com")))

    async def test_additional_addresses_aliases_and_the_catch_all_receive(self) -> None:
        ann = await self.account("ann@example.com")
        bob = await self.account("bob@example.com")
        await self.storage.credentials.add(address("ann@example.com"), address("a@example.com"), [])
        await self.storage.aliases.add(address("bob@example.com"), address("sales@example.com"), 1)
        await self.storage.domains.set_catch_all("example.com", address("ann@example.com"))
        for text, account in (
            ("a@example.com", ann),
            ("Sales@example.com", bob),
            ("bob@example.com", bob),
            ("whoever@example.com", ann),
        ):
            found = await self.storage.accounts.recipient(address(text))
            self.assertEqual((text, found.account_id), (text, account.id))
        self.assertIsNone(await self.storage.accounts.recipient(address("x@example.org")))

    async def test_a_recipients_mailboxes_are_known_by_use_and_by_id(self) -> None:
        """RFC 6154, RFC 8474: what filters ask for."""
        account = await self.account("ann@example.com", NewMailbox("Spam", "\\Junk"), "Gone")
        await self.storage.mailboxes.delete(account.id, "Gone", self.operation())
        found = await self.storage.accounts.recipient(address("ann@example.com"))
        inbox, spam = await self.find(account), await self.find(account, "Spam")
        self.assertEqual(found.uses, {"\\Junk": spam.id})
        self.assertEqual(found.object_ids, {inbox.object_id: inbox.id, spam.object_id: spam.id})

    async def test_a_recipients_storage_and_quota_are_told(self) -> None:
        account = await self.account("ann@example.com")
        message = letter("big", "x" * 1000)
        await self.put(account, await self.find(account), message)
        await self.storage.set_quota(account.id, 5000, None)
        found = await self.storage.accounts.recipient(address("ann@example.com"))
        self.assertEqual(found.quota_storage, 5000)
        self.assertEqual(found.storage, len(message.octets))

    async def test_accounts_of_a_domain_share_a_scope(self) -> None:
        """The same bytes are stored once within a domain (`dedup = "domain"`)."""
        ann = await self.account("ann@example.com")
        bob = await self.account("bob@EXAMPLE.com")
        eve = await self.account("eve@example.org")
        self.assertEqual(ann.scope_id, bob.scope_id)
        self.assertNotEqual(ann.scope_id, eve.scope_id)

    async def test_secrets_come_with_the_account(self) -> None:
        await self.storage.accounts.create(
            address("ann@example.com"),
            [
                NewSecret("password", "{SHA512}x"),
                NewSecret("scram-sha-256", "SCRAM-SHA-256$1:a$b:c"),
            ],
            [NewMailbox("INBOX")],
        )
        login = await self.storage.credentials.login(address("ann@example.com"))
        self.assertEqual(
            {secret.kind: secret.verifier for secret in login.secrets},
            {"password": "{SHA512}x", "scram-sha-256": "SCRAM-SHA-256$1:a$b:c"},
        )
