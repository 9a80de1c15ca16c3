"""sora.mailbox.local_search against a search that looks at each message."""

import random
from array import array

from twisted.trial.unittest import SynchronousTestCase

from sora.errors import TooMany
from sora.mail.criteria import All, And, Criterion, FlagsAre, KeywordIs, ModSeqIs, Not, Or, UidIn
from sora.mail.flags import DELETED, FLAGGED, SEEN, Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox import local_search
from sora.mailbox.local_search import search
from sora.mailbox.state import Change, MailboxState
from sora.mailbox.turns import Recency
from sora.storage.rows import MailboxRow, Opened, States

KEYWORDS = ((0, "$Junk"), (1, "later"))
JUNK = 1 << 5


def state_of(masks: list[int]) -> MailboxState:
    count = len(masks)
    row = MailboxRow(1, 1, "INBOX", "x", 1, count + 1, 5, count, 0, 0, 0)
    states = States(array("Q", range(1, count + 1)), masks, array("Q", [5]) * count)
    return MailboxState(Opened(row, states, KEYWORDS), Keywords(), Recency())


def matches(criterion: Criterion, uid: int, mask: int, modseq: int) -> bool:
    match criterion:
        case All():
            return True
        case And(parts):
            return all(matches(part, uid, mask, modseq) for part in parts)
        case Or(parts):
            return any(matches(part, uid, mask, modseq) for part in parts)
        case Not(part):
            return not matches(part, uid, mask, modseq)
        case UidIn(uids):
            return uid in uids
        case FlagsAre(flags, present):
            return mask & flags == (flags if present else 0)
        case KeywordIs(name, present):
            return bool(name == "$Junk" and mask & JUNK) == present
        case ModSeqIs(at_least):
            return modseq >= at_least
    raise AssertionError(criterion)


CRITERIA: list[Criterion] = [
    All(),
    FlagsAre(SEEN),
    FlagsAre(SEEN, False),
    FlagsAre(SEEN | DELETED),
    FlagsAre(SEEN | DELETED, False),
    And((FlagsAre(FLAGGED), FlagsAre(SEEN, False))),
    Or((FlagsAre(DELETED), KeywordIs("$Junk"))),
    KeywordIs("never", False),
    Not(KeywordIs("$Junk")),
    And((UidIn(NumberSet(((3, 9), (70, 90)))), FlagsAre(FLAGGED))),
    ModSeqIs(6),
    UidIn(NumberSet.of(range(1, 400, 2))),
    UidIn(NumberSet.of([*range(2, 400, 3), 5000])),
    Not(UidIn(NumberSet())),
]


class LocalSearchTests(SynchronousTestCase):
    def check(self, state: MailboxState) -> None:
        for criterion in CRITERIA:
            expected = [
                uid
                for uid, mask, modseq in zip(state.uids, state.masks, state.modseqs, strict=True)
                if matches(criterion, uid, mask, modseq)
            ]
            self.assertEqual(search(state, criterion), expected, criterion)

    def test_any_state(self) -> None:
        for seed in range(5):
            rng = random.Random(seed)
            masks = [rng.choice((0, 0, SEEN, rng.randrange(128))) for _ in range(100)]
            self.check(state_of(masks))

    def test_few_matches_among_many(self) -> None:
        masks = [0] * 500
        masks[0] = masks[250] = masks[499] = FLAGGED
        state = state_of(masks)
        self.assertEqual(search(state, FlagsAre(FLAGGED)), [1, 251, 500])
        self.check(state)

    def test_after_changes(self) -> None:
        """Arrivals, other flags, and expunges of few and of many ranges."""
        rng = random.Random(7)
        state = state_of([rng.randrange(32) for _ in range(100)])
        state.apply(Change(5, 6, (4, 50, 101), (FLAGGED, JUNK | SEEN, DELETED | JUNK)))
        self.check(state)
        state.apply(Change(6, 7, vanished=NumberSet(((1, 3), (60, 60)))))
        self.check(state)
        scattered = NumberSet.of(range(5, 95, 3))
        state.apply(Change(7, 8, vanished=scattered))
        self.check(state)
        self.assertEqual(len(state.system_flags), len(state))

    def test_an_empty_mailbox(self) -> None:
        self.check(state_of([]))

    def test_there_is_a_bound(self) -> None:
        """G36: what is there again costs nothing more, nor does a UID; many different criteria
        that look at each message are refused."""
        self.patch(local_search, "MAX_LOOKS", 10_000)
        state = state_of([0, SEEN] * 500)
        again = [KeywordIs("$Junk"), Not(KeywordIs("$Junk")), FlagsAre(SEEN, False)] * 500
        self.assertEqual(len(search(state, Or(tuple(again)))), 1000)
        uids = tuple(UidIn(NumberSet(((uid, uid),))) for uid in range(1, 500))
        self.assertEqual(len(search(state, Or(uids))), 499)
        many = tuple(ModSeqIs(number) for number in range(11))
        self.assertRaises(TooMany, search, state, Or(many))
        self.assertEqual(search(state, And(many[1:])), [])
