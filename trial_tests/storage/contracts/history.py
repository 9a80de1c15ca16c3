"""The contract of `IHistory`: what happened to messages and mailboxes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sora.errors import NoSuchMailbox
from sora.mail.flags import DELETED, SEEN
from sora.mail.numbers import NumberSet
from sora.storage.rows import Counters, EventKind, Happened, History, MailboxRow, NewMailbox
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter, sets


class HistoryContract(Contract):
    async def setUp(self) -> None:
        await super().setUp()
        self.history = self.storage.history
        self.ann = await self.account("ann@example.com", NewMailbox("Work"))
        self.inbox = await self.find(self.ann)
        self.work = await self.find(self.ann, "Work")

    async def latest(self, limit: int = 100, **how: object) -> list[Happened]:
        """All events of the account, page by page, the first one first."""
        found: list[Happened] = []
        below = None
        while True:
            page: History = await self.history.latest(
                self.ann.id, how.get("boxes"), below, how.get("since"), limit
            )
            if not page.events:
                return found[::-1]
            found += page.events
            below = (found[-1].modseq, found[-1].mailbox_id)

    async def about(self, *places: tuple[MailboxRow, int]) -> list[tuple[str, EventKind, str]]:
        wanted = [(row.id, uid) for row, uid in places]
        found: History = await self.history.about(self.ann.id, wanted, 100)
        return [(event.mailbox, event.kind, str(event.uids)) for event in found.events]

    async def expunge(self, mailbox: MailboxRow, *uids: int) -> None:
        await self.store(mailbox, sets(*uids), "add", "\\Deleted")
        await self.storage.messages.expunge(mailbox.id, sets(*uids), self.operation())

    async def test_every_change_is_told_with_who_did_it(self) -> None:
        await self.put(self.ann, self.inbox, letter("one"), "$Work")
        await self.store(self.inbox, sets(1), "add", "\\Seen", "$New")
        found = await self.latest()
        self.assertEqual(
            [(event.mailbox, event.kind) for event in found][2:],
            [("INBOX", EventKind.ARRIVED), ("INBOX", EventKind.FLAGS)],
        )
        self.assertEqual({event.kind for event in found[:2]}, {EventKind.CREATED})
        self.assertEqual({event.detail.name for event in found[:2]}, {"INBOX", "Work"})
        arrived, flags = found[2:]
        for event in (arrived, flags):
            self.assertEqual((event.actor, event.session), ("ann@example.com", "session"))
            self.assertEqual((event.protocol, event.address), ("imap", "192.0.2.1"))
            self.assertEqual((event.mailbox_id, str(event.uids)), (self.inbox.id, "1"))
        self.assertLess(arrived.modseq, flags.modseq)
        self.assertLessEqual(arrived.at, flags.at)
        self.assertEqual(flags.detail.mode, "add")
        self.assertEqual(flags.detail.flags, SEEN | 1 << 6)
        self.assertEqual(flags.detail.was, ((1 << 5, sets(1)),))
        page = await self.history.latest(self.ann.id, None, None, None, 10)
        self.assertEqual(page.keywords, ((0, "$Work"), (1, "$New")))

    async def test_what_came_from_where_and_went_where(self) -> None:
        await self.fill(self.ann, self.inbox, [], [], [])
        messages = self.storage.messages
        await messages.copy(self.inbox.id, sets(1, 3), self.ann.id, "Work", self.operation())
        await messages.move(self.inbox.id, sets(2), self.ann.id, "Work", self.operation())
        await self.storage.mailboxes.rename(self.ann.id, "Work", "Old", self.operation())
        found = {event.kind: event for event in await self.latest()}
        copied, moved = found[EventKind.COPIED_IN], found[EventKind.MOVED_IN]
        left, renamed = found[EventKind.MOVED_OUT], found[EventKind.RENAMED]
        self.assertEqual(copied.detail.other, self.inbox.id)
        self.assertEqual((copied.detail.sources, copied.uids), (sets(1, 3), sets(1, 2)))
        self.assertEqual((moved.detail.sources, moved.uids), (sets(2), sets(3)))
        self.assertEqual((left.detail.other, left.detail.first), (self.work.id, 3))
        self.assertEqual((renamed.detail.old_name, renamed.detail.name), ("Work", "Old"))
        self.assertEqual(copied.mailbox, "Old")

    async def test_pages_and_filters(self) -> None:
        await self.fill(self.ann, self.inbox, [], [])
        await self.fill(self.ann, self.work, [])
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        everything = await self.latest()
        self.assertEqual(len(everything), 6)
        for limit in (1, 2, 5):
            self.assertEqual(await self.latest(limit), everything)
        work = await self.latest(boxes=[self.work.id])
        self.assertEqual(
            [event.kind for event in work],
            [EventKind.CREATED, EventKind.ARRIVED, EventKind.DELETED],
        )
        self.assertEqual(await self.latest(since=datetime(2100, 1, 1, tzinfo=UTC)), [])
        long_ago = work[0].at - timedelta(days=1)
        self.assertEqual(await self.latest(2, since=long_ago), everything)
        bob = await self.account("bob@example.com")
        page = await self.history.latest(bob.id, [self.inbox.id], None, None, 10)
        self.assertEqual(page.events, ())

    async def test_what_came_after(self) -> None:
        await self.fill(self.ann, self.inbox, [], [])
        start = (await self.find(self.ann)).highest_modseq
        await self.store(self.inbox, EVERYTHING, "replace", "\\Flagged")
        await self.store(self.inbox, sets(2), "replace")
        first, second = await self.history.after(self.inbox.id, start, 10)
        self.assertEqual((str(first.uids), first.detail.mode), ("1:2", "replace"))
        self.assertEqual((str(second.uids), second.detail.flags), ("2", 0))
        self.assertEqual(list(await self.history.after(self.inbox.id, start, 1)), [first])
        self.assertEqual(list(await self.history.after(self.inbox.id, second.modseq, 9)), [])

    async def test_the_life_of_a_message(self) -> None:
        """What others lived through is not told, and where it went is."""
        placed = await self.put(self.ann, self.inbox, letter("one"))
        await self.put(self.ann, self.inbox, letter("two"))
        (read, _) = (
            await self.storage.messages.read(self.inbox.id, EVERYTHING, frozenset())
        ).messages
        messages = self.storage.messages
        await self.store(self.inbox, sets(2), "add", "\\Seen")
        await self.store(self.inbox, EVERYTHING, "add", "\\Flagged")
        await messages.move(self.inbox.id, sets(1), self.ann.id, "Work", self.operation())
        await self.expunge(self.work, 1)
        await self.storage.restoring.restore(self.work.id, [1], self.inbox.id, self.operation())
        places = await self.history.places(self.ann.id, read.email_id)
        self.assertEqual(list(places), [(self.inbox.id, 1), (self.inbox.id, 3)])
        self.assertEqual(placed.uid, 1)
        kind = EventKind
        here = [
            ("INBOX", kind.ARRIVED, "1"),
            ("INBOX", kind.FLAGS, "1:2"),
            ("Work", kind.MOVED_IN, "1"),
            ("INBOX", kind.MOVED_OUT, "1"),
        ]
        self.assertEqual(sorted(await self.about((self.inbox, 1))), sorted(here))
        restored = ("INBOX", kind.RESTORED, "3")
        self.assertEqual(await self.about((self.inbox, 3)), [restored])
        there = [
            ("Work", kind.MOVED_IN, "1"),
            ("Work", kind.FLAGS, "1"),
            ("Work", kind.EXPUNGED, "1"),
            restored,
        ]
        self.assertEqual(await self.about((self.work, 1)), there)
        self.assertEqual(await self.about((self.work, 7)), [])
        self.assertEqual(list(await self.history.places(self.ann.id, UUID(int=7))), [])

    async def test_messages_are_described_whether_they_are_there_or_gone(self) -> None:
        await self.put(self.ann, self.inbox, letter("Plans"), "\\Flagged", "$Work")
        await self.put(self.ann, self.inbox, letter("Lunch"))
        await self.expunge(self.inbox, 2)
        first, second = await self.history.described(self.inbox.id, [1, 2, 77])
        self.assertEqual((first.uid, first.is_gone, first.subject), (1, False, "plans"))
        self.assertEqual((second.uid, second.is_gone, second.subject), (2, True, "lunch"))
        self.assertEqual((first.mask, second.mask), (4 | 1 << 5, 8))
        self.assertIn("ann", first.sender)
        (read,) = (await self.storage.messages.read(self.inbox.id, sets(1), frozenset())).messages
        self.assertEqual((first.email_id, first.size), (read.email_id, read.size))
        self.assertEqual(first.internal_date, read.internal_date)

    async def test_where_it_begins(self) -> None:
        self.assertIsNone(await self.history.begins())
        await self.storage.forget_history(self.inbox.id)
        self.assertIsNotNone(await self.history.begins())

    async def test_counters_are_counted_anew(self) -> None:
        """G16."""
        await self.fill(self.ann, self.inbox, ["\\Seen"], ["\\Deleted"], [])
        row = await self.find(self.ann)
        for mend in (False, True):
            recount = await self.history.recount(self.inbox.id, mend)
            self.assertEqual(recount.was, recount.counted)
        self.assertEqual(
            recount.counted, Counters(3, 2, 1, row.size, row.uidnext, row.highest_modseq)
        )
        self.assertEqual(row, await self.find(self.ann))
        self.assertEqual(DELETED, 8)
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        await self.refused(NoSuchMailbox, self.history.recount(self.work.id, True))

    async def test_a_set_of_uids_is_what_it_was(self) -> None:
        await self.fill(self.ann, self.inbox, *[[]] * 6)
        await self.expunge(self.inbox, 1, 2, 5)
        found = (await self.latest())[-1]
        self.assertEqual(
            (found.kind, found.uids), (EventKind.EXPUNGED, NumberSet(((1, 2), (5, 5))))
        )
