"""A mailbox as it was: from its events alone, and against lives whose every moment was noted."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.addresses import parse_address
from sora.errors import BadArgument
from sora.mail.facts import derive
from sora.mail.flags import DELETED, FLAGGED, SEEN, Flags, Keywords
from sora.mail.numbers import NumberSet
from sora.operations.owners import OwnerLookup, Whose
from sora.operations.past import AGAIN, CHANGED, GONE, THERE, AsItWas, PastOperations
from sora.operations.rewinding import Rewinding
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import (
    Arrival,
    EventDetail,
    EventKind,
    FlagChange,
    Happened,
    NewMailbox,
    Operation,
    Target,
)

ANN = Whose("ann@example.com")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sets(*numbers: int) -> NumberSet:
    return NumberSet.of(numbers)


def event(kind: EventKind, *uids: int, mailbox: int = 1, **detail: object) -> Happened:
    about = EventDetail(**detail)  # type: ignore[arg-type]
    return Happened(mailbox, "X", 1, kind, sets(*uids), NOON, "", "", "", "", about)


def restored(new: int, old: int, other: int = 1) -> Happened:
    return event(EventKind.RESTORED, new, other=other, sources=sets(old))


def flags(uid: int, was: int) -> Happened:
    return event(EventKind.FLAGS, uid, was=((was, sets(uid)),))


class RewindingTests(SynchronousTestCase):
    def rewound(self, *events: Happened) -> Rewinding:
        found = Rewinding(1)
        for each in events:
            found.take(each)
        return found

    def test_what_came_and_what_went(self) -> None:
        found = self.rewound(
            event(EventKind.ARRIVED, 5),
            event(EventKind.COPIED_IN, 6, other=2, sources=sets(1)),
            event(EventKind.EXPUNGED, 2, 5),
            event(EventKind.MOVED_OUT, 3),
        )
        self.assertEqual((found.came, found.gone), ({5, 6}, {2, 3}))

    def test_the_first_flags_that_were_replaced_are_those_of_then(self) -> None:
        found = self.rewound(
            flags(1, SEEN), flags(1, FLAGGED), event(EventKind.ARRIVED, 2), flags(2, 0)
        )
        self.assertEqual(found.was, {1: SEEN})

    def test_flags_that_were_not_recorded(self) -> None:
        """Of more than 100 different ones, the rest is not."""
        found = self.rewound(
            flags(3, 0),
            event(EventKind.FLAGS, 1, 2, 3, was=((SEEN, sets(1)),)),
            flags(2, FLAGGED),
        )
        self.assertEqual((found.was, found.unknown), ({1: SEEN, 3: 0}, {2}))

    def test_a_message_that_came_back_is_the_same(self) -> None:
        """Twice, and gone again."""
        events = [
            event(EventKind.EXPUNGED, 1), restored(5, 1), flags(5, FLAGGED),
            event(EventKind.EXPUNGED, 5), restored(6, 5),
        ]  # fmt: skip
        found = self.rewound(*events)
        self.assertEqual((found.gone, found.now, found.was), (set(), {1: 6}, {1: FLAGGED}))
        self.assertTrue(found.is_new(5))
        found = self.rewound(*events, event(EventKind.EXPUNGED, 6))
        self.assertEqual((found.gone, found.uid_now(1)), ({1}, 6))

    def test_what_was_gone_already_or_came_and_went_was_not_there(self) -> None:
        found = self.rewound(
            restored(5, 1), event(EventKind.ARRIVED, 6), event(EventKind.EXPUNGED, 6),
            restored(7, 6), restored(8, 3, other=2),
        )  # fmt: skip
        self.assertEqual((found.came, found.gone, found.now), ({5, 6, 7, 8}, set(), {}))

    def test_a_mailbox_that_was_not_there(self) -> None:
        self.assertRaises(BadArgument, self.rewound, event(EventKind.CREATED))


class LivesTests(TestCase):
    """Random lives of a mailbox, on storage in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON.timestamp())
        self.storage = memory_storage(self.clock)
        self.random = Random(0)
        owners = OwnerLookup(self.storage.accounts, self.storage.rights)
        self.past = PastOperations(
            owners,
            self.storage.mailboxes,
            self.storage.messages,
            self.storage.restoring,
            self.storage.history,
            self.operation,
            lambda: datetime.fromtimestamp(self.clock.seconds(), UTC),
        )

    def operation(self) -> Operation:
        return Operation(UUID(int=self.random.getrandbits(128)))

    async def begin(self, seed: int) -> None:
        self.random = Random(seed)
        address = parse_address("ann@example.com")
        self.ann = await self.storage.accounts.create(
            address, [], [NewMailbox("INBOX"), NewMailbox("Other")]
        )
        self.inbox = (await self.storage.mailboxes.find(self.ann.id, "INBOX")).id
        self.other = (await self.storage.mailboxes.find(self.ann.id, "Other")).id
        self.clock.advance(1)

    async def step(self) -> None:
        """Something that a client or an operator does."""
        box, uids = self.inbox, [*self.storage.tables.mailboxes[self.inbox].messages]
        some = [uid for uid in uids if self.random.random() < 0.4]
        chosen, operation = NumberSet.of(some), self.operation()
        messages, random = self.storage.messages, self.random.random()
        if random < 0.3 or not some:
            await self.put(self.random.choice([self.inbox, self.inbox, self.other]))
        elif random < 0.6:
            mode = self.random.choice(["add", "remove", "replace"])
            bits = self.random.choice([SEEN, FLAGGED, SEEN | FLAGGED])
            words = self.random.choice([(), ("$Work",), ("$Home", "$Work")])
            change = FlagChange(mode, Flags(bits, words))  # type: ignore[arg-type]
            await messages.store(box, chosen, change, operation)
        elif random < 0.75:
            await messages.store(box, chosen, FlagChange("add", Flags(DELETED)), operation)
            if self.random.random() < 0.5:
                self.clock.advance(1)
            await messages.expunge(box, chosen, self.operation())
        elif random < 0.85:
            await messages.move(box, chosen, self.ann.id, "Other", operation)
        else:
            gone = [g.message.uid for g in self.storage.tables.expunged if g.mailbox_id == box]
            back = [uid for uid in gone if self.random.random() < 0.5]
            await self.storage.restoring.restore(box, back, box, operation)

    async def put(self, mailbox_id: int) -> None:
        content = b"Subject: %d\r\n\r\n" % self.random.getrandbits(40)
        arrival = Arrival(content.ljust(32)[:32], derive(content), content)
        target = Target(
            self.ann.id, mailbox_id, NOON, self.operation().id, Flags(self.random.choice([0, SEEN]))
        )
        await self.storage.messages.place(self.ann.scope_id, arrival, [target], self.operation())

    def snapshot(self) -> dict[int, tuple[UUID, Flags]]:
        """The messages, and their flags without \\Deleted."""
        keywords = Keywords(self.storage.tables.accounts[self.ann.id].keywords)
        return {
            uid: (each.email_id, Flags(each.mask & 23, tuple(keywords.names(each.mask))))
            for uid, each in self.storage.tables.mailboxes[self.inbox].messages.items()
        }

    async def test_every_moment_of_a_life_is_told_as_it_was(self) -> None:
        for seed in range(15):
            self.setUp()
            await self.begin(seed)
            noted = []
            for _ in range(25):
                await self.step()
                self.clock.advance(1)
                moment = datetime.fromtimestamp(self.clock.seconds(), UTC)
                noted.append((moment, self.snapshot()))
                self.clock.advance(1)
            now = self.snapshot()
            for moment, then in noted:
                was = await self.past.at(ANN, "INBOX", moment, 1000)
                self.assertEqual(self.told(was), then, (seed, moment))
                uids = {email: uid for uid, (email, _) in now.items()}
                for entry in was.entries:
                    assert entry.message is not None
                    uid = uids.get(entry.message.email_id)
                    self.assertEqual(entry.uid_now, uid, (seed, moment, entry))
                    states = (GONE,) if uid is None else (THERE, CHANGED)
                    self.assertIn(entry.state, states if uid in (None, entry.uid) else (AGAIN,))
                came = {email for email, _ in now.values()} - {e for e, _ in then.values()}
                self.assertEqual(was.came, len(came), (seed, moment))

    def told(self, was: AsItWas) -> dict[int, tuple[UUID, Flags]]:
        told = {}
        for entry in was.entries:
            assert entry.message is not None and entry.flags is not None
            flags = Flags(entry.flags.system & 23, entry.flags.keywords)
            told[entry.uid] = entry.message.email_id, flags
        return told

    async def test_what_was_there_is_brought_back_and_what_came_later_stays(self) -> None:
        for seed in range(15):
            self.setUp()
            await self.begin(seed)
            for _ in range(12):
                await self.step()
                self.clock.advance(1)
            moment = datetime.fromtimestamp(self.clock.seconds(), UTC)
            then = dict(self.snapshot().values())
            for _ in range(12):
                self.clock.advance(1)
                await self.step()
            self.clock.advance(1)
            before = dict(self.snapshot().values())
            would = await self.past.restore(ANN, "INBOX", moment, dry_run=True)
            self.assertEqual(dict(self.snapshot().values()), before)
            done = await self.past.restore(ANN, "INBOX", moment)
            self.assertEqual((done, done.removed, done.refused), (would, 0, 0), seed)
            after = dict(self.snapshot().values())
            self.assertEqual({email: after[email] for email in then}, then, seed)
            stay = {email: flags for email, flags in before.items() if email not in then}
            self.assertEqual(after, then | stay, seed)
            self.assertEqual((done.came, done.restored), (len(stay), len({*then} - {*before})))
            self.clock.advance(1)
            again = await self.past.restore(ANN, "INBOX", moment)
            self.assertEqual((again.restored, again.flags), (0, 0), seed)

    async def test_what_cannot_be_told(self) -> None:
        await self.begin(1)
        for moment in (NOON - timedelta(days=1), NOON + timedelta(days=1)):
            with self.assertRaises(BadArgument):
                await self.past.at(ANN, "INBOX", moment, 10)
        self.storage.tables.mailboxes[self.inbox].horizon = 300_000_000_000_000
        with self.assertRaises(BadArgument) as caught:
            await self.past.at(ANN, "INBOX", NOON + timedelta(seconds=1), 10)
        self.assertIn("history begins", str(caught.exception))
