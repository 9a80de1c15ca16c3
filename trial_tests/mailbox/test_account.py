"""What a user can do with mailboxes by name."""

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from sora.errors import (
    AlreadyExists,
    BadArgument,
    HasChildren,
    NoSuchMailbox,
    OverQuota,
    SoraError,
    UseAttributeRefused,
)
from sora.mail.flags import Flags, parse_flags
from sora.storage.rows import Want
from trial_tests.mailbox.world import START, World, message, spool
from trial_tests.storage.contracts.contract import EVERYTHING


class AccountTests(TestCase):
    async def setUp(self) -> None:
        self.world = World()
        self.row = await self.world.add_account("ann@example.com", "Work")
        self.process = self.world.process()
        self.ann = self.process.session(self.row)

    async def refused(self, error: type[SoraError], work: Coroutine[Any, Any, object]) -> None:
        await self.assertFailure(Deferred.fromCoroutine(work), error)

    async def names(self) -> list[str]:
        return [mailbox.name for mailbox in (await self.ann.listing()).mailboxes]

    async def read(self, name: str = "INBOX") -> Any:
        storage = self.world.storage
        row = await storage.mailboxes.find(self.row.id, name)
        answer = await storage.messages.read(row.id, EVERYTHING, frozenset({Want.BODY}))
        return answer.messages

    # -------------------------------------------------------------- names

    async def test_mailboxes_are_made_renamed_and_deleted(self) -> None:
        await self.ann.create("a/b")
        await self.ann.rename("a", "c")
        self.assertEqual(await self.names(), ["INBOX", "Work", "c", "c/b"])
        await self.refused(HasChildren, self.ann.delete("c"))
        await self.ann.delete("c/b")
        await self.ann.delete("c")
        self.assertEqual(await self.names(), ["INBOX", "Work"])

    async def test_inbox_is_not_deleted(self) -> None:
        """RFC 3501 §6.3.4"""
        for name in ("INBOX", "inbox"):
            await self.refused(BadArgument, self.ann.delete(name))

    async def test_a_mailbox_is_not_moved_below_itself(self) -> None:
        await self.refused(BadArgument, self.ann.rename("Work", "Work/Old"))
        await self.refused(AlreadyExists, self.ann.rename("Work", "INBOX"))
        await self.refused(NoSuchMailbox, self.ann.rename("Nothing", "Something"))
        # INBOX stays where it is, so that its messages may well go below it.
        await self.ann.rename("INBOX", "INBOX/old")
        self.assertEqual(await self.names(), ["INBOX", "INBOX/old", "Work"])

    async def test_special_uses(self) -> None:
        """RFC 6154 §3"""
        self.assertEqual((await self.ann.create("Sent", "\\Sent")).special_use, "\\Sent")
        await self.refused(UseAttributeRefused, self.ann.create("Sent 2", "\\Sent"))
        await self.refused(BadArgument, self.ann.create("x", "\\Noselect"))

    async def test_only_what_exists_is_subscribed_to(self) -> None:
        await self.ann.subscribe("Work")
        await self.refused(NoSuchMailbox, self.ann.subscribe("Nothing"))
        await self.ann.delete("Work")
        self.assertIn("Work", (await self.ann.listing()).subscriptions)
        await self.ann.unsubscribe("Work")
        self.assertNotIn("Work", (await self.ann.listing()).subscriptions)

    async def test_status_counts(self) -> None:
        await self.ann.appending.append("Work", parse_flags(["\\Seen"]), None, spool(message(1)))
        await self.ann.appending.append("Work", Flags(), None, spool(message(2)))
        row = await self.ann.status("Work")
        self.assertEqual((row.messages, row.unseen, row.uidnext), (2, 1, 3))
        await self.refused(NoSuchMailbox, self.ann.status("Nothing"))

    # -------------------------------------------------------------- APPEND

    async def test_append_tells_where_the_message_is(self) -> None:
        """RFC 4315 §3"""
        row = await self.ann.status("Work")
        placed = await self.ann.appending.append(
            "Work", parse_flags(["\\Draft"]), None, spool(message())
        )
        self.assertEqual((placed.uid, placed.uidvalidity), (1, row.uidvalidity))

    async def test_append_keeps_the_date_it_was_given_or_takes_the_present(self) -> None:
        given = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-8)))
        await self.ann.appending.append("INBOX", Flags(), given, spool(message(1)))
        await self.ann.appending.append("INBOX", Flags(), None, spool(message(2)))
        dates = [one.internal_date for one in await self.read()]
        self.assertEqual(dates, [given, datetime.fromtimestamp(START, UTC)])
        self.assertEqual(dates[0].utcoffset(), given.utcoffset())

    async def test_append_adds_no_trace(self) -> None:
        """G46: what is read back is what was appended."""
        data = message(1)
        await self.ann.appending.append("INBOX", Flags(), None, spool(data))
        (one,) = await self.read()
        self.assertEqual((one.trace, one.size), (b"", len(data)))

    async def test_append_to_nowhere_is_refused(self) -> None:
        await self.refused(
            NoSuchMailbox, self.ann.appending.append("Nothing", Flags(), None, spool(message()))
        )
        await self.ann.appending.append("Work", Flags(), None, spool(message()))
        # Another process deletes it, and this one has not heard of it.
        await self.world.process().session(self.row).delete("Work")
        await self.refused(
            NoSuchMailbox, self.ann.appending.append("Work", Flags(), None, spool(message()))
        )

    async def test_append_over_quota_is_refused(self) -> None:
        self.world.storage.tables.accounts[self.row.id].quota_messages = 1
        await self.ann.appending.append("INBOX", Flags(), None, spool(message(1)))
        await self.refused(
            OverQuota, self.ann.appending.append("INBOX", Flags(), None, spool(message(2)))
        )

    async def test_who_did_it_is_in_the_history(self) -> None:
        await self.ann.appending.append("INBOX", Flags(), None, spool(message(1)))
        tables = self.world.storage.tables
        operation = tables.find(self.row.id, "INBOX").events[-1].operation
        self.assertEqual(
            (operation.actor, operation.session, operation.protocol, operation.address),
            ("ann@example.com", "s1", "imap", "192.0.2.1"),
        )
