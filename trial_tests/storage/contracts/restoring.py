"""The contract of `IRestoring`: what was deleted comes back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sora.errors import AlreadyExists, NoSuchAccount, NoSuchMailbox
from sora.storage.rows import (
    DeletedMailbox,
    GoneFilter,
    GoneMessage,
    MailboxRow,
    NewMailbox,
    Restored,
    StoredMessage,
    Want,
)
from trial_tests.storage.contracts.contract import (
    EVERYTHING,
    Contract,
    Letter,
    address,
    flags,
    letter,
    sets,
)

NOW = timedelta(0)
ALL = GoneFilter()
EVER = datetime(2100, 1, 1, tzinfo=UTC)


class RestoringContract(Contract):
    async def setUp(self) -> None:
        await super().setUp()
        self.restoring = self.storage.restoring
        self.ann = await self.account("ann@example.com", NewMailbox("Trash", "\\Trash"), "Work")
        self.inbox = await self.find(self.ann)
        self.trash = await self.find(self.ann, "Trash")
        self.work = await self.find(self.ann, "Work")

    async def gone(self, which: GoneFilter = ALL, limit: int = 100) -> list[GoneMessage]:
        """All that fit, page by page."""
        found: list[GoneMessage] = []
        below = None
        while True:
            page = await self.restoring.gone(self.ann.id, which, below, limit)
            found += page.messages
            if page.last is None:
                return found
            below = page.last

    async def uids(self, which: GoneFilter = ALL, limit: int = 100) -> list[tuple[str, int]]:
        return [(each.mailbox, each.place.uid) for each in await self.gone(which, limit)]

    async def expunge(self, mailbox: MailboxRow, *uids: int) -> None:
        await self.store(mailbox, sets(*uids), "add", "\\Deleted")
        await self.storage.messages.expunge(mailbox.id, sets(*uids), self.operation())

    async def move(self, source: MailboxRow, uid: int, to: str) -> int:
        moved = await self.storage.messages.move(
            source.id, sets(uid), self.ann.id, to, self.operation()
        )
        return int(moved.copied.uids[0])

    async def delete(self, name: str) -> None:
        await self.storage.mailboxes.delete(self.ann.id, name, self.operation())

    async def restore(
        self, source: MailboxRow, uids: list[int], destination: MailboxRow | None = None
    ) -> Restored:
        target = destination or source
        return await self.restoring.restore(source.id, uids, target.id, self.operation())

    async def read(self, mailbox: MailboxRow) -> dict[int, StoredMessage]:
        read = await self.storage.messages.read(mailbox.id, EVERYTHING, frozenset([Want.HEADER]))
        return {message.uid: message for message in read.messages}

    async def deleted(self) -> list[DeletedMailbox]:
        return list(await self.restoring.deleted_mailboxes(self.ann.id))

    # ------------------------------------------------------------ what is gone

    async def test_what_is_gone_is_listed_with_what_it_was(self) -> None:
        message = Letter(
            [("Subject", "=?utf-8?q?Gr=C3=BCn?= tea"), ("From", "Ann <ann@example.com>")], "Hi\r\n"
        )
        placed = await self.put(self.ann, self.inbox, message, "\\Flagged", "$Work")
        await self.put(self.ann, self.inbox, letter("stays"))
        was = (await self.read(self.inbox))[placed.uid]
        await self.expunge(self.inbox, placed.uid)
        (found,) = await self.gone()
        self.assertEqual((found.mailbox, found.place.uid), ("INBOX", placed.uid))
        self.assertEqual((found.place.mailbox_id, found.mailbox_is_deleted), (self.inbox.id, False))
        self.assertEqual((found.kind, found.email_id), ("expunged", was.email_id))
        self.assertEqual((found.size, found.internal_date), (was.size, was.internal_date))
        self.assertEqual(found.flags, flags("\\Flagged", "\\Deleted", "$Work"))
        self.assertEqual(found.grace_from, found.place.at)
        self.assertIn("ann", found.sender.lower())
        self.assertTrue(found.subject.endswith(" tea"), found.subject)

    async def test_what_was_only_moved_is_listed_when_it_is_asked_for(self) -> None:
        uids = await self.fill(self.ann, self.inbox, [], [])
        moved = await self.move(self.inbox, uids[0], "Trash")
        self.assertEqual(await self.uids(), [])
        self.assertEqual(await self.uids(GoneFilter(moved=True)), [("INBOX", uids[0])])
        await self.expunge(self.trash, moved)
        self.assertEqual(await self.uids(), [("Trash", moved)])

    async def test_what_a_policy_expunged_is_listed(self) -> None:
        (uid,) = await self.fill(self.ann, self.inbox, [])
        await self.storage.retention.expire(self.inbox.id, EVER, 10, self.operation())
        (found,) = await self.gone()
        self.assertEqual((found.kind, found.place.uid), ("retention", uid))

    async def test_messages_of_a_deleted_mailbox_are_listed(self) -> None:
        await self.fill(self.ann, self.work, [], [])
        await self.expunge(self.work, 1)
        await self.delete("Work")
        found = {each.place.uid: each for each in await self.gone()}
        self.assertEqual(
            {uid: each.kind for uid, each in found.items()}, {1: "expunged", 2: "mailbox deleted"}
        )
        self.assertEqual({each.mailbox_is_deleted for each in found.values()}, {True})

    async def test_pages_have_everything_once_the_latest_first(self) -> None:
        await self.fill(self.ann, self.inbox, *[[]] * 5)
        await self.fill(self.ann, self.work, *[[]] * 4)
        await self.expunge(self.inbox, 1, 2, 3)
        await self.expunge(self.work, 2)
        await self.delete("Work")
        await self.expunge(self.inbox, 5)
        at_once = await self.gone()
        self.assertEqual(len(at_once), 8)
        places = [(each.place.at, each.place.mailbox_id, each.place.uid) for each in at_once]
        self.assertEqual(places, sorted(places, reverse=True))
        for limit in (1, 2, 3, 7):
            self.assertEqual(await self.gone(limit=limit), at_once, limit)

    async def test_filters(self) -> None:
        bob = [("Subject", "Plans"), ("From", "Bob <bob@example.net>")]
        await self.put(self.ann, self.inbox, letter("Plans for May"))
        await self.put(self.ann, self.inbox, Letter(bob))
        await self.put(self.ann, self.work, letter("Lunch"))
        await self.expunge(self.inbox, 1, 2)
        await self.expunge(self.work, 1)
        work, first, second = await self.gone(limit=2)
        if work.mailbox != "Work":
            work, first, second = second, work, first
        by_uid = sorted([first, second], key=lambda each: each.place.uid)
        moment = work.place.at
        for which, expected in (
            (GoneFilter((self.work.id,)), [("Work", 1)]),
            (GoneFilter((self.inbox.id,), sets(2, 9)), [("INBOX", 2)]),
            (GoneFilter(email_ids=(by_uid[0].email_id,)), [("INBOX", 1)]),
            (GoneFilter(email_ids=(UUID(int=7),)), []),
            (GoneFilter(subject="pLAns"), [("INBOX", 2), ("INBOX", 1)]),
            (GoneFilter(subject="plans", sender="BOB@"), [("INBOX", 2)]),
            (GoneFilter(sender="%"), []),
            (GoneFilter(since=EVER), []),
            (GoneFilter(before=moment - timedelta(days=1)), []),
            (GoneFilter((self.work.id,), since=moment), [("Work", 1)]),
            (GoneFilter((self.work.id,), before=moment), []),
        ):
            for limit in (1, 100):
                self.assertEqual(await self.uids(which, limit), expected, which)

    async def test_others_see_nothing_of_it(self) -> None:
        bob = await self.account("bob@example.com")
        await self.fill(self.ann, self.inbox, [])
        await self.expunge(self.inbox, 1)
        page = await self.restoring.gone(bob.id, ALL, None, 10)
        self.assertEqual((page.messages, page.last), ((), None))

    # ------------------------------------------------------------ messages come back

    async def test_a_message_comes_back_as_it_was_under_a_new_uid(self) -> None:
        """G29: the old UID never returns; G16."""
        placed = await self.put(
            self.ann, self.inbox, letter("one"), "\\Seen", "\\Flagged", "$Work", trace=b"X: y\r\n"
        )
        await self.put(self.ann, self.inbox, letter("two"))
        was = (await self.read(self.inbox))[placed.uid]
        await self.expunge(self.inbox, placed.uid)
        before = await self.find(self.ann)
        restored = (await self.restore(self.inbox, [placed.uid])).copied
        self.assertEqual(restored.sources, (placed.uid,))
        self.assertEqual(restored.uids, (before.uidnext,))
        self.assertEqual(restored.before, before.highest_modseq)
        self.assertGreater(restored.modseq, before.highest_modseq)
        self.assertEqual(dict(restored.keywords), {0: "$Work"})
        now = (await self.read(self.inbox))[before.uidnext]
        for name in ("email_id", "thread_id", "internal_date", "size", "trace", "header"):
            self.assertEqual(getattr(now, name), getattr(was, name), name)
        self.assertGreaterEqual(now.save_date, was.save_date)
        opened = await self.check(self.ann)
        self.assertEqual(
            (await self.contents(self.ann))[before.uidnext], ["$Work", "\\Flagged", "\\Seen"]
        )
        self.assertEqual(opened.states.modseqs[-1], restored.modseq)
        self.assertEqual(opened.states.masks[-1], restored.masks[0])
        self.assertEqual(await self.uids(), [])

    async def test_many_come_back_in_their_order(self) -> None:
        uids = await self.fill(self.ann, self.inbox, *[["\\Seen"], []] * 4)
        headers = {uid: each.header for uid, each in (await self.read(self.inbox)).items()}
        await self.expunge(self.inbox, *uids[1:])
        restored = (await self.restore(self.inbox, uids[:0:-2])).copied
        self.assertEqual(restored.sources, tuple(uids[1::2]))
        now = await self.read(self.inbox)
        for old, new in zip(restored.sources, restored.uids, strict=True):
            self.assertEqual(now[new].header, headers[old])
        await self.check(self.ann)

    async def test_what_is_not_gone_is_left_out(self) -> None:
        await self.fill(self.ann, self.inbox, [], [])
        await self.expunge(self.inbox, 1)
        before = await self.find(self.ann)
        nothing = (await self.restore(self.inbox, [2, 77])).copied
        self.assertEqual((nothing.uids, nothing.modseq), ((), before.highest_modseq))
        self.assertEqual(await self.find(self.ann), before)
        self.assertEqual((await self.restore(self.inbox, [1, 2, 77])).copied.sources, (1,))
        self.assertEqual((await self.restore(self.inbox, [1])).copied.sources, ())
        await self.check(self.ann)

    async def test_into_another_mailbox(self) -> None:
        await self.fill(self.ann, self.trash, ["$Work"], [])
        await self.expunge(self.trash, 1)
        restored = (await self.restore(self.trash, [1], self.inbox)).copied
        self.assertEqual((restored.mailbox_id, restored.uids), (self.inbox.id, (1,)))
        self.assertEqual(await self.contents(self.ann), {1: ["$Work"]})
        await self.check(self.ann)
        await self.check(self.ann, "Trash")

    async def test_out_of_a_deleted_mailbox(self) -> None:
        """Both what was in it and what had been expunged from it."""
        await self.fill(self.ann, self.work, ["\\Deleted"], [], ["\\Seen"], [])
        await self.expunge(self.work, 2)
        await self.delete("Work")
        restored = (await self.restore(self.work, [1, 2, 3], self.inbox)).copied
        self.assertEqual(restored.sources, (1, 2, 3))
        self.assertEqual(await self.contents(self.ann), {1: [], 2: [], 3: ["\\Seen"]})
        await self.check(self.ann)
        (left,) = await self.deleted()
        self.assertEqual(left.messages, 1)
        await self.restoring.restore_mailbox(self.ann.id, self.work.id, "Work", self.operation())
        self.assertEqual(await self.contents(self.ann, "Work"), {4: []})
        await self.check(self.ann, "Work")

    async def test_sessions_learn_of_it_as_of_a_new_message(self) -> None:
        """Also who knows the mailbox from before the expunge (QRESYNC)."""
        await self.fill(self.ann, self.inbox, [], ["\\Seen"])
        start = (await self.find(self.ann)).highest_modseq
        await self.expunge(self.inbox, 2)
        between = (await self.find(self.ann)).highest_modseq
        restored = (await self.restore(self.inbox, [2])).copied
        mailboxes = self.storage.mailboxes
        changes = await mailboxes.changes(self.inbox.id, between, 0)
        self.assertTrue(changes.complete)
        self.assertEqual(list(changes.changed.uids), [3])
        self.assertEqual(list(changes.changed.masks), list(restored.masks))
        self.assertEqual(str(changes.vanished), "")
        changes = await mailboxes.changes(self.inbox.id, start, 0)
        self.assertEqual((list(changes.changed.uids), str(changes.vanished)), ([3], "2"))
        vanished = await mailboxes.vanished(self.inbox.id, start, EVERYTHING)
        self.assertEqual(str(vanished.uids), "2")
        refused = await self.store(
            self.inbox, EVERYTHING, "add", "\\Flagged", unchanged_since=between
        )
        self.assertEqual(str(refused.modified), "3")

    async def test_over_quota_it_comes_back_and_is_told(self) -> None:
        """To restore is an operator's act."""
        await self.fill(self.ann, self.inbox, [], [], [])
        await self.expunge(self.inbox, 1, 2)
        await self.storage.set_quota(self.ann.id, None, 2)
        self.assertFalse((await self.restore(self.inbox, [1])).over_quota)
        self.assertTrue((await self.restore(self.inbox, [2])).over_quota)
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 3)

    async def test_where_nothing_can_be_restored_to(self) -> None:
        await self.fill(self.ann, self.inbox, [])
        await self.expunge(self.inbox, 1)
        bob = await self.account("bob@example.com")
        theirs = await self.find(bob)
        await self.refused(NoSuchMailbox, self.restore(self.inbox, [1], theirs))
        await self.delete("Work")
        await self.refused(NoSuchMailbox, self.restore(self.inbox, [1], self.work))
        self.assertEqual(await self.uids(), [("INBOX", 1)])

    async def test_what_the_cleaner_has_removed_does_not_come_back(self) -> None:
        await self.fill(self.ann, self.inbox, [], [])
        await self.expunge(self.inbox, 1, 2)
        self.assertEqual(await self.storage.cleaning.purge_expunged(NOW, 1), 1)
        self.assertEqual(len((await self.restore(self.inbox, [1, 2])).copied.sources), 1)
        await self.check(self.ann)

    async def test_what_came_back_is_kept_by_the_cleaner(self) -> None:
        """G3: its content too, which stood in the list of those that may be unused."""
        await self.fill(self.ann, self.inbox, [])
        await self.expunge(self.inbox, 1)
        await self.restore(self.inbox, [1])
        self.assertEqual(await self.storage.cleaning.purge_expunged(NOW, 10), 0)
        self.assertEqual(await self.storage.cleaning.condemn(NOW, 10), 0)
        await self.expunge(self.inbox, 2)
        await self.storage.cleaning.purge_expunged(NOW, 10)
        self.assertEqual(await self.storage.cleaning.condemn(NOW, 10), 1)

    # ------------------------------------------------------------ mailboxes come back

    async def test_a_deleted_mailbox_comes_back_with_its_messages(self) -> None:
        """G29: with a larger UIDVALIDITY. RFC 8474 §4.1: so with another MAILBOXID."""
        await self.fill(self.ann, self.work, ["\\Seen", "$Work"], ["\\Deleted"])
        await self.expunge(self.work, 2)
        was = await self.find(self.ann, "Work")
        headers = [each.header for each in (await self.read(self.work)).values()]
        await self.delete("Work")
        (found,) = await self.deleted()
        self.assertEqual((found.id, found.name, found.messages), (self.work.id, "Work", 1))
        self.assertEqual(found.size, was.size)
        row = await self.restoring.restore_mailbox(self.ann.id, found.id, "Work", self.operation())
        self.assertEqual(row, await self.find(self.ann, "Work"))
        self.assertGreater(row.uidvalidity, was.uidvalidity)
        self.assertNotEqual(row.object_id, was.object_id)
        self.assertGreater(row.highest_modseq, was.highest_modseq)
        self.assertEqual((row.uidnext, row.messages), (was.uidnext, 1))
        self.assertEqual(await self.contents(self.ann, "Work"), {1: ["$Work", "\\Seen"]})
        self.assertEqual([each.header for each in (await self.read(self.work)).values()], headers)
        await self.check(self.ann, "Work")
        self.assertEqual(await self.deleted(), [])
        self.assertEqual(await self.uids(), [("Work", 2)])

    async def test_its_name_is_free_or_another_is_taken(self) -> None:
        await self.delete("Work")
        made = await self.storage.mailboxes.create(self.ann.id, "Work", None, self.operation())

        def restore(name: str, mailbox_id: int = self.work.id) -> object:
            return self.restoring.restore_mailbox(self.ann.id, mailbox_id, name, self.operation())

        await self.refused(AlreadyExists, restore("Work"))  # type: ignore[arg-type]
        row: MailboxRow = await restore("Old/Work")  # type: ignore[misc]
        self.assertGreater(row.uidvalidity, made.uidvalidity)
        self.assertEqual((await self.find(self.ann, "Old")).messages, 0)
        await self.refused(NoSuchMailbox, restore("Again"))  # type: ignore[arg-type]
        await self.refused(NoSuchMailbox, restore("Again", 999_999))  # type: ignore[arg-type]

    async def test_a_special_use_comes_back_when_nobody_else_has_it(self) -> None:
        for again in (False, True):
            await self.delete("Trash")
            gone = (await self.deleted())[0].id
            if again:
                await self.storage.mailboxes.create(self.ann.id, "Bin", "\\Trash", self.operation())
            row = await self.restoring.restore_mailbox(self.ann.id, gone, "Trash", self.operation())
            self.assertEqual(row.special_use, None if again else "\\Trash")

    async def test_a_mailbox_that_is_being_removed_does_not_come_back(self) -> None:
        """Nor does a part of it."""
        await self.fill(self.ann, self.work, [], [], [])
        await self.expunge(self.work, 3)
        await self.delete("Work")
        await self.storage.cleaning.purge_expunged(NOW, 1)
        await self.storage.cleaning.purge_expunged(NOW, 1)
        self.assertEqual(await self.deleted(), [])
        self.assertEqual(await self.gone(), [])
        await self.refused(
            NoSuchMailbox,
            self.restoring.restore_mailbox(self.ann.id, self.work.id, "Work", self.operation()),
        )
        await self.refused(NoSuchMailbox, self.restore(self.work, [1, 2], self.inbox))

    async def test_not_into_a_deleted_account(self) -> None:
        await self.fill(self.ann, self.inbox, [])
        await self.expunge(self.inbox, 1)
        await self.delete("Work")
        await self.storage.accounts.delete(address("ann@example.com"))
        await self.refused(NoSuchMailbox, self.restore(self.inbox, [1]))
        await self.refused(
            NoSuchAccount,
            self.restoring.restore_mailbox(self.ann.id, self.work.id, "Work", self.operation()),
        )
