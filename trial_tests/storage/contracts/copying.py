"""The contract of COPY and MOVE."""

from datetime import datetime, timedelta, timezone

from sora.errors import ExpungeIssued, NoSuchMailbox, OverQuota
from sora.storage.rows import Want
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, letter, sets

BY_THE_SEA = datetime(2023, 7, 8, 9, 10, 11, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
ALL_WANTS = frozenset(Want)


class CopyingContract(Contract):
    """Messages that go to other mailboxes with everything they have."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "There")
        self.inbox = await self.find(self.ann)
        self.there = await self.find(self.ann, "There")
        self.placed = [
            await self.put(
                self.ann,
                self.inbox,
                letter(f"number {number}", "x" * number),
                *names,
                trace=b"Received: by x; %d\r\n" % number,
                internal_date=BY_THE_SEA + timedelta(days=number),
            )
            for number, names in enumerate(
                (["\\Seen", "$Work"], ["\\Deleted"], [], ["\\Flagged", "later"])
            )
        ]

    async def copy(self, *uids: int, destination: str = "There") -> object:
        return await self.storage.messages.copy(
            self.inbox.id, sets(*uids), self.ann.id, destination, self.operation()
        )

    async def move(self, *uids: int, destination: str = "There") -> object:
        return await self.storage.messages.move(
            self.inbox.id, sets(*uids), self.ann.id, destination, self.operation()
        )

    async def read(self, mailbox_id: int) -> list[dict[str, object]]:
        answer = await self.storage.messages.read(mailbox_id, EVERYTHING, ALL_WANTS)
        return [
            {
                name: getattr(one, name)
                for name in [
                    "size",
                    "internal_date",
                    "email_id",
                    "thread_id",
                    "envelope",
                    "structure",
                    "header",
                    "trace",
                    "parts",
                ]
            }
            | {"content": one.body.content_id}
            for one in answer.messages
        ]

    async def test_a_copy_keeps_everything(self) -> None:
        """G39"""
        before = await self.read(self.inbox.id)
        copied = await self.copy(1, 2, 4)
        self.assertEqual(copied.mailbox_id, self.there.id)
        self.assertEqual(copied.uidvalidity, self.there.uidvalidity)
        self.assertEqual((copied.sources, copied.uids), ((1, 2, 4), (1, 2, 3)))
        self.assertEqual(copied.before, self.there.highest_modseq)
        self.assertGreater(copied.modseq, copied.before)
        self.assertEqual(await self.read(self.there.id), [before[0], before[1], before[3]])
        self.assertEqual(await self.read(self.inbox.id), before)
        flags = await self.contents(self.ann, "There")
        self.assertEqual(
            flags, {1: ["$Work", "\\Seen"], 2: ["\\Deleted"], 3: ["\\Flagged", "later"]}
        )
        named = [sorted(self.flag_names(mask, copied.keywords)) for mask in copied.masks]
        self.assertEqual(named, list(flags.values()))
        opened = await self.check(self.ann, "There")
        self.assertEqual(opened.mailbox.highest_modseq, copied.modseq)
        await self.check(self.ann)

    async def test_a_copy_of_something_gone_copies_nothing(self) -> None:
        """RFC 3501 §6.4.7: all or none."""
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        for uids in ((1, 2), (2,), (1, 99)):
            await self.refused(ExpungeIssued, self.copy(*uids))
        self.assertEqual((await self.check(self.ann, "There")).mailbox, self.there)

    async def test_a_copy_to_nowhere_is_refused(self) -> None:
        for name in ("Nowhere", "there"):
            await self.refused(NoSuchMailbox, self.copy(1, destination=name))
            await self.refused(NoSuchMailbox, self.move(1, destination=name))
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 4)

    async def test_a_copy_of_nothing_changes_nothing(self) -> None:
        copied = await self.copy()
        self.assertEqual((copied.sources, copied.uids, copied.masks), ((), (), ()))
        self.assertEqual((copied.before, copied.modseq), (self.there.highest_modseq,) * 2)
        self.assertEqual((await self.check(self.ann, "There")).mailbox, self.there)

    async def test_a_copy_into_the_same_mailbox(self) -> None:
        copied = await self.copy(3, 1, destination="inbox")
        self.assertEqual((copied.sources, copied.uids), ((1, 3), (5, 6)))
        self.assertEqual((await self.check(self.ann)).mailbox.messages, 6)
        self.assertEqual((await self.contents(self.ann))[5], ["$Work", "\\Seen"])

    async def test_a_copy_over_quota_copies_nothing(self) -> None:
        size = (await self.find(self.ann)).size
        await self.storage.set_quota(self.ann.id, size + 10, None)
        await self.refused(OverQuota, self.copy(1, 2))
        self.assertEqual((await self.check(self.ann, "There")).mailbox, self.there)

    async def test_a_move_within_the_account_needs_no_room(self) -> None:
        size = (await self.find(self.ann)).size
        await self.storage.set_quota(self.ann.id, size, 4)
        moved = await self.move(1, 2)
        self.assertEqual(moved.copied.sources, (1, 2))

    async def test_a_copy_to_another_account_uses_its_dictionary_of_keywords(self) -> None:
        """G39: keywords go by their names."""
        bob = await self.account("bob@example.com")
        theirs = await self.find(bob)
        await self.put(bob, theirs, letter("theirs"), "first", "LATER")
        copied = await self.storage.messages.copy(
            self.inbox.id, sets(1, 4), bob.id, "INBOX", self.operation()
        )
        self.assertEqual(copied.uids, (2, 3))
        self.assertEqual(
            await self.contents(bob),
            {1: ["LATER", "first"], 2: ["$Work", "\\Seen"], 3: ["LATER", "\\Flagged"]},
        )
        await self.check(bob)

    async def test_a_move_keeps_everything_and_takes_it_away_here(self) -> None:
        """RFC 6851, G39"""
        before = await self.read(self.inbox.id)
        here = (await self.find(self.ann)).highest_modseq
        moved = await self.move(2, 3)
        self.assertEqual((moved.copied.sources, moved.copied.uids), ((2, 3), (1, 2)))
        self.assertEqual(moved.copied.before, self.there.highest_modseq)
        self.assertEqual(moved.expunged.mailbox_id, self.inbox.id)
        self.assertEqual(list(moved.expunged.vanished), [2, 3])
        self.assertEqual(moved.expunged.before, here)
        self.assertGreater(moved.expunged.modseq, here)
        self.assertEqual(await self.read(self.there.id), before[1:3])
        self.assertEqual(await self.read(self.inbox.id), [before[0], before[3]])
        for name, modseq in (
            ("INBOX", moved.expunged.modseq),
            ("There", moved.copied.modseq),
        ):
            opened = await self.check(self.ann, name)
            self.assertEqual(opened.mailbox.highest_modseq, modseq)

    async def test_a_move_ignores_what_is_gone(self) -> None:
        """RFC 6851 §3.3"""
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        moved = await self.move(1, 2, 77)
        self.assertEqual(moved.copied.sources, (1,))
        self.assertEqual(list(moved.expunged.vanished), [1])

    async def test_a_move_of_nothing_changes_nothing(self) -> None:
        here = await self.find(self.ann)
        moved = await self.move(77)
        self.assertEqual((moved.copied.uids, len(moved.expunged.vanished)), ((), 0))
        self.assertEqual((await self.check(self.ann)).mailbox, here)
        self.assertEqual((await self.check(self.ann, "There")).mailbox, self.there)

    async def test_a_move_into_the_same_mailbox_gives_new_uids(self) -> None:
        """The answers chain: first what came, then what went."""
        here = await self.find(self.ann)
        moved = await self.move(1, 4, destination="INBOX")
        self.assertEqual(moved.copied.uids, (5, 6))
        self.assertEqual(list(moved.expunged.vanished), [1, 4])
        self.assertEqual(moved.copied.before, here.highest_modseq)
        self.assertEqual(moved.expunged.before, moved.copied.modseq)
        opened = await self.check(self.ann)
        self.assertEqual(list(opened.states.uids), [2, 3, 5, 6])
        self.assertEqual(opened.mailbox.highest_modseq, moved.expunged.modseq)

    async def test_copies_are_messages_of_their_own(self) -> None:
        await self.copy(1)
        await self.store(self.there, sets(1), "replace", "\\Draft")
        self.assertEqual((await self.contents(self.ann))[1], ["$Work", "\\Seen"])
        await self.store(self.inbox, sets(1), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual(await self.contents(self.ann, "There"), {1: ["\\Draft"]})
