"""The contract of `ICredentials`."""

from datetime import datetime, timedelta
from typing import Any

from sora.addresses import Address
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount
from sora.storage.rows import AccountFilter, LastLogin, NewLogin, NewMailbox, NewSecret
from trial_tests.storage.contracts.contract import Contract, address

ANN = address("ann@example.com")
ALIAS = address("a.nn@example.org")
BOB = address("bob@example.com")
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


class LastLoginsContract(Contract):
    """When somebody was here last: of Ann, who has two addresses, and Bob, who has one."""

    async def setUp(self) -> None:
        await super().setUp()
        for each in (ANN, BOB):
            await self.storage.accounts.create(each, [], [NewMailbox("INBOX")])
        await self.storage.credentials.add(ANN, ALIAS, [])

    async def note(self, *logins: tuple[Address, float, str, str]) -> None:
        """Address of the user, seconds ago, protocol, address of the client."""
        notes = []
        for user, age, protocol, host in logins:
            row = await self.storage.credentials.show(user)
            notes.append(NewLogin(row.account_id, row.id, age, protocol, host))
        await self.storage.credentials.note_logins(notes)

    async def last(self, user: Address) -> LastLogin | None:
        login: LastLogin | None = (await self.storage.credentials.show(user)).last_login
        return login

    async def inactive(self, since: datetime, **more: Any) -> list[str]:
        limit = more.pop("limit", 1000)
        which = AccountFilter(inactive_since=since, **more)
        rows = await self.storage.accounts.list(which, "", limit)
        return [row.address for row in rows]

    async def test_since_when_it_is_known(self) -> None:
        await self.note((ANN, 0, "imap", "192.0.2.1"))
        login = await self.last(ANN)
        assert login is not None
        self.assertLessEqual(await self.storage.credentials.logins_since(), login.at)

    async def test_it_is_known_of_each_address_and_of_the_account(self) -> None:
        self.assertIsNone((await self.storage.accounts.show(ANN)).last_login)
        await self.note((ANN, 60, "imap", "192.0.2.1"), (ALIAS, 30, "pop3", "2001:db8::1"))
        first, second = await self.last(ANN), await self.last(ALIAS)
        assert first is not None and second is not None
        self.assertEqual((first.protocol, first.address), ("imap", "192.0.2.1"))
        self.assertEqual((second.protocol, second.address), ("pop3", "2001:db8::1"))
        self.assertAlmostEqual((second.at - first.at).total_seconds(), 30, delta=1)
        self.assertEqual((await self.storage.accounts.show(ANN)).last_login, second)
        rows = await self.storage.credentials.list(ANN)
        self.assertEqual([row.last_login for row in rows], [first, second])
        self.assertIsNone((await self.storage.accounts.show(BOB)).last_login)

    async def test_who_writes_late_moves_no_time_back(self) -> None:
        """As a second node does that had not reached the database for an hour."""
        await self.note((ANN, 5, "imap", "192.0.2.1"))
        known = await self.last(ANN)
        await self.note((ANN, 3600, "pop3", "192.0.2.9"))
        self.assertEqual(await self.last(ANN), known)
        await self.note((ANN, 0, "managesieve", "192.0.2.3"), (BOB, 0, "imap", "192.0.2.4"))
        newest = await self.last(ANN)
        assert newest is not None and known is not None
        self.assertGreater(newest.at, known.at)
        self.assertEqual((newest.protocol, newest.address), ("managesieve", "192.0.2.3"))

    async def test_no_clock_of_a_node_puts_it_into_the_future(self) -> None:
        await self.note((BOB, 0, "imap", "192.0.2.1"))
        before = await self.last(BOB)
        await self.note((ANN, -86400, "imap", "192.0.2.1"))
        after = await self.last(ANN)
        assert before is not None and after is not None
        self.assertLess(after.at - before.at, timedelta(hours=1))

    async def test_who_is_gone_is_left_out(self) -> None:
        """Deleted, or removed since: the others of the same statement are noted."""
        row = await self.storage.credentials.show(ANN)
        await self.storage.accounts.delete(ANN)
        await self.note((ANN, 0, "imap", "192.0.2.1"), (BOB, 0, "imap", "192.0.2.1"))
        self.assertIsNone(await self.last(ANN))
        self.assertIsNotNone(await self.last(BOB))
        nobody = NewLogin(row.account_id + 1_000_000, 1, 0, "imap", "192.0.2.1")
        await self.storage.credentials.note_logins([nobody])
        await self.storage.credentials.note_logins([])

    async def test_a_removed_account_takes_its_logins_along(self) -> None:
        await self.note((ANN, 0, "imap", "192.0.2.1"), (BOB, 0, "imap", "192.0.2.1"))
        await self.storage.accounts.delete(ANN)
        while await self.storage.cleaning.remove_account(timedelta(0), 100) is not None:
            pass
        await self.storage.accounts.create(ANN, [], [NewMailbox("INBOX")])
        self.assertIsNone((await self.storage.accounts.show(ANN)).last_login)
        self.assertIsNotNone((await self.storage.accounts.show(BOB)).last_login)

    async def test_an_address_that_is_taken_away_was_the_accounts(self) -> None:
        await self.note((ALIAS, 0, "imap", "192.0.2.1"))
        await self.storage.credentials.delete(ALIAS)
        shown = (await self.storage.accounts.show(ANN)).last_login
        self.assertEqual((shown.protocol, shown.address), ("imap", "192.0.2.1"))

    async def test_who_has_not_logged_in_since_then(self) -> None:
        """Those who never did are among them."""
        await self.note((ANN, 7200, "imap", "192.0.2.1"), (ALIAS, 60, "imap", "192.0.2.1"))
        now = (await self.storage.accounts.show(ANN)).last_login.at
        ago = [now - timedelta(hours=1), now + timedelta(hours=1)]
        both = ["ann@example.com", "bob@example.com"]
        self.assertEqual([await self.inactive(each) for each in ago], [both[1:], both])
        self.assertEqual(await self.inactive(ago[1], limit=1), both[:1])
        self.assertEqual(await self.inactive(ago[1], prefix="b"), both[1:])
        self.assertEqual(await self.inactive(ago[1], domain="example.org"), [])
        await self.storage.accounts.disable(BOB, True)
        self.assertEqual(await self.inactive(ago[1], disabled=True), both[1:])
        self.assertEqual(await self.inactive(ago[1], disabled=False), both[:1])
        await self.storage.accounts.delete(ANN)
        found = [await self.inactive(each, deleted=True) for each in ago]
        self.assertEqual(found, [[], both[:1]])
