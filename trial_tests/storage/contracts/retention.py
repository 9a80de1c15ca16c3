"""The contract of `IRetention`: policies, and what they expunge."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sora.addresses import parse_address
from sora.errors import NoSuchAccount, NoSuchMailbox
from sora.storage.rows import (
    DueMailboxes,
    DueMessages,
    Kept,
    MailboxRow,
    NewMailbox,
    RetentionOwner,
    RetentionRule,
    ServerRetention,
)
from trial_tests.storage.contracts.contract import Contract

NOW = timedelta(0)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EVER = datetime(2100, 1, 1, tzinfo=UTC)
NOTHING = ServerRetention()
ALL_NOW = ServerRetention(NOW)


class RetentionContract(Contract):
    """Everything here has just come, and is too old where a rule says `NOW`."""

    async def setUp(self) -> None:
        await super().setUp()
        self.retention = self.storage.retention
        self.ann = await self.account("ann@example.com", NewMailbox("Trash", "\\Trash"))
        self.bob = await self.account("bob@example.net", NewMailbox("Trash", "\\Trash"))
        self.whose = {}
        for account in (self.ann, self.bob):
            for name in ("INBOX", "Trash"):
                mailbox = await self.find(account, name)
                await self.fill(account, mailbox, [], ["\\Seen"], ["\\Deleted"])
                self.whose[mailbox.id] = f"{account.address[:3]} {name}"

    async def take(
        self, server: ServerRetention, limit: int = 100, rest: timedelta = NOW
    ) -> set[str]:
        """The mailboxes that have something too old."""
        part: DueMailboxes = await self.retention.take(limit, rest, server)
        return {self.whose[mailbox_id] for mailbox_id, _ in part.due}

    async def rule(self, owner: RetentionOwner, age: timedelta | None, use: str = "") -> None:
        await self.retention.set(owner, RetentionRule(use, age))

    async def domain(self, name: str) -> RetentionOwner:
        return RetentionOwner(None, await self.retention.domain_id(name))

    async def test_without_a_rule_nothing_is_looked_at(self) -> None:
        part = await self.retention.take(100, NOW, NOTHING)
        self.assertEqual((part.looked, list(part.due)), (0, []))

    async def test_a_rule_of_the_server(self) -> None:
        self.assertEqual(await self.take(ServerRetention(DAY)), set())
        self.assertEqual(await self.take(ALL_NOW), set(self.whose.values()))

    async def test_a_rule_for_a_special_use(self) -> None:
        server = ServerRetention(None, {"\\Trash": NOW})
        self.assertEqual(await self.take(server), {"ann Trash", "bob Trash"})
        server = ServerRetention(NOW, {"\\Trash": DAY})
        self.assertEqual(await self.take(server), {"ann INBOX", "bob INBOX"})

    async def test_the_narrowest_rule_wins(self) -> None:
        server = ServerRetention(NOW, {"\\Trash": NOW})
        example = await self.domain("example.com")
        await self.rule(example, DAY)
        self.assertEqual(await self.take(server), {"bob INBOX", "bob Trash"})
        await self.rule(example, NOW, "\\Trash")
        self.assertEqual(await self.take(server), {"ann Trash", "bob INBOX", "bob Trash"})
        await self.rule(RetentionOwner(self.ann.id), None)
        self.assertEqual(await self.take(server), {"bob INBOX", "bob Trash"})
        await self.rule(RetentionOwner(self.ann.id), NOW, "\\Trash")
        self.assertEqual(await self.take(NOTHING), {"ann Trash"})

    async def test_rules_are_set_and_cleared(self) -> None:
        owner, rules = RetentionOwner(self.ann.id), self.retention.rules
        await self.rule(owner, HOUR, "\\Trash")
        await self.rule(owner, HOUR)
        await self.rule(owner, DAY)
        await self.rule(await self.domain("example.com"), None)
        self.assertEqual(
            list(await rules(owner)), [RetentionRule("", DAY), RetentionRule("\\Trash", HOUR)]
        )
        self.assertEqual(
            list(await rules(await self.domain("example.com"))), [RetentionRule("", None)]
        )
        self.assertTrue(await self.retention.clear(owner, ""))
        self.assertFalse(await self.retention.clear(owner, ""))
        self.assertEqual(list(await rules(owner)), [RetentionRule("\\Trash", HOUR)])
        await self.refused(NoSuchAccount, self.retention.domain_id("nowhere.example"))

    async def test_a_pass_is_taken_in_parts_and_then_rests(self) -> None:
        parts = [await self.retention.take(3, HOUR, ALL_NOW) for _ in range(3)]
        self.assertEqual([part.looked for part in parts], [3, 1, 0])
        due = {self.whose[mailbox_id] for part in parts for mailbox_id, _ in part.due}
        self.assertEqual(due, set(self.whose.values()))
        self.assertEqual((await self.retention.take(3, NOW, ALL_NOW)).looked, 3)

    async def test_mailboxes_that_are_deleted_are_left_alone(self) -> None:
        await self.storage.mailboxes.delete(self.ann.id, "Trash", self.operation())
        await self.storage.accounts.delete(parse_address("bob@example.net"))
        self.assertEqual(await self.take(ALL_NOW), {"ann INBOX"})

    # ------------------------------------------------------------ expunging

    async def expire(self, mailbox: MailboxRow, before: datetime, limit: int) -> str:
        expunged = await self.retention.expire(mailbox.id, before, limit, self.operation())
        return str(expunged.vanished)

    async def test_expunges_in_small_batches_that_everybody_hears_of(self) -> None:
        """G16, and as by a client: an event each."""
        mailbox = await self.find(self.ann)
        since = mailbox.highest_modseq
        self.assertEqual(await self.expire(mailbox, EVER, 2), "1:2")
        self.assertEqual(await self.expire(mailbox, EVER, 2), "3")
        self.assertEqual(await self.expire(mailbox, EVER, 2), "")
        changes = await self.storage.mailboxes.changes(mailbox.id, since, 0)
        self.assertEqual(str(changes.vanished), "1:3")
        row = changes.mailbox
        self.assertEqual((row.messages, row.unseen, row.deleted, row.size), (0, 0, 0, 0))
        # Kept for the grace, as whatever is expunged.
        self.assertEqual(await self.storage.cleaning.purge_expunged(DAY, 9), 0)
        self.assertEqual(await self.storage.cleaning.purge_expunged(NOW, 9), 3)

    async def test_what_is_young_stays(self) -> None:
        mailbox = await self.find(self.ann)
        before = mailbox.highest_modseq
        self.assertEqual(await self.expire(mailbox, datetime(2020, 1, 1, tzinfo=UTC), 9), "")
        self.assertEqual((await self.find(self.ann)).highest_modseq, before)

    async def test_a_mailbox_that_is_gone(self) -> None:
        mailbox = await self.find(self.ann, "Trash")
        await self.storage.mailboxes.delete(self.ann.id, "Trash", self.operation())
        await self.refused(
            NoSuchMailbox, self.retention.expire(mailbox.id, EVER, 9, self.operation())
        )

    # ------------------------------------------------------------ looking

    async def due(self, limit: int = 100, **owner: int) -> list[tuple[str, str, int]]:
        found: list[DueMessages] = []
        last, after = -1, 0
        while last:
            page: Sequence[DueMessages]
            last, page = await self.retention.due(after, limit, ALL_NOW, RetentionOwner(**owner))
            found += page
            after = last
        return [(each.address[:3], each.mailbox, each.messages) for each in found]

    async def test_what_would_go(self) -> None:
        everything = [
            ("ann", "INBOX", 3),
            ("ann", "Trash", 3),
            ("bob", "INBOX", 3),
            ("bob", "Trash", 3),
        ]
        self.assertEqual(await self.due(), everything)
        self.assertEqual(sorted(await self.due(limit=1)), everything)
        self.assertEqual(await self.due(account_id=self.bob.id), everything[2:])
        domain = await self.retention.domain_id("example.com")
        self.assertEqual(await self.due(domain_id=domain), everything[:2])
        _, [first, *_] = await self.retention.due(0, 9, ALL_NOW, RetentionOwner())
        mailbox = await self.find(self.ann)
        self.assertEqual((first.octets, first.max_age), (mailbox.size, NOW))
        _, nothing = await self.retention.due(0, 9, ServerRetention(DAY), RetentionOwner())
        self.assertEqual(list(nothing), [])

    async def test_for_how_long_something_is_kept(self) -> None:
        """RFC 2449 §6.7"""
        kept, server = self.retention.kept, ServerRetention(DAY)
        self.assertEqual(await kept(NOTHING, None), Kept(None, False))
        self.assertEqual(await kept(server, None), Kept(DAY, False))
        await self.rule(RetentionOwner(self.ann.id), HOUR)
        self.assertEqual(await kept(server, None), Kept(HOUR, True))
        self.assertEqual(await kept(server, self.ann.id), Kept(HOUR, False))
        self.assertEqual(await kept(server, self.bob.id), Kept(DAY, False))
