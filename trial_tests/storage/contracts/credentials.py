"""The contract of `ICredentials`."""

from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.storage.rows import NewMailbox, NewSecret
from trial_tests.storage.contracts.contract import Contract, address

ANN = address("ann@example.com")
ALIAS = address("a.nn@example.org")
NOBODY = address("nobody@example.com")


class CredentialsContract(Contract):
    """Addresses that log in, and their secrets."""

    async def setUp(self) -> None:
        await super().setUp()
        self.row = await self.storage.accounts.create(
            ANN, [NewSecret("password", "first")], [NewMailbox("INBOX")]
        )

    async def test_a_login_reads_what_verification_needs(self) -> None:
        login = await self.storage.credentials.login(address("ANN+phone@example.com"))
        self.assertEqual(login.account_id, self.row.id)
        self.assertEqual(login.scope_id, self.row.scope_id)
        self.assertEqual(login.address, "ann@example.com")
        self.assertFalse(login.disabled)
        self.assertEqual([secret.verifier for secret in login.secrets], ["first"])

    async def test_nobody_logs_in_with_an_unknown_address(self) -> None:
        self.assertIsNone(await self.storage.credentials.login(NOBODY))

    async def test_an_additional_address_has_secrets_of_its_own(self) -> None:
        added = await self.storage.credentials.add(ANN, ALIAS, [NewSecret("password", "second")])
        self.assertEqual((added.account_id, added.primary), (self.row.id, False))
        login = await self.storage.credentials.login(ALIAS)
        self.assertEqual(login.account_id, self.row.id)
        self.assertEqual(login.address, "ann@example.com")
        self.assertEqual([secret.verifier for secret in login.secrets], ["second"])
        first = await self.storage.credentials.login(ANN)
        self.assertEqual([secret.verifier for secret in first.secrets], ["first"])
        self.assertNotEqual(first.credential_id, login.credential_id)

    async def test_an_address_is_added_once(self) -> None:
        await self.storage.credentials.add(ANN, ALIAS, [])
        for taken in (ALIAS, ANN, address("A.NN@EXAMPLE.ORG")):
            await self.refused(AlreadyExists, self.storage.credentials.add(ANN, taken, []))
        await self.refused(
            NoSuchAccount, self.storage.credentials.add(NOBODY, address("x@example.com"), [])
        )

    async def test_credentials_are_listed_and_shown(self) -> None:
        await self.storage.credentials.add(ANN, ALIAS, [])
        for asked in (ANN, ALIAS):
            rows = await self.storage.credentials.list(asked)
            self.assertEqual(
                [(row.address, row.primary, row.kinds) for row in rows],
                [("ann@example.com", True, ("password",)), ("a.nn@example.org", False, ())],
            )
            self.assertEqual([one.verifier for one in rows[0].secrets], ["first"])
        shown = await self.storage.credentials.show(ALIAS)
        self.assertEqual((shown.address, shown.account_id), ("a.nn@example.org", self.row.id))
        await self.refused(NoSuchAccount, self.storage.credentials.show(NOBODY))
        await self.refused(NoSuchAccount, self.storage.credentials.list(NOBODY))

    async def test_an_additional_address_is_deleted_and_the_primary_one_is_not(self) -> None:
        await self.storage.credentials.add(ANN, ALIAS, [NewSecret("password", "second")])
        await self.storage.credentials.delete(ALIAS)
        self.assertIsNone(await self.storage.credentials.login(ALIAS))
        await self.refused(NoSuchAccount, self.storage.credentials.delete(ALIAS))
        await self.refused(BadArgument, self.storage.credentials.delete(ANN))
        self.assertIsNotNone(await self.storage.credentials.login(ANN))

    async def test_another_address_becomes_the_primary_one(self) -> None:
        """Of the same domain; the one before stays an address that logs in."""
        other = address("Ann.Other@example.com")
        await self.storage.credentials.add(ANN, other, [NewSecret("password", "second")])
        await self.storage.credentials.add(ANN, ALIAS, [])
        for _ in range(2):
            await self.storage.credentials.make_primary(other)
            rows = await self.storage.credentials.list(ANN)
            self.assertEqual([row.address for row in rows if row.primary], [other.base])
            self.assertEqual((await self.storage.accounts.show(ANN)).address, other.base)
            self.assertEqual((await self.storage.credentials.login(ANN)).address, other.base)
        await self.storage.credentials.delete(ANN)
        await self.refused(BadArgument, self.storage.credentials.make_primary(ALIAS))
        await self.refused(NoSuchAccount, self.storage.credentials.make_primary(NOBODY))

    async def test_new_secrets_replace_all_and_raise_the_version(self) -> None:
        """G54: no kind of secret outlives the password that it was made from."""
        before = await self.storage.credentials.login(ANN)
        both = [NewSecret("password", "second"), NewSecret("scram-sha-256", "keys")]
        await self.storage.credentials.set_secrets(ANN, both)
        between = await self.storage.credentials.login(ANN)
        self.assertEqual({secret.verifier for secret in between.secrets}, {"second", "keys"})
        await self.storage.credentials.set_secrets(ANN, [NewSecret("password", "third")])
        after = await self.storage.credentials.login(ANN)
        self.assertEqual([secret.verifier for secret in after.secrets], ["third"])
        self.assertLess(before.version, between.version)
        self.assertLess(between.version, after.version)
        await self.refused(
            NoSuchAccount, self.storage.credentials.set_secrets(NOBODY, [NewSecret("password", "")])
        )
