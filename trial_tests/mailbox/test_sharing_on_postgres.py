"""Shared mailboxes over PostgreSQL: what they cost, two processes, and mail that is stored apart."""

from typing import Any

from twisted.internet import reactor

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.errors import NoSuchMailbox, NotPermitted, OverQuota
from sora.mail.flags import parse_flags
from sora.mail.rights import Rights, parse_change
from sora.mailbox.account import Account
from sora.mailbox.places import SharedNamespace
from sora.mailbox.selected import Selected
from sora.storage.postgres.accounts import Accounts
from sora.storage.rows import AccountRow, FlagChange, NewMailbox, QuotaLimits, Want
from trial_tests.mailbox.world import Process, message, spool
from trial_tests.storage.postgres import test_contracts

WORK = "Shared/ann@example.com/Work"


class SharingOnPostgres(test_contracts.PostgresStorage):
    dedup: Any = "domain"

    async def setUp(self) -> None:
        self.storage = await self.new_storage()
        self.database = self.storage.accounts._database
        self.accounts = Accounts(self.database, self.dedup)
        self.ann_row, self.bob_row = await self.add("ann"), await self.add("bob")
        self.process = self.new_process()
        self.ann, self.bob = self.session(self.ann_row), self.session(self.bob_row)
        for number in range(3):
            await self.append(self.ann, "Work", number)

    async def add(self, name: str) -> AccountRow:
        row: AccountRow = await self.accounts.create(
            parse_address(f"{name}@example.com"), [], [NewMailbox("INBOX"), NewMailbox("Work")]
        )
        return row

    def new_process(self, alone: bool = True) -> Process:
        storage: Any = self.storage
        clock: Any = reactor
        return Process(storage, clock, alone=alone, namespace=SharedNamespace())

    def session(self, row: AccountRow, process: Process | None = None) -> Account:
        return (process or self.process).session(row)

    async def append(self, account: Account, name: str, number: int, *names: str) -> None:
        await account.appending.append(name, parse_flags(names), None, spool(message(number)))

    async def share(self, rights: str, account: Account | None = None) -> None:
        await (account or self.ann).rights.set("Work", "bob", parse_change(rights))

    async def select(self, account: Account, name: str) -> Selected:
        selected = await account.select(name, False)
        self.addCleanup(selected.close)
        return selected


class BudgetTests(SharingOnPostgres):
    async def cost(self, work: Any) -> int:
        before = self.database.statements.copy()
        await work
        return sum((self.database.statements - before).values())

    async def test_others_mailboxes_cost_what_ones_own_cost(self) -> None:
        await self.share("lrswipkxtea")
        self.assertEqual(await self.cost(self.bob.listing()), 1)
        for name, work in (
            ("STATUS", lambda: self.bob.status(WORK)),
            ("APPEND", lambda: self.append(self.bob, WORK, 7, "\\Seen", "$new")),
            ("SETACL", lambda: self.bob.rights.set(WORK, "anyone", parse_change("lr"))),
            ("GETACL", lambda: self.bob.rights.all(WORK)),
            ("SELECT", lambda: self.select(self.bob, WORK)),
        ):
            self.assertEqual(await self.cost(work()), 1, name)
        selected = await self.select(self.bob, WORK)
        deleting = FlagChange("add", parse_flags(["\\Deleted"]))
        for name, work in (
            ("STORE", lambda: selected.store([1], deleting, False)),
            ("COPY", lambda: selected.copy([1, 2], "INBOX")),
            ("MOVE", lambda: selected.move([2], "INBOX")),
            ("EXPUNGE", lambda: selected.expunge()),
        ):
            self.assertEqual(await self.cost(work()), 1, name)


class RightsTests(SharingOnPostgres):
    async def test_a_change_in_another_process_counts_with_the_next_command(self) -> None:
        """Once it was learned of, as everything is: with NOOP at once."""
        other = self.new_process(alone=False)
        bob = self.session(self.bob_row, other)
        await self.share("lrsw")
        selected = await self.select(bob, WORK)
        seeing = FlagChange("add", parse_flags(["\\Seen"]))
        await selected.store([1], seeing, False)
        await self.share("lrt")
        await selected.refresh()
        self.assertTrue(selected.updates(True).keywords)
        with self.assertRaises(NotPermitted):
            await selected.store([1], seeing, False)
        await self.share("l")
        await self.append(self.ann, "Work", 9)
        await selected.refresh()
        self.assertFalse(selected.is_readable)
        self.assertFalse(selected.updates(True))
        with self.assertRaises(NotPermitted):
            await bob.select(WORK, True)
        await self.share("")
        with self.assertRaises(NoSuchMailbox):
            await bob.select(WORK, True)

    async def test_a_warm_mailbox_keeps_to_the_rights_of_now(self) -> None:
        await self.share("lr")
        await (await self.bob.select(WORK, False)).close()
        await self.share("l")
        with self.assertRaises(NotPermitted):
            await self.bob.select(WORK, False)
        self.assertEqual(self.process.open_mailboxes.in_use, [])

    async def test_an_operator_takes_rights_from_a_warm_mailbox(self) -> None:
        """He is no process that the others know of."""
        await self.share("lr")
        await (await self.bob.select(WORK, False)).close()
        await self.storage.rights.set(
            self.ann_row.id,
            "Work",
            None,
            parse_address("bob@example.com"),
            parse_change(""),
            self.ann._reach.new_operation(),
        )
        self.assertTrue(self.process.open_mailboxes.alone)
        with self.assertRaises(NoSuchMailbox):
            await self.bob.select(WORK, False)

    async def test_the_flags_of_an_append_are_those_that_were_set(self) -> None:
        """What the process knows without reading is what storage has."""
        await self.share("lrit")
        watcher = await self.select(self.ann, "Work")
        await self.append(self.bob, WORK, 7, "\\Seen", "\\Deleted", "$new")
        updates = watcher.updates(True)
        self.assertEqual(updates.exists, 4)
        self.assertEqual(watcher.view.mask(4), parse_flags(["\\Deleted"]).system)
        opened = await self.storage.mailboxes.open(self.ann_row.id, "Work")
        self.assertEqual(list(opened.states.masks)[-1], watcher.view.mask(4))


class CrossingTests(SharingOnPostgres):
    """`[s3] dedup = "account"`"""

    dedup = "account"

    async def read(self, selected: Selected) -> list[tuple[Any, ...]]:
        found = []
        async for batch in selected.reading.read(
            selected.view.uids, frozenset({Want.BODY, Want.ENVELOPE, Want.STRUCTURE}), False
        ):
            for one in batch:
                assert one.body is not None
                octets = await selected.reading.body(one, 0, one.body.size)
                found.append((one.email_id, one.size, one.envelope, one.structure, octets))
        return found

    async def test_everything_goes_along(self) -> None:
        """G39"""
        self.assertNotEqual(self.ann_row.scope_id, self.bob_row.scope_id)
        await self.share("lrte")
        await self.append(self.ann, "Work", 5, "\\Flagged", "$Work")
        selected = await self.select(self.bob, WORK)
        before = await self.read(selected)
        await selected.copy([1, 2, 3, 4], "INBOX")
        moved = await selected.move([4], "Work")
        self.assertEqual(len(moved.copied.uids), 1)
        inbox = await self.select(self.bob, "INBOX")
        self.assertEqual(await self.read(inbox), before)
        mask = inbox.view.mask(4)
        assert mask is not None
        self.assertEqual(inbox.keywords.text(mask), "\\Flagged $Work")
        quota = await self.storage.quotas.quota(self.bob_row.id)
        self.assertEqual(quota.messages, 5)

    async def test_quota_before_anything_is_carried(self) -> None:
        await self.share("lr")
        await self.storage.quotas.set(self.bob_row.id, QuotaLimits(messages=2), None)
        selected = await self.select(self.bob, WORK)
        with self.assertRaises(OverQuota):
            await selected.copy([1, 2, 3], "INBOX")
        self.assertFalse(await self.process.arrivals.is_known(self.bob_row.scope_id, b"x"))
        self.assertEqual(self.database.statements["prepare"], 0)

    async def test_many_at_the_same_time(self) -> None:
        """Copies of the same messages side by side: each has all of them, each content once."""
        await self.share("lr")
        sessions = [await self.select(self.bob, WORK) for _ in range(5)]
        await gather(*(session.copy([1, 2, 3], "INBOX") for session in sessions))
        self.assertEqual((await self.bob.status("INBOX")).messages, 15)
        listing = await self.bob.listing()
        rights = {row.name: row.rights for row in listing.mailboxes}
        self.assertEqual(rights[WORK], Rights.LOOKUP | Rights.READ)
