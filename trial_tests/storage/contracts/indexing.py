"""The contract of `IIndexing`, and that no search finds anything else because of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from sora.mail.criteria import (
    And,
    BodyHas,
    Criterion,
    DateIs,
    FlagsAre,
    Fuzzy,
    HeaderHas,
    Not,
    Or,
    TextHas,
    UidIn,
)
from sora.mail.flags import SEEN
from sora.mail.sort_keys import is_reply
from sora.mail.text import fold
from sora.mail.word_index import WordIndex
from sora.storage.rows import MailboxRow, Segment, SortBy, SortKey, Unindexed
from trial_tests.storage.contracts import searching, sorting
from trial_tests.storage.contracts.contract import Contract, Letter, letter, sets

LEASE = timedelta(minutes=5)
SOME = (
    "lunch Lunch, luncheon noon_sharp NOON ann@example.com <carl@example.com> Straße ÜBER naïve "
    "100% 1.000,00 C:\\temp x y 会議の予定 会議 Привет мир re:re http://a.example/b?c=d&e=f "
    "don't -- == _under_ \u1e9e \ufb01ne a\u0301 ΣΑΣ " + "q" * 70 + " " + "abcdefgh" * 20
).split(" ")


class Indexed(Contract):
    """A mailbox that can be indexed up to anywhere."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)

    async def index(self, mailbox: MailboxRow, upto: int, after: int = 0) -> bool:
        """Index a mailbox above a UID and up to another one."""
        texts = await self.storage.indexing.texts(mailbox.id, after, 1000, 10**9)
        words = WordIndex()
        replies = []
        for text in texts:
            if text.uid <= upto:
                words.add(text.uid, text.header, text.body)
                subject = text.header.partition("\nsubject:")[2].partition("\n")[0]
                if is_reply(subject):
                    replies.append(text.uid)
        segment = Segment(after, words.first_uid, upto, replies, list(words.rows()))
        return await self.storage.indexing.add(
            Unindexed(mailbox.account_id, mailbox.id, after), segment
        )

    async def search(self, criterion: Criterion) -> list[int]:
        return list(await self.storage.messages.search(self.inbox.id, criterion))


class IndexingContract(Indexed):
    """Claims, segments, and searches with an index that goes up to anywhere."""

    async def claimed(self, least: int = 2, limit: int = 10) -> Sequence[Unindexed]:
        return await self.storage.indexing.claim(least, limit, LEASE)

    # -------------------------------------------------------------- claims

    async def test_of_mailboxes_that_are_named_no_others_are_claimed(self) -> None:
        other = await self.find(self.ann, "Other")
        await self.fill(self.ann, self.inbox, (), ())
        await self.fill(self.ann, other, (), ())

        async def claimed(*among: int) -> list[int]:
            found = await self.storage.indexing.claim(2, 10, LEASE, among)
            return [one.mailbox_id for one in found]

        self.assertEqual(await claimed(), [])
        self.assertEqual(await claimed(other.id, other.id, 4_000_000), [other.id])
        self.assertEqual(await claimed(self.inbox.id, other.id), [self.inbox.id])

    async def test_a_mailbox_is_claimed_once_until_it_is_released(self) -> None:
        await self.fill(self.ann, self.inbox, (), (), ())
        await self.fill(self.ann, await self.find(self.ann, "Other"), ())
        expected = [Unindexed(self.ann.id, self.inbox.id, 0)]
        self.assertEqual(list(await self.claimed()), expected)
        self.assertEqual(list(await self.claimed()), [])
        await self.storage.indexing.release(self.inbox.id)
        self.assertEqual(list(await self.claimed()), expected)

    async def test_what_is_indexed_is_not_due(self) -> None:
        await self.fill(self.ann, self.inbox, (), (), ())
        self.assertEqual(len(await self.claimed(least=4)), 0)
        self.assertTrue(await self.index(self.inbox, 2))
        self.assertEqual(len(await self.claimed(least=2)), 0)
        [claimed] = await self.claimed(least=1)
        self.assertEqual(claimed.indexed_uid, 2)

    async def test_messages_that_are_gone_do_not_count(self) -> None:
        await self.fill(self.ann, self.inbox, ("\\Deleted",), ("\\Deleted",), ())
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual(len(await self.claimed(least=2)), 0)

    async def test_a_segment_is_added_once_and_where_the_index_ends(self) -> None:
        await self.fill(self.ann, self.inbox, (), (), ())
        self.assertTrue(await self.index(self.inbox, 2))
        self.assertFalse(await self.index(self.inbox, 2))
        self.assertFalse(await self.index(self.inbox, 3, after=1))
        self.assertTrue(await self.index(self.inbox, 3, after=2))

    async def test_a_mailbox_that_is_gone(self) -> None:
        await self.fill(self.ann, self.inbox, ())
        other = await self.find(self.ann, "Other")
        await self.fill(self.ann, other, (), ())
        await self.storage.mailboxes.delete(self.ann.id, "Other", self.operation())
        self.assertEqual(len(await self.claimed(least=2)), 0)
        self.assertFalse(await self.index(other, 2))

    async def test_texts_come_in_pieces(self) -> None:
        await self.put(self.ann, self.inbox, letter("Größe", "Eins"), trace=b"X-A: B\r\n")
        await self.put(self.ann, self.inbox, letter("two", "x" * 1000))
        await self.put(self.ann, self.inbox, letter("three"))
        texts = self.storage.indexing.texts
        first, second = await texts(self.inbox.id, 0, 2, 10**6)
        self.assertEqual((first.uid, first.body), (1, "eins"))
        self.assertIn("\nx-a:b", first.header)
        self.assertIn(f"\nsubject:{fold('Größe')}\n", first.header)
        self.assertEqual(second.uid, 2)
        self.assertEqual([one.uid for one in await texts(self.inbox.id, 0, 10, 500)], [1, 2])
        self.assertEqual([one.uid for one in await texts(self.inbox.id, 1, 10, 1)], [2])
        self.assertEqual([one.uid for one in await texts(self.inbox.id, 3, 10, 1)], [])

    # -------------------------------------------------------------- searching

    async def test_tables_of_searching_hold_wherever_the_index_ends(self) -> None:
        for message, names, when, trace in searching.MESSAGES:
            await self.put(self.ann, self.inbox, message, *names, internal_date=when, trace=trace)
        tables = (searching.TEXTS, searching.COLUMNS, searching.NESTED, searching.LOOSE)
        for after, upto in ((0, 2), (2, 3), (3, 4)):
            self.assertTrue(await self.index(self.inbox, upto, after))
            for criterion, expected in [row for table in tables for row in table]:
                found = await self.search(criterion)
                self.assertEqual(found, expected, (upto, criterion))

    async def test_sorting_and_threads_do_too(self) -> None:
        for message, day in sorting.MESSAGES:
            await self.put(self.ann, self.inbox, message, internal_date=sorting.noon(day))
        messages = self.storage.messages
        keys = [[SortKey(by, reverse)] for by in SortBy for reverse in (False, True)] + [
            [SortKey(SortBy.FROM), SortKey(SortBy.DATE, True)]
        ]
        everything = Fuzzy(Or((TextHas("banana"), Not(BodyHas("two")))))

        async def answers() -> list[object]:
            orders = [list(await messages.sort(self.inbox.id, everything, key)) for key in keys]
            threads = list(await messages.threads(self.inbox.id, everything))
            scores = await messages.relevance(self.inbox.id, everything, sets(1, 2, 3, 4, 5))
            return [orders, threads, scores]

        expected = await answers()
        for after, upto in ((0, 2), (2, 3), (3, 5)):
            self.assertTrue(await self.index(self.inbox, upto, after))
            self.assertEqual(await answers(), expected, upto)

    async def test_what_is_gone_is_not_found_and_what_comes_is(self) -> None:
        await self.fill(self.ann, self.inbox, ("\\Deleted",), (), ("\\Deleted",))
        await self.index(self.inbox, 3)
        await self.put(self.ann, self.inbox, letter("INBOX 9"))
        self.assertEqual(await self.search(HeaderHas("Subject", "inbox")), [1, 2, 3, 4])
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual(await self.search(HeaderHas("Subject", "inbox")), [2, 4])
        by_subject = [SortKey(SortBy.SUBJECT)]
        found = await self.storage.messages.sort(self.inbox.id, TextHas("inbox"), by_subject)
        self.assertEqual(list(found), [2, 4])

    async def test_other_mailboxes_are_not_found(self) -> None:
        other = await self.find(self.ann, "Other")
        await self.fill(self.ann, other, (), ())
        await self.fill(self.ann, self.inbox, ())
        await self.index(other, 2)
        await self.index(self.inbox, 1)
        self.assertEqual(await self.search(TextHas("other")), [])
        self.assertEqual(await self.search(TextHas("inbox")), [1])

    async def test_any_text_is_found_as_by_reading_it(self) -> None:
        """Against a naive reading of generated messages, with the index at various points."""
        random = Random(20261127)
        letters = []
        for _ in range(24):
            fields = [("Subject", self.some(random, 4)), ("From", self.some(random, 2))]
            for name in ("To", "Cc", "X-Tag", "Subject"):
                if random.random() < 0.4:
                    fields.append((name, self.some(random, 3)))
            one = Letter(fields, "\r\n".join(self.some(random, 6) for _ in range(3)))
            one.sent_at = datetime(2024, 5, random.randint(1, 20), 12, tzinfo=UTC)
            one.sent_day = one.sent_at.date()
            letters.append(one)
            await self.put(self.ann, self.inbox, one, *random.choice([(), ("\\Seen",)]))
        opened = await self.opened(self.ann)
        masks = list(opened.states.masks)
        last = 0
        for upto in (0, 9, 10, 24):
            if upto:
                self.assertTrue(await self.index(self.inbox, upto, last))
                last = upto
            for _ in range(120):
                criterion = self.criterion(random, 2)
                expected = [
                    place + 1
                    for place, (one, mask) in enumerate(zip(letters, masks, strict=True))
                    if naively(criterion, one, place + 1, mask)
                ]
                self.assertEqual(await self.search(criterion), expected, (upto, criterion))

    def some(self, random: Random, count: int) -> str:
        return " ".join(random.choice(SOME) for _ in range(random.randint(0, count)))

    def needle(self, random: Random) -> str:
        whole = " ".join(random.choice(SOME) for _ in range(random.randint(1, 3)))
        if random.random() < 0.2:
            return whole
        start = random.randrange(len(whole))
        return whole[start : start + random.choice((1, 2, 3, 4, 6, 9, 20, 40, 90))]

    def criterion(self, random: Random, depth: int) -> Criterion:
        match random.choice(("leaf", "leaf", "not", "and", "or") if depth else ("leaf",)):
            case "not":
                return Not(self.criterion(random, depth - 1))
            case "and":
                return And(tuple(self.criterion(random, depth - 1) for _ in range(2)))
            case "or":
                return Or(tuple(self.criterion(random, depth - 1) for _ in range(2)))
        text = self.needle(random)
        return random.choice(
            (
                TextHas(text),
                TextHas(text),
                BodyHas(text),
                BodyHas(text),
                HeaderHas(random.choice(("Subject", "From", "To", "Cc", "X-Tag", "Nope")), text),
                HeaderHas(random.choice(("Subject", "To", "X-Tag", "Tag")), ""),
                UidIn(sets(*random.sample(range(1, 25), 6))),
                FlagsAre(SEEN),
                DateIs("sent", "since", datetime(2024, 5, random.randint(1, 20)).date()),
            )
        )


def naively(criterion: Criterion, one: Letter, uid: int, mask: int) -> bool:
    """Whether a letter matches, by reading it."""
    match criterion:
        case Not(part):
            return not naively(part, one, uid, mask)
        case And(parts):
            return all(naively(part, one, uid, mask) for part in parts)
        case Or(parts):
            return any(naively(part, one, uid, mask) for part in parts)
        case UidIn(uids):
            return uid in uids
        case FlagsAre():
            return bool(mask & SEEN)
        case DateIs(_, _, day):
            return one.sent_day is not None and one.sent_day >= day
        case BodyHas(text):
            return fold(text) in fold(one.body)
        case HeaderHas(name, text):
            return any(
                name.lower() == field.lower() and fold(text) in fold(value)
                for field, value in one.fields
            )
        case TextHas(text):
            lines = [f"{name.lower()}:{fold(value)}" for name, value in one.fields]
            return fold(text) in fold(one.body) or any(fold(text) in line for line in lines)
        case _:
            raise AssertionError(criterion)
