"""What an operator can do with accounts and credentials, on memory storage."""

from collections.abc import Callable
from os import urandom
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.auth.passwords import verify
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.operations.accounts import AccountOperations, PasswordHashing, address_of
from sora.operations.credentials import CredentialOperations
from sora.operations.paging import PAGE
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import AccountFilter, NewSecret


def at_once(work: Callable[..., Any], *arguments: Any) -> "Deferred[Any]":
    """In place of a thread."""
    return maybeDeferred(work, *arguments)


class AccountOperationsTests(TestCase):
    """Create, change, list, delete, restore; and the addresses of an account."""

    def setUp(self) -> None:
        self.storage = memory_storage(Clock())
        hashing = PasswordHashing(urandom, at_once)
        self.accounts = AccountOperations(
            self.storage.accounts, self.storage.credentials, self.storage.domains, hashing
        )
        self.credentials = CredentialOperations(self.storage.credentials, hashing)

    async def verifier(self, email: str) -> str:
        login = await self.storage.credentials.login(parse_address(email))
        assert login is not None
        return next(one.verifier for one in login.secrets if one.kind == "password")

    async def test_a_new_account_has_its_mailboxes_subscribed(self) -> None:
        """With their special uses (RFC 6154)."""
        row = await self.accounts.create("Ann@Example.com", "correct horse", "ssha512")
        self.assertEqual(row.address, "Ann@example.com")
        listing = await self.storage.mailboxes.list(row.id)
        self.assertEqual(
            {one.name: one.special_use for one in listing.mailboxes},
            {
                "INBOX": None,
                "Drafts": "\\Drafts",
                "Sent": "\\Sent",
                "Trash": "\\Trash",
                "Junk": "\\Junk",
                "Archive": "\\Archive",
            },
        )
        self.assertEqual(len(listing.subscriptions), 6)

    async def test_a_password_is_stored_as_a_hash_and_scram_keys(self) -> None:
        """In the scheme that was asked for."""
        for scheme, begins in (
            ("bcrypt", "$2b$"),
            ("ssha512", "{SSHA512}"),
            ("sha512", "{SHA512}"),
        ):
            email = f"{scheme}@example.com"
            await self.accounts.create(email, "correct horse", scheme)
            verifier = await self.verifier(email)
            self.assertTrue(verifier.startswith(begins), verifier)
            self.assertTrue(verify("correct horse", verifier))
            row = await self.credentials.show(email)
            self.assertEqual(sorted(row.kinds), ["password", "scram-sha-256"])

    async def test_a_password_that_bcrypt_would_cut_is_refused(self) -> None:
        """Before anything is made."""
        with self.assertRaises(BadArgument):
            await self.accounts.create("ann@example.com", "x" * 73)
        with self.assertRaises(NoSuchAccount):
            await self.accounts.show("ann@example.com")

    async def test_an_update_replaces_the_password(self) -> None:
        """And raises the credential's version (G54)."""
        await self.accounts.create("ann@example.com", "old", "ssha512")
        before = await self.storage.credentials.login(parse_address("ann@example.com"))
        await self.accounts.update("ANN@example.com", "new", "ssha512")
        after = await self.storage.credentials.login(parse_address("ann@example.com"))
        assert before is not None and after is not None
        self.assertGreater(after.version, before.version)
        self.assertTrue(verify("new", await self.verifier("ann@example.com")))
        with self.assertRaises(NoSuchAccount):
            await self.accounts.update("bob@example.com", "new", "ssha512")

    async def test_all_accounts_are_listed_page_by_page(self) -> None:
        """Also more than one statement gives."""
        secret = (NewSecret("password", "{SHA512}x"),)
        for number in range(PAGE + 5):
            await self.storage.accounts.create(
                parse_address(f"user{number:05}@example.com"), secret, ()
            )
        await self.storage.accounts.create(parse_address("a@example.org"), secret, ())
        addresses = [row.address for row in await self.accounts.list()]
        self.assertEqual(len(addresses), PAGE + 6)
        self.assertEqual(addresses, sorted(addresses))
        self.assertEqual(len(await self.accounts.list(AccountFilter("example.org"))), 1)

    async def test_a_deleted_account_is_listed_apart_and_can_be_restored(self) -> None:
        """Meanwhile its address stays its own."""
        await self.accounts.create("ann@example.com", "secret word", "ssha512")
        await self.accounts.delete("ann@example.com")
        self.assertEqual(await self.accounts.list(), [])
        [row] = await self.accounts.list(AccountFilter(deleted=True))
        self.assertIsNotNone(row.deleted_at)
        with self.assertRaises(AlreadyExists):
            await self.accounts.create("ann@example.com", "other", "ssha512")
        await self.accounts.restore("ann@example.com")
        self.assertEqual(len(await self.accounts.list()), 1)
        with self.assertRaises(NoSuchAccount):
            await self.accounts.restore("ann@example.com")

    async def test_addresses_of_an_account_come_and_go(self) -> None:
        """But for the primary one."""
        await self.accounts.create("ann@example.com", "one", "ssha512")
        row = await self.credentials.add("ann@example.com", "sales@example.com", "two", "ssha512")
        self.assertFalse(row.primary)
        self.assertEqual(
            [one.address for one in await self.credentials.list("sales@example.com")],
            ["ann@example.com", "sales@example.com"],
        )
        self.assertTrue(verify("two", await self.verifier("sales@example.com")))
        await self.credentials.delete("sales@example.com")
        self.assertEqual(len(await self.credentials.list("ann@example.com")), 1)
        with self.assertRaises(BadArgument):
            await self.credentials.delete("ann@example.com")

    async def test_an_address_with_a_detail_is_no_account(self) -> None:
        """Its base is named."""
        with self.assertRaises(BadArgument) as caught:
            address_of("ann+lists@example.com")
        self.assertIn("ann@example.com", caught.exception.text)
