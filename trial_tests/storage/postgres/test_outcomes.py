"""A write whose answer was lost is read back (G14): the statement ran, the connection ended."""

from datetime import timedelta
from uuid import UUID, uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.errors import InUse, NoSuchMailbox, OutcomeUnknown, OverQuota
from sora.mail.flags import DELETED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.storage.postgres.database import Tx
from sora.storage.postgres.maildrops import Maildrops
from sora.storage.postgres.outcomes import Outcomes
from sora.storage.rows import Fate, FlagChange, ObjectPlace, Replaced, Want
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)
from trial_tests.support.postgres import LoseAnswer

MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


class LostMaildropTests(StageTestCase):
    """POP3: what took place at QUIT is told as if the answer had come."""

    async def opened(self, *names: str) -> tuple[Stage, Maildrops, UUID]:
        stage = await self.stage(faults=LoseAnswer(*names))
        await stage.put_many(4)
        session = uuid4()
        drops = Maildrops(stage.database, reactor)  # type: ignore[arg-type]
        found = await drops.open(stage.account.id, session, MINUTE, NOTHING)
        self.assertEqual(list(found.uids), [1, 2, 3, 4])
        return stage, drops, session

    async def test_who_opened_it_has_it(self) -> None:
        stage, drops, session = await self.opened("open_maildrop")
        with self.assertRaises(InUse):
            await drops.open(stage.account.id, uuid4(), MINUTE, NOTHING)
        await drops.release(stage.account.id, session)

    async def test_what_was_removed_and_seen_is_proven(self) -> None:
        stage, drops, session = await self.opened("quit_maildrop", "release_maildrop")
        seen, gone = NumberSet.of([1]), NumberSet.of([2, 3])
        closed = await drops.quit(
            stage.account.id, session, stage.inbox, seen, gone, new_operation()
        )
        assert closed.stored is not None and closed.expunged is not None
        self.assertEqual(list(closed.stored.changed.uids), [1])
        self.assertEqual(closed.expunged.vanished, gone)
        self.assertEqual(closed.expunged.before, closed.stored.modseq)
        await drops.release(stage.account.id, session)

    async def test_an_end_that_changes_nothing_is_no_question(self) -> None:
        stage, drops, session = await self.opened("quit_maildrop")
        none = NumberSet()
        await drops.quit(stage.account.id, session, stage.inbox, none, none, new_operation())

    async def test_what_left_no_trace_is_unknown(self) -> None:
        stage, drops, session = await self.opened("quit_maildrop")
        gone = NumberSet.of([9])
        with self.assertRaises(OutcomeUnknown):
            await drops.quit(
                stage.account.id, session, stage.inbox, NumberSet(), gone, new_operation()
            )


class LostAnswerTests(StageTestCase):
    """Each write gives the answer that it would have given."""

    async def losing(self, *names: str) -> tuple[Stage, LoseAnswer]:
        faults = LoseAnswer(*names)
        return await self.stage(faults=faults), faults

    async def test_a_delivery_is_proven(self) -> None:
        stage, faults = await self.losing("place")
        arrival = arrival_of(bytes_of(1))
        targets = [
            stage.target(stage.trash, Flags(SEEN, ("$Junk",)), trace=b"X: y\r\n"),
            stage.target(recipient="a@example.org", received_hash=arrival.hash),
            stage.target(424242),
        ]
        placement = await stage.messages.place(
            stage.account.scope_id, arrival, targets, new_operation()
        )
        self.assertEqual(faults.struck, ["place"])
        first, second, third = placement.placed
        self.assertEqual(
            (first.fate, first.mailbox_id, first.uid, first.mask, first.keywords),
            (Fate.PLACED, stage.trash, 1, SEEN | 32, ((0, "$Junk"),)),
        )
        trash = await stage.mailboxes.find(stage.account.id, "Trash")
        self.assertEqual(
            (first.modseq, first.uidvalidity), (trash.highest_modseq, trash.uidvalidity)
        )
        self.assertLess(first.before, first.modseq)
        self.assertEqual((second.fate, second.uid), (Fate.PLACED, 1))
        self.assertEqual(third.fate, Fate.NO_MAILBOX)
        self.assertEqual(await stage.rows("select id from contents"), [(placement.content_id,)])

    async def test_a_bound_object_is_told_of(self) -> None:
        """G1: the file that the caller wrote is in use."""
        stage, _ = await self.losing("place")
        content = bytes_of(1)
        name = (await stage.uploads.reserve("disk", 1))[0]
        placement = await stage.messages.place(
            stage.account.scope_id,
            arrival_of(content, object=ObjectPlace(name, "disk", None, len(content))),
            [stage.target()],
            new_operation(),
        )
        self.assertTrue(placement.used_object)

    async def test_several_messages_in_the_place_of_one_are_proven(self) -> None:
        """Crash between: the transaction was committed, and nobody heard of it."""
        stage, faults = await self.losing("append")
        await stage.put_many(2)
        before = await stage.mailboxes.find(stage.account.id, "INBOX")
        content = bytes_of(7)
        name = (await stage.uploads.reserve("disk", 1))[0]
        arrivals = [
            arrival_of(content, object=ObjectPlace(name, "disk", None, len(content))),
            arrival_of(bytes_of(8)),
        ]
        targets = [stage.target(stage.trash, Flags(SEEN, ("$A",))), stage.target(stage.trash)]
        appended = await stage.messages.append(
            stage.account.scope_id, arrivals, targets, new_operation(), Replaced(stage.inbox, 1)
        )
        self.assertEqual(faults.struck, ["append"])
        self.assertEqual([one.uid for one in appended.placed], [1, 2])
        self.assertEqual([one.used_object for one in appended.placements], [True, False])
        self.assertEqual(appended.placed[0].keywords, ((0, "$A"),))
        trash = await stage.mailboxes.find(stage.account.id, "Trash")
        self.assertEqual(
            [one.modseq for one in appended.placed],
            [appended.placed[1].before, trash.highest_modseq],
        )
        gone = appended.expunged
        assert gone is not None
        self.assertEqual((gone.mailbox_id, gone.vanished), (stage.inbox, NumberSet.of([1])))
        self.assertEqual(gone.before, before.highest_modseq)
        self.assertEqual(await stage.miscounted(), [])

    async def test_an_append_that_never_happened_is_not_claimed(self) -> None:
        """It is refused by the second message: nothing of the first is there."""
        stage = await self.stage()
        await stage.rows("update accounts set quota_messages = 1 returning id")
        with self.assertRaises(OverQuota):
            await stage.messages.append(
                stage.account.scope_id,
                [arrival_of(bytes_of(1)), arrival_of(bytes_of(2))],
                [stage.target(), stage.target()],
                new_operation(),
            )
        for table in ("messages", "contents", "staging", "objects", "expunged"):
            self.assertEqual(await stage.rows(f"select 1 from {table}"), [], table)

    async def test_a_store_is_proven(self) -> None:
        stage, faults = await self.losing("store")
        await stage.put_many(3)
        stored = await stage.messages.store(
            stage.inbox,
            NumberSet(((1, 2),)),
            FlagChange("add", Flags(SEEN, ("$A",))),
            new_operation(),
        )
        self.assertEqual(faults.struck, ["store"])
        self.assertEqual(list(stored.changed.uids), [1, 2])
        self.assertEqual(stored.changed.masks, [SEEN | 32] * 2)
        self.assertEqual(list(stored.changed.modseqs), [stored.modseq] * 2)
        self.assertEqual(stored.keywords, ((0, "$A"),))

    async def test_an_expunge_is_proven(self) -> None:
        stage, faults = await self.losing("expunge")
        await stage.put_many(3)
        await stage.messages.store(
            stage.inbox, NumberSet.of([2]), FlagChange("add", Flags(DELETED)), new_operation()
        )
        expunged = await stage.messages.expunge(stage.inbox, None, new_operation())
        self.assertEqual(faults.struck, ["expunge"])
        self.assertEqual(expunged.vanished, NumberSet.of([2]))
        self.assertLess(expunged.before, expunged.modseq)

    async def test_a_copy_and_a_move_are_proven(self) -> None:
        for name in ("copy", "move"):
            stage, faults = await self.losing(name)
            await stage.put_many(3)
            do = stage.messages.copy if name == "copy" else stage.messages.move
            answer = await do(
                stage.inbox, NumberSet.of([1, 3]), stage.account.id, "Trash", new_operation()
            )
            copied = answer if name == "copy" else answer.copied
            self.assertEqual(faults.struck, [name])
            self.assertEqual((copied.sources, copied.uids), ((1, 3), (1, 2)))
            self.assertEqual(copied.masks, (0, 0))
            if name == "move":
                self.assertEqual(answer.expunged.vanished, NumberSet.of([1, 3]))

    async def test_reading_with_seen_is_proven(self) -> None:
        stage, faults = await self.losing("read")
        await stage.put_many(2)
        read = await stage.messages.read(
            stage.inbox, NumberSet.of([1]), frozenset({Want.HEADER}), new_operation()
        )
        self.assertEqual(faults.struck, ["read"])
        self.assertEqual([message.header for message in read.messages], [bytes_of(0)])
        assert read.stored is not None
        self.assertEqual(list(read.stored.changed.uids), [1])

    async def test_changes_of_names_are_proven(self) -> None:
        stage, faults = await self.losing("create", "rename", "delete")
        account, faults.times = stage.account.id, 3
        made = await stage.mailboxes.create(account, "a/b", None, new_operation())
        self.assertEqual(made.name, "a/b")
        await stage.mailboxes.rename(account, "a", "c", new_operation())
        self.assertEqual(await stage.mailboxes.delete(account, "c/b", new_operation()), made.id)
        self.assertEqual(faults.struck, ["create", "rename", "delete"])
        with self.assertRaises(NoSuchMailbox):
            await stage.mailboxes.find(account, "c/b")


class UnknownTests(StageTestCase):
    """Without proof it stays unknown, and nothing is repeated."""

    async def test_what_changed_nothing_left_no_proof(self) -> None:
        stage = await self.stage(faults=LoseAnswer("store"))
        with self.assertRaises(OutcomeUnknown):
            await stage.messages.store(
                stage.inbox, NumberSet.of([1]), FlagChange("add", Flags(SEEN)), new_operation()
            )
        self.assertEqual(stage.database.statements["store"], 1)

    async def test_a_transaction_that_still_runs_is_waited_for(self) -> None:
        """The client has lost its connection; the server works on, holding the mailbox."""
        stage = await self.stage()
        operation = new_operation()
        looking: list[Deferred[object]] = []

        async def slow(tx: Tx) -> None:
            await tx.one(
                "select store_v1(%s, '{[1,2)}', 'add', 1::smallint, '{}', '{}', null, 0,"
                " row(%s::uuid, '', '', '', '')::operation_v1)",
                (stage.inbox, str(operation.id)),
            )
            looking.append(
                Deferred.fromCoroutine(
                    Outcomes(stage.database, reactor).events(
                        operation.id, [stage.inbox], unknown=OutcomeUnknown()
                    )
                )
            )
            await stage.until_blocked()

        await stage.put_many(1)
        await stage.database.transaction("slow", slow)
        (event,) = await looking[0]  # type: ignore[misc]
        self.assertEqual(event.uids, NumberSet.of([1]))
