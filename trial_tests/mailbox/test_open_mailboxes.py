"""Open mailboxes: what they cost in round trips, answers in any order, other processes."""

from uuid import UUID

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from sora.errors import NoSuchMailbox, ReadOnly, Unavailable
from sora.mail.criteria import And, FlagsAre, HeaderHas, KeywordIs, ModSeqIs, Not, Or, UidIn
from sora.mail.flags import DELETED, FLAGGED, SEEN, Flags, parse_flags
from sora.mail.numbers import NumberSet
from sora.mailbox.account import Account
from sora.mailbox.selected import Selected
from sora.storage.rows import FlagChange, Operation, SortBy, SortKey, Want
from trial_tests.mailbox.models import Client
from trial_tests.mailbox.world import Process, World, message, spool

BY_DATE = [SortKey(SortBy.ARRIVAL)]


def add(*names: str) -> FlagChange:
    return FlagChange("add", parse_flags(names))


class MailboxTestCase(TestCase):
    """A process with one account, whose INBOX has messages."""

    messages = 3
    alone = True

    async def setUp(self) -> None:
        self.world = World()
        self.row = await self.world.add_account("ann@example.com", "Other")
        self.process = self.world.process(self.alone)
        self.ann = self.process.session(self.row)
        await self.fill(self.ann, self.messages)
        self.world.statements.clear()

    async def fill(self, account: Account, count: int, *names: str, to: str = "INBOX") -> None:
        for number in range(count):
            data = message(number, f"{to} {self.world.storage.tables._last_id}")
            await account.appending.append(to, parse_flags(names), None, spool(data))

    def cost(self) -> dict[str, int]:
        """The statements since the last time."""
        cost = dict(self.world.statements)
        self.world.statements.clear()
        return cost

    async def select(self, read_only: bool = False, process: Process | None = None) -> Selected:
        account = (process or self.process).session(self.row)
        selected = await account.select("INBOX", read_only)
        self.addCleanup(selected.close)
        return selected


class RoundTripTests(MailboxTestCase):
    """The budget of docs/architecture.md, in a process that is alone."""

    async def test_select_is_one_and_none_when_it_is_warm(self) -> None:
        selected = await self.select()
        self.assertEqual(self.cost(), {"mailboxes.open": 1})
        self.assertEqual((selected.view.exists, selected.uidnext), (3, 4))
        await self.select(read_only=True)
        self.assertEqual(self.cost(), {})
        await selected.close()
        await self.select()
        self.assertEqual(self.cost(), {})

    async def test_flags_of_all_and_noop_are_none(self) -> None:
        selected = await self.select()
        self.cost()
        list(selected.view.flags_of(selected.view.uids))
        await selected.refresh()
        selected.updates(True)
        self.assertEqual(self.cost(), {})

    async def test_each_write_is_one(self) -> None:
        selected = await self.select()
        self.cost()
        await selected.store([1, 3], add("\\Deleted", "$x"), silent=False)
        self.assertEqual(self.cost(), {"messages.store": 1})
        await selected.expunge()
        self.assertEqual(self.cost(), {"messages.expunge": 1})
        await selected.copy([2], "Other")
        self.assertEqual(self.cost(), {"messages.copy": 1})
        await selected.move([2], "Other")
        self.assertEqual(self.cost(), {"messages.move": 1})
        await self.ann.appending.append("INBOX", Flags(), None, spool(message(77)))
        self.assertEqual(self.cost(), {"messages.place": 1})

    async def test_reading_is_one_and_marks_what_is_not_seen(self) -> None:
        selected = await self.select()
        self.cost()
        await selected.store([1], add("\\Seen"), silent=True)
        self.cost()
        read = [
            batch async for batch in selected.reading.read([1, 2], frozenset({Want.BODY}), see=True)
        ]
        self.assertEqual([[one.uid for one in batch] for batch in read], [[1, 2]])
        self.assertEqual(self.cost(), {"messages.read": 1})
        self.assertEqual((selected.view.mask(1), selected.view.mask(2)), (SEEN, SEEN))
        # Unless the answer has told it.
        self.assertEqual([update.uid for update in selected.updates(True).flags], [2])
        body = await selected.reading.body(read[0][0], 0, 8)
        self.assertEqual(body, b"Subject:")

    async def test_a_delivery_to_an_open_mailbox_is_learned_of_for_nothing(self) -> None:
        watched = await self.select()
        rings: list[str] = []
        watched.watch(lambda: rings.append("ring"))
        self.cost()
        await self.ann.appending.append("INBOX", Flags(FLAGGED, ("$new",)), None, spool(message(9)))
        self.assertEqual(self.cost(), {"messages.place": 1})
        self.assertEqual(rings, ["ring"])
        updates = watched.updates(True)
        self.assertEqual((updates.exists, updates.recent, updates.keywords), (4, 4, True))
        self.assertEqual(watched.keywords.text(watched.view.mask(4) or 0), "\\Flagged $new")

    async def test_a_search_of_what_is_known_is_none(self) -> None:
        selected = await self.select()
        await selected.store([1, 2], add("\\Seen"), silent=True)
        stored = await selected.store([2], add("$Work"), silent=True)
        self.cost()
        for criterion, expected in (
            (FlagsAre(SEEN), [1, 2]),
            (Not(FlagsAre(SEEN)), [3]),
            (And((FlagsAre(SEEN), Not(KeywordIs("$work")))), [1]),
            (Or((KeywordIs("$work"), UidIn(NumberSet(((3, 99),))))), [2, 3]),
            (And((ModSeqIs(stored.modseq), FlagsAre(SEEN | DELETED, False))), []),
            (ModSeqIs(stored.modseq), [2]),
            (And(()), [1, 2, 3]),
            (Or(()), []),
        ):
            self.assertEqual(await selected.finding.search(criterion), expected, criterion)
        self.assertEqual(self.cost(), {})
        self.assertEqual(await selected.finding.search(HeaderHas("subject", "number 1")), [2])
        self.assertEqual(self.cost(), {"messages.search": 1})

    async def test_a_search_names_only_what_the_client_was_told(self) -> None:
        """G27, and all of it: what is gone until that is told, whoever knows of it."""
        selected = await self.select()
        await self.fill(self.ann, 1)
        await selected.store([1], add("\\Deleted"), silent=True)
        await selected.expunge()
        self.cost()
        for criterion in (FlagsAre(SEEN, False), HeaderHas("subject", "number")):
            self.assertEqual(await selected.finding.search(criterion), [1, 2, 3])
            self.assertEqual(await selected.finding.sort(criterion, BY_DATE), [1, 2, 3])
            self.assertEqual(len(await selected.finding.threads(criterion)), 3)
        self.assertEqual(await selected.finding.search(FlagsAre(DELETED)), [1])
        only_there = And((UidIn(NumberSet.of([2])), HeaderHas("subject", "number")))
        self.assertEqual(await selected.finding.search(only_there), [2])
        self.assertEqual(
            self.cost(),
            {"messages.search": 4, "messages.sort": 2, "messages.threads": 2},
        )
        selected.updates(may_expunge=True)
        self.assertEqual(await selected.finding.search(FlagsAre(SEEN, False)), [2, 3, 4])
        self.assertEqual(self.cost(), {})

    async def test_a_search_knows_what_another_process_has_just_expunged(self) -> None:
        selected = await self.select()
        other = await self.select(process=self.world.process(alone=False))
        await other.store([2], add("\\Deleted"), silent=True)
        await other.expunge()
        self.assertEqual(await selected.finding.search(HeaderHas("subject", "number")), [1, 2, 3])


class SessionTests(MailboxTestCase):
    """Several sessions of one process."""

    async def test_one_session_sees_what_another_does(self) -> None:
        one, two = await self.select(), await self.select()
        rings: list[str] = []
        one.watch(lambda: rings.append("one"))
        two.watch(lambda: rings.append("two"))
        await one.store([1], add("\\Flagged"), silent=False)
        self.assertEqual(rings, ["two"], "who writes needs no waking")
        self.assertEqual([update.uid for update in two.updates(True).flags], [1])
        self.assertFalse(one.updates(True))
        await two.move([1, 2], "Other")
        self.assertEqual(one.updates(True).expunged, ((1, 1), (1, 2)))
        self.assertEqual(two.updates(True).expunged, ((1, 1), (1, 2)))

    async def test_a_copy_shows_in_the_destination(self) -> None:
        account = self.process.session(self.row)
        other = await account.select("Other", read_only=True)
        one = await self.select()
        await one.store([2], add("\\Draft", "$k"), silent=True)
        self.cost()
        await one.copy([1, 2], "Other")
        self.assertEqual(self.cost(), {"messages.copy": 1})
        self.assertEqual(other.updates(True).exists, 2)
        self.assertEqual(other.keywords.text(other.view.mask(2) or 0), "\\Draft $k")
        await other.close()

    async def test_examine_changes_nothing(self) -> None:
        """G34"""
        selected = await self.select(read_only=True)
        self.assertEqual(selected.recent, 3)
        self.cost()
        for work in (
            selected.store([1], add("\\Seen"), silent=False),
            selected.expunge(),
            selected.move([1], "Other"),
        ):
            await self.assertFailure(Deferred.fromCoroutine(work), ReadOnly)
        async for _ in selected.reading.read([1, 2], frozenset({Want.BODY}), see=True):
            pass
        self.assertEqual(self.cost(), {"messages.read": 1})
        self.assertEqual(selected.view.mask(1), 0)
        self.assertEqual((await self.select()).recent, 3)

    async def test_recent_is_told_by_status_too(self) -> None:
        self.assertEqual(self.ann.recent(await self.ann.status("INBOX")), 3)
        selected = await self.select()
        self.assertEqual(self.ann.recent(await self.ann.status("INBOX")), 0)
        await self.fill(self.ann, 2)
        self.assertEqual(self.ann.recent(await self.ann.status("INBOX")), 2)
        selected.updates(True)
        self.assertEqual(self.ann.recent(await self.ann.status("INBOX")), 0)

    async def test_recent_is_not_forgotten_when_memory_is_needed(self) -> None:
        selected = await self.select()
        self.assertEqual(selected.recent, 3)
        await selected.close()
        self.world.clock.advance(3600)
        self.process.open_mailboxes.cool()
        self.assertEqual(len(self.process.open_mailboxes), 0)
        await self.fill(self.ann, 1)
        self.assertEqual(self.ann.recent(await self.ann.status("INBOX")), 1)
        self.assertEqual((await self.select()).recent, 1)

    async def test_a_deleted_mailbox_is_noticed(self) -> None:
        other = await self.ann.select("Other", False)
        rings: list[str] = []
        other.watch(lambda: rings.append("ring"))
        await self.process.session(self.row).delete("Other")
        self.assertTrue(other.is_deleted)
        self.assertEqual(rings, ["ring"])
        work = other.store([1], add("\\Seen"), silent=False)
        await self.assertFailure(Deferred.fromCoroutine(work), NoSuchMailbox)
        await other.close()
        self.assertEqual(self.process.open_mailboxes.in_use, [])
        again = self.ann.select("Other", False)
        await self.assertFailure(Deferred.fromCoroutine(again), NoSuchMailbox)

    async def test_a_name_used_again_is_another_mailbox(self) -> None:
        first = await self.ann.select("Other", False)
        await self.ann.delete("Other")
        await self.ann.create("Other")
        second = await self.ann.select("Other", False)
        self.assertLess(first.uidvalidity, second.uidvalidity)
        await self.fill(self.ann, 1, to="Other")
        self.assertEqual((first.updates(True).exists, second.updates(True).exists), (None, 1))

    async def test_a_renamed_mailbox_is_found_by_its_new_name(self) -> None:
        other = await self.ann.select("Other", False)
        await self.ann.rename("Other", "New")
        self.assertEqual(other.name, "New")
        self.cost()
        self.assertEqual((await self.ann.select("New", False)).object_id, other.object_id)
        self.assertEqual(self.cost(), {})
        gone = self.ann.select("Other", False)
        await self.assertFailure(Deferred.fromCoroutine(gone), NoSuchMailbox)

    async def test_renaming_inbox_empties_it_for_its_sessions(self) -> None:
        """RFC 3501 §6.3.5"""
        inbox = await self.select()
        await self.ann.rename("INBOX", "Old")
        self.assertEqual(len(inbox.updates(True).expunged), 3)
        self.assertEqual((await self.ann.select("Old", False)).view.exists, 3)
        self.assertEqual(inbox.name, "INBOX")

    async def test_two_that_open_at_the_same_time_share_the_round_trip(self) -> None:
        self.world.hold_answers()
        opening = [Deferred.fromCoroutine(self.ann.select("INBOX", False)) for _ in range(3)]
        opening[1].addErrback(lambda failure: failure.trap(CancelledError))
        opening[1].cancel()
        self.assertEqual(self.world.let_go(), "mailboxes.open")
        first, last = self.successResultOf(opening[0]), self.successResultOf(opening[2])
        self.assertEqual(self.cost(), {"mailboxes.open": 1})
        self.assertIs(first.view._state, last.view._state)

    async def test_who_opens_does_not_join_a_question_from_before_a_delete(self) -> None:
        """G21: what was asked before the mailbox was deleted is no answer after that."""
        self.world.hold_answers()
        early = Deferred.fromCoroutine(self.ann.select("Other", False))
        self.world.answer_at_once()
        await self.ann.delete("Other")
        late = Deferred.fromCoroutine(self.ann.select("Other", False))
        self.failureResultOf(late, NoSuchMailbox)
        self.world.let_go()
        self.failureResultOf(early, NoSuchMailbox)

    async def test_nor_one_from_before_a_create(self) -> None:
        self.world.hold_answers()
        early = Deferred.fromCoroutine(self.ann.select("New", False))
        self.world.answer_at_once()
        await self.ann.create("New")
        late = Deferred.fromCoroutine(self.ann.select("New", False))
        self.assertEqual(self.successResultOf(late).name, "New")
        self.world.let_go()
        self.assertEqual(self.successResultOf(early).name, "New")

    async def test_an_answer_from_before_a_rename_is_not_remembered(self) -> None:
        """G22: an APPEND to the name that is free again goes nowhere else."""
        self.world.hold_answers()
        asking = Deferred.fromCoroutine(self.ann.status("Other"))
        self.world.answer_at_once()
        await self.ann.rename("Other", "New")
        self.world.let_go()
        self.successResultOf(asking)
        with self.assertRaises(NoSuchMailbox):
            await self.fill(self.ann, 1, to="Other")

    async def test_what_arrives_while_a_mailbox_is_being_opened_is_not_missed(self) -> None:
        self.world.hold_answers()
        opening = Deferred.fromCoroutine(self.ann.select("INBOX", False))
        self.world.answer_at_once()
        await self.fill(self.ann, 1)
        self.world.let_go()
        selected = self.successResultOf(opening)
        self.assertEqual(selected.view.exists, 4)

    async def test_the_write_of_a_session_that_ends_is_learned_of(self) -> None:
        """G15: a write that was sent goes on."""
        one, two = await self.select(), await self.select()
        self.world.hold_answers()
        storing = Deferred.fromCoroutine(one.store([1], add("\\Seen"), silent=False))
        storing.addErrback(lambda failure: failure.trap(CancelledError))
        storing.cancel()
        self.world.let_go()
        self.assertEqual([update.uid for update in two.updates(True).flags], [1])


class AnyOrderTests(MailboxTestCase):
    """Answers overtake one another, and others write in between."""

    async def test_a_write_that_was_committed_does_not_fail_by_what_is_read_after_it(self) -> None:
        """G15: another process has written before, and what it wrote cannot be read now."""
        one = await self.select()
        other = self.world.process(alone=False)
        await self.fill(other.session(self.row), 1)

        def pause(name: str) -> "Deferred[None]":
            return fail(Unavailable()) if name == "mailboxes.changes" else succeed(None)

        self.world.storage.tables.pause = pause
        stored = await one.store([1], add("\\Flagged"), silent=False)
        self.assertEqual(list(stored.changed.uids), [1])
        self.world.answer_at_once()
        await one.store([2], add("\\Flagged"), silent=False)
        updates = one.updates(may_expunge=True)
        self.assertEqual(updates.exists, 4)
        self.flushLoggedErrors(Unavailable)

    async def test_an_overtaken_answer_costs_nothing(self) -> None:
        one, two = await self.select(), await self.select()
        clients = [Client(one.view), Client(two.view)]
        self.cost()
        self.world.hold_answers()
        first = Deferred.fromCoroutine(one.store([1], add("\\Seen"), silent=False))
        second = Deferred.fromCoroutine(two.store([2], add("\\Seen"), silent=False))
        third = Deferred.fromCoroutine(two.store([3], add("\\Seen"), silent=False))
        self.world.let_go(2)
        self.world.let_go(1)
        # They are done, and wait until what was before them is known too (G21).
        self.assertNoResult(second)
        self.assertNoResult(third)
        self.world.let_go(0)
        for work in (first, second, third):
            self.successResultOf(work)
        self.assertEqual(self.cost(), {"messages.store": 3})
        for client in clients:
            client.take()
            self.assertEqual([one.view.mask(uid) for uid in client.uids], [SEEN] * 3)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    async def test_after_a_moment_what_is_missing_is_read(self) -> None:
        one, two = await self.select(), await self.select()
        self.cost()
        self.world.hold_answers()
        first = Deferred.fromCoroutine(one.store([1], add("\\Seen"), silent=False))
        second = Deferred.fromCoroutine(two.store([2], add("\\Flagged"), silent=False))
        self.world.let_go(1)
        self.assertNoResult(second)
        self.world.answer_at_once()
        self.world.clock.advance(0.01)
        self.successResultOf(second)
        self.assertEqual(self.cost(), {"messages.store": 2, "mailboxes.changes": 1})
        self.assertEqual((two.view.mask(1), two.view.mask(2)), (SEEN, FLAGGED))
        self.world.let_go(0)
        self.successResultOf(first)
        self.assertEqual([update.uid for update in two.updates(True).flags], [1])
        self.assertEqual([update.uid for update in one.updates(True).flags], [2])

    async def test_a_write_of_another_process_in_between_is_read_at_once(self) -> None:
        one = await self.select()
        stranger = await self.select(process=self.world.process())
        await stranger.store([1, 2], add("\\Deleted", "$theirs"), silent=False)
        await stranger.expunge(NumberSet(((1, 1),)))
        self.cost()
        await one.store([3], add("\\Seen"), silent=False)
        self.assertEqual(self.cost(), {"messages.store": 1, "mailboxes.changes": 1})
        updates = one.updates(True)
        self.assertEqual(updates.expunged, ((1, 1),))
        self.assertEqual([update.uid for update in updates.flags], [2])
        self.assertEqual(one.keywords.text(one.view.mask(2) or 0), "\\Deleted $theirs")

    async def test_many_waiting_for_the_same_gap_share_one_round_trip(self) -> None:
        sessions = [await self.select() for _ in range(5)]
        stranger = await self.select(process=self.world.process())
        await stranger.store([1], add("\\Flagged"), silent=False)
        self.cost()
        self.world.hold_answers()
        writes = [
            Deferred.fromCoroutine(session.store([2], add(f"$k{number}"), silent=False))
            for number, session in enumerate(sessions)
        ]
        for _ in writes:
            self.world.let_go()
        self.assertEqual(self.world.let_go(), "mailboxes.changes")
        for write in writes:
            self.successResultOf(write)
        self.assertEqual(self.cost(), {"messages.store": 5, "mailboxes.changes": 1})
        self.assertEqual(self.world.held, [])

    async def test_who_is_woken_may_wake_others_that_wait(self) -> None:
        one = await self.select()
        stranger = await self.select(process=self.world.process())
        changes = [await stranger.store([uid], add("\\Seen"), silent=False) for uid in (1, 2)]
        mailbox = self.process.open_mailboxes.get(changes[0].mailbox_id)
        assert mailbox is not None
        mailbox.begin_write()
        waiting = [Deferred.fromCoroutine(mailbox.settle(change.modseq)) for change in changes]
        for settled in waiting:
            self.assertNoResult(settled)
        mailbox.end_write()
        await mailbox.settle(changes[1].modseq)
        for settled in waiting:
            self.successResultOf(settled)
        self.assertEqual(one.highest_modseq, changes[1].modseq)

    async def test_who_fell_off_the_log_of_storage_begins_anew(self) -> None:
        """G28"""
        one = await self.select()
        client = Client(one.view)
        stranger = await self.select(process=self.world.process())
        await stranger.store([1, 3], add("\\Deleted"), silent=False)
        await stranger.expunge()
        tables = self.world.storage.tables
        mailbox = tables.find(self.row.id, "INBOX")
        mailbox.events.clear()
        mailbox.horizon = mailbox.highest_modseq
        self.process.open_mailboxes.rang(mailbox.id, mailbox.highest_modseq)
        client.take()
        self.assertEqual((client.uids, client.expunges), ([2], [1, 3]))

    async def test_a_late_ring_is_no_news(self) -> None:
        one = await self.select()
        self.cost()
        self.process.open_mailboxes.rang(one._state.mailbox_id, one.highest_modseq)
        self.process.open_mailboxes.rang(999, 999)
        self.assertEqual(self.cost(), {})

    async def test_every_write_rings_for_the_others(self) -> None:
        one = await self.select()
        self.process.rings.clear()
        stored = await one.store([1], add("\\Seen"), silent=False)
        await one.store([1], add("\\Seen"), silent=False)
        copied = await one.copy([1], "Other")
        self.assertEqual(
            self.process.rings,
            [(stored.mailbox_id, stored.modseq), (copied.mailbox_id, copied.modseq)],
        )


class ChangePollTests(MailboxTestCase):
    """What other processes did is learned of in any case."""

    async def setUp(self) -> None:
        await super().setUp()
        self.stranger = self.world.process()
        self.process.poll.startService()
        self.stranger.poll.startService()
        self.addCleanup(self.process.poll.stopService)
        self.addCleanup(self.stranger.poll.stopService)
        self.pass_time()

    def pass_time(self) -> None:
        self.world.clock.pump([1.0] * 5)

    async def test_processes_know_whether_they_are_alone(self) -> None:
        self.assertFalse(self.process.open_mailboxes.alone)
        await self.stranger.poll.stopService()
        self.pass_time()
        self.assertTrue(self.process.open_mailboxes.alone)
        self.stranger.poll.startService()
        self.pass_time()
        self.assertFalse(self.process.open_mailboxes.alone)

    async def test_that_the_database_is_away_is_said_once(self) -> None:
        """And not every two seconds of an hour."""
        with capturedLogs() as logs:
            for _ in range(2):
                self.world.storage.tables.pause = lambda name: fail(Unavailable("It is away"))
                self.pass_time()
                self.world.answer_at_once()
                self.pass_time()
        said = [formatEvent(log) for log in logs if log.get("log_source") is self.process.poll]
        outage = ["cannot learn of changes by others: It is away"]
        self.assertEqual(said, 2 * [*outage, "changes by others are learned of again"])

    async def test_an_idle_session_is_woken_within_seconds(self) -> None:
        one = await self.select()
        theirs = await self.select(process=self.stranger)
        rings: list[str] = []
        one.watch(lambda: rings.append("ring"))
        await theirs.store([1], add("\\Flagged"), silent=False)
        self.assertEqual(rings, [])
        self.pass_time()
        self.assertEqual(rings, ["ring"])
        self.assertEqual([update.uid for update in one.updates(True).flags], [1])

    async def test_a_mailbox_that_was_deleted_and_restored_is_another_one(self) -> None:
        """RFC 3501 §2.3.1.1: sessions that were not told of it in between end, and who opens it
        finds it under its new UIDVALIDITY."""
        storage, operation = self.world.storage, Operation(UUID(int=7))
        first = await self.ann.select("Other", False)
        mailbox_id = await storage.mailboxes.delete(self.row.id, "Other", operation)
        await storage.restoring.restore_mailbox(self.row.id, mailbox_id, "Other", operation)
        second = await self.ann.select("Other", False)
        self.assertTrue(first.is_deleted)
        self.assertLess(first.uidvalidity, second.uidvalidity)
        await storage.mailboxes.delete(self.row.id, "Other", operation)
        await storage.restoring.restore_mailbox(self.row.id, mailbox_id, "Other", operation)
        self.assertFalse(second.is_deleted)
        self.pass_time()
        self.assertTrue(second.is_deleted)
        await second.close()

    async def test_one_question_is_for_all_open_mailboxes(self) -> None:
        await self.select()
        await self.select()
        other = await self.ann.select("Other", True)
        self.cost()
        self.world.clock.advance(2.0)
        cost = self.cost()
        cost.pop("membership.beat", None)
        self.assertEqual(cost, {"mailboxes.poll": 1})
        await other.close()

    async def test_noop_asks_at_once_and_many_share_the_question(self) -> None:
        sessions = [await self.select() for _ in range(4)]
        theirs = await self.select(process=self.stranger)
        self.cost()
        await sessions[0].refresh()
        self.assertEqual(self.cost(), {"mailboxes.poll": 1})
        self.world.hold_answers()
        asking = [Deferred.fromCoroutine(session.refresh()) for session in sessions]
        writing = Deferred.fromCoroutine(theirs.store([1], add("\\Flagged"), silent=False))
        # The first question began before the others asked: they wait for the next.
        self.world.answer_at_once()
        while self.world.held:
            self.world.let_go()
        for work in (*asking, writing):
            self.successResultOf(work)
        cost = self.cost()
        self.assertEqual(cost["mailboxes.poll"], 2)
        self.assertEqual([update.uid for update in sessions[3].updates(True).flags], [1])

    async def test_select_of_a_warm_mailbox_asks_for_changes_only(self) -> None:
        one = await self.select()
        theirs = await self.select(process=self.stranger)
        await theirs.store([2], add("\\Seen"), silent=False)
        self.cost()
        two = await self.select()
        self.assertEqual(self.cost(), {"mailboxes.changes": 1})
        self.assertEqual(two.view.mask(2), SEEN)
        self.assertEqual(two.first_unseen, 1)
        self.assertEqual([update.uid for update in one.updates(True).flags], [2])

    async def test_select_is_as_fresh_when_its_name_was_forgotten(self) -> None:
        """G21: whether others have the mailbox open, or it is merely warm."""
        for others in (True, False):
            one = await self.select()
            theirs = await self.select(process=self.stranger)
            await theirs.store([2], add("$a" if others else "$b"), silent=True)
            if not others:
                await one.close()
            self.process.open_mailboxes.names.forget(self.row.id)
            self.world.hold_answers()
            selecting = Deferred.fromCoroutine(self.ann.select("INBOX", False))
            selecting.addCallback(lambda two: (two, two.highest_modseq))
            while self.world.held:
                self.world.let_go()
            self.world.answer_at_once()
            two, known = self.successResultOf(selecting)
            self.assertEqual(known, theirs.highest_modseq)
            await one.close()
            await two.close()

    async def test_a_mailbox_that_is_being_opened_is_asked_for_again(self) -> None:
        """G21: the answer to somebody who asked before may be older than what a client knows."""
        theirs = await self.select(process=self.stranger)
        self.world.hold_answers()
        first = Deferred.fromCoroutine(self.ann.select("INBOX", False))
        changing = Deferred.fromCoroutine(theirs.store([2], add("$a"), silent=True))
        self.world.let_go(-1)
        self.successResultOf(changing)
        second = Deferred.fromCoroutine(self.ann.select("INBOX", False))
        second.addCallback(lambda selected: (selected, selected.highest_modseq))
        while self.world.held:
            self.world.let_go()
        self.world.answer_at_once()
        selected, known = self.successResultOf(second)
        self.assertEqual(known, theirs.highest_modseq)
        await self.successResultOf(first).close()
        await selected.close()

    async def test_select_does_not_join_a_question_that_began_before_it(self) -> None:
        """G21: what another process had answered before is there."""
        one = await self.select()
        theirs = await self.select(process=self.stranger)
        opened = self.process.open_mailboxes.get(one.mailbox_id)
        self.world.hold_answers()
        asking = Deferred.fromCoroutine(opened.catch_up())
        self.world.answer_at_once()
        await theirs.store([1], add("\\Flagged"), silent=False)
        self.world.hold_answers()
        selecting = Deferred.fromCoroutine(self.ann.select("INBOX", True))
        while self.world.held:
            self.world.let_go()
        self.world.answer_at_once()
        self.successResultOf(asking)
        self.assertEqual(self.successResultOf(selecting).view.mask(1), FLAGGED)

    async def test_a_mailbox_renamed_elsewhere_is_not_opened_by_its_old_name(self) -> None:
        other = await self.ann.select("Other", False)
        theirs = self.stranger.session(self.row)
        await theirs.rename("Other", "New")
        await theirs.create("Other")
        again = await self.ann.select("Other", False)
        self.assertNotEqual(again.object_id, other.object_id)
        self.assertEqual(other.name, "New")

    async def test_a_mailbox_deleted_elsewhere_is_noticed(self) -> None:
        other = await self.ann.select("Other", False)
        rings: list[str] = []
        other.watch(lambda: rings.append("ring"))
        await self.stranger.session(self.row).delete("Other")
        self.assertFalse(other.is_deleted)
        self.pass_time()
        self.assertTrue(other.is_deleted)
        self.assertEqual(rings, ["ring"])

    async def test_an_append_by_name_goes_to_the_mailbox_of_that_name(self) -> None:
        """A name heard of a while ago is asked for again."""
        await self.ann.status("Other")
        theirs = self.stranger.session(self.row)
        await theirs.rename("Other", "New")
        await theirs.create("Other")
        self.world.clock.advance(10)
        await self.fill(self.ann, 1, to="Other")
        self.assertEqual((await self.ann.status("Other")).messages, 1)
        self.assertEqual((await self.ann.status("New")).messages, 0)


class WarmthTests(MailboxTestCase):
    """Warm mailboxes are bounded in time and memory."""

    async def test_a_mailbox_cools_after_a_while(self) -> None:
        selected = await self.select()
        self.world.clock.advance(3600)
        self.process.open_mailboxes.cool()
        self.assertEqual(len(self.process.open_mailboxes), 1)
        await selected.close()
        self.world.clock.advance(3600)
        self.process.open_mailboxes.cool()
        self.assertEqual(len(self.process.open_mailboxes), 0)

    async def test_memory_is_bounded(self) -> None:
        opened = self.process.open_mailboxes
        opened._warm_memory = 3 * 5000
        for number in range(6):
            await self.ann.create(f"box {number}")
            await (await self.ann.select(f"box {number}", False)).close()
        self.assertLessEqual(len(opened), 3)
        self.cost()
        await (await self.ann.select("box 5", False)).close()
        self.assertEqual(self.cost(), {})

    async def test_closing_twice_is_closing_once(self) -> None:
        one, two = await self.select(), await self.select()
        await one.close()
        await one.close()
        self.assertEqual([mailbox.sessions for mailbox in self.process.open_mailboxes.in_use], [1])
        await two.close()
        self.assertEqual(self.process.open_mailboxes.in_use, [])
