"""What a client is told, and what numbers mean meanwhile."""

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument
from sora.mail.flags import DELETED, FLAGGED, SEEN
from sora.mail.numbers import NumberSet, SequenceSet
from sora.mailbox import state as state_module
from sora.mailbox.state import MailboxState
from sora.mailbox.updates import FlagUpdate, Updates
from sora.mailbox.view import View
from trial_tests.mailbox.models import Client, Mailbox


def seqs(*ranges: tuple[int | None, int | None]) -> SequenceSet:
    return SequenceSet(ranges)


class ViewTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.mailbox = Mailbox([0, SEEN, FLAGGED, 0])
        self.state = self.mailbox.state()
        self.view = View(self.state, read_only=False)

    def told(self, **expected: object) -> None:
        """Everything may be told now, and this is all."""
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in expected.items()
        }
        self.assertEqual(self.view.take(True), Updates(**values))  # type: ignore[arg-type]
        self.assertFalse(self.view.take(True))

    # -------------------------------------------------------------- telling

    def test_nothing_happened(self) -> None:
        self.assertFalse(self.view.has_news)
        self.assertFalse(self.view.take(True))

    def test_new_messages_are_exists(self) -> None:
        self.state.apply(self.mailbox.arrive(0, SEEN))
        self.assertTrue(self.view.has_news)
        self.told(exists=6, recent=2)
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4, 5, 6])

    def test_flags_are_told_once_with_their_numbers(self) -> None:
        change = self.mailbox.flag({2: SEEN | DELETED, 4: SEEN})
        self.state.apply(change)
        self.told(
            flags=[
                FlagUpdate(2, 2, SEEN | DELETED, change.modseq),
                FlagUpdate(4, 4, SEEN, change.modseq),
            ]
        )

    def test_several_changes_of_a_message_are_told_as_its_present_flags(self) -> None:
        for mask in (SEEN, 0, FLAGGED):
            change = self.mailbox.flag({1: mask})
            self.state.apply(change)
        self.told(flags=[FlagUpdate(1, 1, FLAGGED, change.modseq)])

    def test_expunge_is_told_once_and_each_number_is_as_of_its_line(self) -> None:
        """G24"""
        self.state.apply(self.mailbox.expunge(1, 2, 4))
        self.told(expunged=[(1, 1), (1, 2), (2, 4)])
        self.assertEqual(list(self.view.uids), [3])

    def test_expunge_comes_before_the_exists_of_the_same_change(self) -> None:
        """G25: the numbers of EXISTS count what is left."""
        self.state.apply(self.mailbox.expunge(2))
        self.state.apply(self.mailbox.arrive(0))
        self.told(expunged=[(2, 2)], exists=4, recent=1)

    def test_an_expunge_alone_needs_no_exists(self) -> None:
        self.state.apply(self.mailbox.expunge(4))
        self.told(expunged=[(4, 4)])

    def test_where_expunge_may_not_be_told_exists_waits_too(self) -> None:
        """G25, RFC 3501 §7.4.1"""
        self.state.apply(self.mailbox.arrive(0))
        self.state.apply(self.mailbox.expunge(1))
        change = self.mailbox.flag({3: SEEN})
        self.state.apply(change)
        updates = self.view.take(False)
        self.assertEqual(updates, Updates(flags=(FlagUpdate(3, 3, SEEN, change.modseq),)))
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4])
        self.assertFalse(self.view.take(False))
        self.told(expunged=[(1, 1)], exists=4, recent=1)

    def test_without_expunges_exists_need_not_wait(self) -> None:
        self.state.apply(self.mailbox.arrive(0))
        self.assertEqual(self.view.take(False), Updates(exists=5, recent=1))

    def test_a_message_made_and_expunged_unseen_is_never_mentioned(self) -> None:
        """G24"""
        self.state.apply(self.mailbox.arrive(0, 0))
        self.state.apply(self.mailbox.flag({5: SEEN}))
        self.state.apply(self.mailbox.expunge(5, 6))
        self.told()
        self.state.apply(self.mailbox.arrive(0))
        self.told(exists=5, recent=1)
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4, 7])

    def test_it_does_not_make_others_wait_either(self) -> None:
        self.state.apply(self.mailbox.arrive(0, 0))
        self.state.apply(self.mailbox.expunge(5))
        self.assertEqual(self.view.take(False), Updates(exists=5, recent=1))

    def test_what_came_and_went_while_it_was_asked_for_is_not_kept(self) -> None:
        """The answer that tells of its coming overtakes the one that is silent about it."""
        mailbox = Mailbox([0])
        state = mailbox.state()
        client = Client(View(state, False))
        since, arrival = state.highest_modseq, mailbox.arrive(0, 0)
        mailbox.expunge(2)
        asked = mailbox.changes(since)
        state.apply(arrival)
        client.take()
        state.update(asked)
        self.assertEqual(list(state.uids), [1, 3])
        self.assertEqual(client.take().expunged, ((2, 2),))

    def test_flags_of_new_messages_are_not_told(self) -> None:
        """The client fetches what is new to it."""
        self.state.apply(self.mailbox.arrive(0))
        self.state.apply(self.mailbox.flag({5: SEEN}))
        self.told(exists=5, recent=1)

    def test_flags_of_gone_messages_are_not_told(self) -> None:
        self.state.apply(self.mailbox.flag({2: 0}))
        self.state.apply(self.mailbox.expunge(2))
        self.assertFalse(self.view.take(False))
        self.told(expunged=[(2, 2)])

    def test_numbers_of_flags_are_those_after_the_expunges(self) -> None:
        self.state.apply(self.mailbox.expunge(1))
        change = self.mailbox.flag({3: 0})
        self.state.apply(change)
        self.told(expunged=[(1, 1)], flags=[FlagUpdate(2, 3, 0, change.modseq)])

    def test_new_keywords_are_told_once(self) -> None:
        self.state.keywords.learn([(0, "$New")])
        self.told(keywords=True)

    # -------------------------------------------------------------- told otherwise

    def test_what_the_client_learned_from_its_own_command_is_not_repeated(self) -> None:
        change = self.mailbox.flag({1: SEEN, 2: 0})
        self.state.apply(change)
        self.view.told([1, 2], change.modseq)
        self.told()

    def test_a_silent_store_is_told_to_the_others(self) -> None:
        other = View(self.state, read_only=False)
        change = self.mailbox.flag({1: SEEN})
        self.view.told([1], change.modseq)
        self.state.apply(change)
        self.told()
        self.assertEqual([update.uid for update in other.take(True).flags], [1])

    def test_it_may_be_learned_before_the_state_has_it(self) -> None:
        """Answers come in any order."""
        earlier = self.mailbox.flag({3: SEEN})
        own = self.mailbox.flag({1: SEEN})
        self.view.told([1], own.modseq)
        self.state.apply(earlier)
        self.assertEqual([update.uid for update in self.view.take(True).flags], [3])
        self.state.apply(own)
        self.told()

    def test_a_later_change_by_somebody_else_is_told(self) -> None:
        own = self.mailbox.flag({1: SEEN, 2: 0})
        self.view.told(NumberSet(((1, 2),)), own.modseq)
        self.state.apply(own)
        other = self.mailbox.flag({1: 0})
        self.state.apply(other)
        self.told(flags=[FlagUpdate(1, 1, 0, other.modseq)])

    # -------------------------------------------------------------- \Recent

    def test_a_message_is_recent_in_the_first_session_that_learns_of_it(self) -> None:
        """RFC 3501 §2.3.2"""
        other = View(self.state, read_only=False)
        self.state.apply(self.mailbox.arrive(0))
        self.assertEqual(self.view.take(True).recent, 1)
        updates = other.take(True)
        self.assertEqual((updates.exists, updates.recent), (5, None))
        self.assertTrue(self.view.is_recent(5))
        self.assertFalse(other.is_recent(5))
        self.assertEqual((self.view.recent, other.recent), (1, 0))

    def test_a_read_only_session_takes_nothing_from_others(self) -> None:
        """G34"""
        reader = View(self.state, read_only=True)
        self.state.apply(self.mailbox.arrive(0))
        self.assertEqual(reader.take(True).recent, 1)
        self.assertEqual(self.view.take(True).recent, 1)
        self.assertEqual(View(self.state, read_only=True).recent, 0)

    def test_messages_seen_before_this_process_are_not_recent(self) -> None:
        state = self.mailbox.state(known=None)
        reader = View(state, read_only=True)
        self.assertEqual([reader.is_recent(uid) for uid in (1, 2, 3, 4)], [True, False, True, True])
        first, second = View(state, read_only=False), View(state, read_only=False)
        self.assertEqual((first.recent, second.recent), (3, 0))

    def test_recent_counts_less_when_one_goes(self) -> None:
        self.state.apply(self.mailbox.arrive(0, 0))
        self.view.take(True)
        self.state.apply(self.mailbox.expunge(5))
        self.told(expunged=[(5, 5)], recent=1)

    # -------------------------------------------------------------- numbers

    def test_numbers_mean_what_the_client_was_told(self) -> None:
        """G27"""
        self.state.apply(self.mailbox.expunge(2))
        self.state.apply(self.mailbox.arrive(0))
        self.view.take(False)
        self.assertEqual([self.view.uid(number) for number in (1, 2, 3, 4)], [1, 2, 3, 4])
        self.assertEqual([self.view.number(uid) for uid in (1, 2, 4, 5)], [1, 2, 4, 0])
        self.assertEqual(self.view.of_numbers(seqs((2, 3))), [2, 3])
        self.assertTrue(self.view.is_gone(2))
        self.assertFalse(self.view.is_gone(3) or self.view.is_gone(77))
        self.assertEqual((self.view.mask(2), self.view.modseq(2)), (None, 0))
        self.view.take(True)
        self.assertEqual([self.view.number(uid) for uid in (1, 2, 3, 5)], [1, 0, 2, 4])

    def test_numbers_of_many_are_those_of_each(self) -> None:
        """Few are looked up one by one, many all at once: with the same result."""
        mailbox = Mailbox([0] * 200)
        state = mailbox.state()
        state.apply(mailbox.expunge(3, 50, 51, 199))
        view = View(state, read_only=False)
        known = list(view.uids)
        random = Random(5182)
        for count in (0, 1, 5, 12, 13, 100, len(known)):
            uids = random.sample(range(1, 230), count) if count < len(known) else known
            ascending = sorted(uids)
            self.assertEqual(view.among(uids), [uid for uid in uids if uid in known])
            numbers = [view.number(uid) for uid in uids if view.number(uid)]
            self.assertEqual(view.numbers_of(uids), numbers)
            self.assertEqual(view.numbers_of_ascending(ascending), sorted(numbers))
            modseqs = [view.modseq(uid) for uid in uids]
            self.assertEqual(view.highest_modseq(uids), max(modseqs, default=0))

    def test_spans_are_the_messages_of_their_numbers(self) -> None:
        """Numbers beyond the last one name nothing (RFC 7377 §2)."""
        self.state.apply(self.mailbox.expunge(2))
        self.view.take(True)
        for ranges, uids in (
            (((1, 2),), [1, 3]),
            (((3, 2),), [3, 4]),
            (((2, 99),), [3, 4]),
            (((4, 99),), []),
            (((99, None),), [4]),
            (((None, None), (1, 1)), [1, 4]),
        ):
            self.assertEqual(self.view.span_of(seqs(*ranges)).within([1, 3, 4, 5]), uids)
        empty = View(Mailbox([]).state(), read_only=False)
        self.assertFalse(empty.span_of(seqs((1, None))))

    def test_sets_of_numbers(self) -> None:
        """G36"""
        for wanted, expected in (
            (seqs((1, 2), (4, 4)), [1, 2, 4]),
            (seqs((3, 2)), [2, 3]),
            (seqs((None, None)), [4]),
            (seqs((None, 3)), [3, 4]),
            (seqs((2, None), (1, 3)), [1, 2, 3, 4]),
        ):
            self.assertEqual(self.view.of_numbers(wanted), expected, wanted)
        for wanted in (seqs((5, 5)), seqs((1, 99)), seqs((7, None))):
            self.assertRaises(BadArgument, self.view.of_numbers, wanted)
        for number in (0, 5, -1):
            self.assertRaises(BadArgument, self.view.uid, number)

    def test_sets_of_uids(self) -> None:
        self.state.apply(self.mailbox.expunge(2))
        self.view.take(True)
        for wanted, expected in (
            (seqs((1, 3)), [1, 3]),
            (seqs((2, 2), (77, 99)), []),
            (seqs((99, None)), [4]),
            (seqs((None, 99)), [4]),
            (seqs((1, 4_000_000_000)), [1, 3, 4]),
        ):
            self.assertEqual(self.view.of_uids(wanted), expected, wanted)

    def test_sets_in_an_empty_mailbox(self) -> None:
        view = View(Mailbox().state(), read_only=False)
        self.assertEqual(view.of_numbers(seqs((1, None))), [])
        self.assertEqual(view.of_uids(seqs((1, None), (5, 7))), [])
        self.assertRaises(BadArgument, view.of_numbers, seqs((1, 1)))

    def test_a_new_message_is_not_named_before_it_was_told(self) -> None:
        self.state.apply(self.mailbox.arrive(0))
        self.assertEqual(self.view.of_uids(seqs((1, None))), [1, 2, 3, 4])
        self.assertEqual(len(self.view.uids), 4)
        self.assertRaises(BadArgument, self.view.uid, 5)

    def test_flags_of_many_at_once(self) -> None:
        self.state.apply(self.mailbox.arrive(0))
        self.view.take(True)
        self.state.apply(self.mailbox.expunge(1))
        self.assertEqual(
            [
                (one.number, one.uid, one.mask, one.recent)
                for one in self.view.flags_of([1, 2, 4, 5])
            ],
            [(2, 2, SEEN, False), (4, 4, 0, False), (5, 5, 0, True)],
        )
        self.assertEqual(list(self.view.flags_of([3, 2, 99]))[1].uid, 2)


class BoundedLogTests(SynchronousTestCase):
    """A view that fell off the log is told the same."""

    def setUp(self) -> None:
        self.patch(state_module, "MAX_LOG_ENTRIES", 4)

    def test_it_compares_everything(self) -> None:
        """G28"""
        mailbox = Mailbox([0] * 20)
        state = mailbox.state()
        late, prompt = Client(View(state, False)), Client(View(state, False))
        for uid in range(1, 12):
            state.apply(mailbox.flag({uid: SEEN}))
            state.apply(mailbox.expunge(uid + 5))
            state.apply(mailbox.arrive(0))
            prompt.take()
        updates = late.take()
        self.assertEqual(sorted(uid for _, uid in updates.expunged), list(range(6, 17)))
        self.assertEqual((late.uids, late.masks), (prompt.uids, prompt.masks))

    def test_a_storage_that_was_set_back_is_told_as_it_is_now(self) -> None:
        """G70: nothing that was told before counts."""
        mailbox = Mailbox([0, 0, 0])
        state = mailbox.state()
        client = Client(View(state, False))
        for change in (mailbox.arrive(0), mailbox.flag({1: SEEN})):
            state.apply(change)
        client.take()
        restored = Mailbox([FLAGGED, 0, 0])
        restored.expunge(2)
        state.replace(restored.opened(), rewound=True)
        updates = client.take()
        self.assertEqual([uid for _, uid in updates.expunged], [2, 4])
        self.assertEqual(client.masks, {1: FLAGGED, 3: 0})


class Universe:
    """One storage, one state that learns of it in any way, several clients."""

    def __init__(self, masks: list[int]) -> None:
        self.mailbox = Mailbox(masks)
        self.state: MailboxState = self.mailbox.state(known=None)
        self.clients: list[Client] = []

    def live_messages(self) -> list[int]:
        return list(self.mailbox.messages)

    def settle(self) -> None:
        if self.state.highest_modseq < self.mailbox.modseq:
            self.state.update(self.mailbox.changes(self.state.highest_modseq))


Step = Callable[[Universe], None]


def chosen(universe: Universe, numbers: list[int]) -> list[int]:
    live = universe.live_messages()
    return sorted({live[number % len(live)] for number in numbers}) if live else []


def arrive(masks: list[int], direct: bool) -> Step:
    def step(universe: Universe) -> None:
        change = universe.mailbox.arrive(*masks)
        if direct and universe.state.fits(change):
            universe.state.apply(change)

    return step


def flag(numbers: list[int], mask: int, direct: bool, teller: int, told: bool) -> Step:
    def step(universe: Universe) -> None:
        uids = chosen(universe, numbers)
        if not uids:
            return
        change = universe.mailbox.flag(dict.fromkeys(uids, mask))
        if told and universe.clients:
            client = universe.clients[teller % len(universe.clients)]
            known = [uid for uid in uids if uid in client.masks]
            client.view.told(known, change.modseq)
            client.masks |= dict.fromkeys(known, mask)
        if direct and universe.state.fits(change):
            universe.state.apply(change)

    return step


def expunge(numbers: list[int], direct: bool) -> Step:
    def step(universe: Universe) -> None:
        uids = chosen(universe, numbers)
        if not uids:
            return
        change = universe.mailbox.expunge(*uids)
        if direct and universe.state.fits(change):
            universe.state.apply(change)

    return step


def take(client: int, may_expunge: bool) -> Step:
    def step(universe: Universe) -> None:
        if universe.clients:
            universe.clients[client % len(universe.clients)].take(may_expunge)

    return step


def join(read_only: bool) -> Step:
    def step(universe: Universe) -> None:
        universe.clients.append(Client(View(universe.state, read_only)))

    return step


def learn() -> Step:
    return Universe.settle


MASKS = st.integers(0, 31)
NUMBERS = st.lists(st.integers(0, 40), min_size=1, max_size=25)
STEPS = st.lists(
    st.one_of(
        st.builds(arrive, st.lists(MASKS, min_size=1, max_size=4), st.booleans()),
        st.builds(flag, NUMBERS, MASKS, st.booleans(), st.integers(0, 3), st.booleans()),
        st.builds(expunge, NUMBERS, st.booleans()),
        st.builds(take, st.integers(0, 3), st.booleans()),
        st.builds(join, st.booleans()),
        st.builds(learn),
    ),
    max_size=40,
)


class AnyLifeTests(SynchronousTestCase):
    """Whatever happens, each client's reconstruction is the truth in the end."""

    def setUp(self) -> None:
        self.patch(state_module, "MAX_LOG_ENTRIES", 6)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(MASKS, max_size=30), STEPS)
    def test_every_client_ends_with_the_truth(self, masks: list[int], steps: list[Step]) -> None:
        """G24–G27"""
        universe = Universe(masks)
        join(False)(universe)
        for step in steps:
            step(universe)
        universe.settle()
        truth = {uid: mask for uid, (mask, _) in universe.mailbox.messages.items()}
        state = universe.state
        self.assertEqual(list(state.uids), list(truth))
        self.assertEqual(state.masks, list(truth.values()))
        self.assertEqual(
            list(state.modseqs), [modseq for _, modseq in universe.mailbox.messages.values()]
        )
        recent = []
        for client in universe.clients:
            client.take()
            self.assertEqual(client.masks, truth)
            self.assertEqual(client.uids, list(truth))
            self.assertEqual(len(client.expunges), len(set(client.expunges)))
            self.assertFalse(client.view.take(True))
            if not client.view._read_only:
                recent += [uid for uid in client.uids if client.view.is_recent(uid)]
        self.assertEqual(len(recent), len(set(recent)), "recent in one session only")


class ResynchronisingTests(SynchronousTestCase):
    """What a client that comes back, or counts on modseqs, is told from (RFC 7162)."""

    def setUp(self) -> None:
        self.mailbox = Mailbox([0, SEEN, FLAGGED, 0])
        self.state = self.mailbox.state()
        self.view = View(self.state, read_only=False)

    def test_the_modseq_told_stays_below_what_waits(self) -> None:
        """RFC 7162 §6"""
        start = self.view.modseq_told
        self.assertEqual(start, self.state.highest_modseq)
        self.state.apply(self.mailbox.expunge(2))
        self.state.apply(self.mailbox.flag({4: SEEN}))
        self.view.take(may_expunge=False)
        self.assertTrue(self.view.withholds)
        self.assertEqual(self.view.modseq_told, start)
        self.view.take(may_expunge=True)
        self.assertFalse(self.view.withholds)
        self.assertEqual(self.view.modseq_told, self.state.highest_modseq)

    def test_changes_that_were_not_told_are_not_in_it(self) -> None:
        """G26"""
        start = self.view.modseq_told
        self.state.apply(self.mailbox.flag({4: SEEN}))
        self.assertEqual(self.view.modseq_told, start)

    def test_changed_since(self) -> None:
        first = self.mailbox.flag({2: 0, 4: SEEN})
        self.state.apply(first)
        self.state.apply(self.mailbox.flag({3: SEEN}))
        self.state.apply(self.mailbox.expunge(4))
        for uids, modseq, expected in [
            ([1, 2, 3, 4], 0, [1, 2, 3]),
            ([1, 2, 3, 4], first.before, [2, 3]),
            ([1, 2, 4], first.before, [2]),
            ([1, 2, 3, 4], first.modseq, [3]),
            ([1, 2, 3, 4], self.state.highest_modseq, []),
            ([], 0, []),
        ]:
            self.assertEqual(self.view.changed_since(uids, modseq), expected, (uids, modseq))

    def test_gone_after(self) -> None:
        """Exact for steps of this process; of what was read together only storage knows."""
        start = self.state.highest_modseq
        first = self.mailbox.expunge(2)
        self.state.apply(first)
        self.state.apply(self.mailbox.expunge(1, 4))
        for since, expected in [(start, "1:2,4"), (first.modseq, "1,4"), (first.modseq + 1, "")]:
            self.assertEqual(str(self.state.gone_after(since)), expected)
        for since in (start - 1, self.state.highest_modseq + 1):
            self.assertIsNone(self.state.gone_after(since))
        self.mailbox.expunge(3)
        self.state.update(self.mailbox.changes(self.state.highest_modseq))
        self.assertIsNone(self.state.gone_after(first.modseq))
        self.assertEqual(str(self.state.gone_after(self.state.highest_modseq)), "")
