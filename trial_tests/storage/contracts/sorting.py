"""The contract of `IMessages.sort`, `threads` and `relevance` (RFC 5256, 5957, 6203)."""

from datetime import UTC, date, datetime

from sora.mail.criteria import All, And, BodyHas, Fuzzy, HeaderHas, Not, TextHas, UidIn
from sora.storage.rows import SortBy, SortKey, ThreadRow
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, Letter, sets


def noon(day: int) -> datetime:
    """A day of May 2024."""
    return datetime(2024, 5, day, 12, tzinfo=UTC)


def mail(subject: str, sender: str, to: str, body: str, sent: int | None, *more: str) -> Letter:
    """A letter; `more` are the values of Cc, Message-ID, In-Reply-To, References."""
    fields = [("Subject", subject), ("From", sender), ("To", to)]
    names = ("Cc", "Message-ID", "In-Reply-To", "References")
    fields.extend((name, value) for name, value in zip(names, more, strict=False) if value)
    when = None if sent is None else noon(sent)
    return Letter(fields, body, None if when is None else date(2024, 5, when.day), when)


MESSAGES = [
    (mail("Re: apple", "zoe@example.com", "b@x", "one", 3, "", "<2@x>", "<1@x>", "<0@x> <1@x>"), 1),
    (mail("Banana", "adam@example.com", "a@x", "four fours", None, "q@x", "<1@x>"), 2),
    (mail("apple", "Mia@example.com", "c@x", "two", 1), 3),
    (mail("[list] Élan", "adam@example.com", "a@x", "", 9, "p@x"), 4),
    (mail("banana (fwd)", "bob@example.com", "", "seven letters", 2), 5),
]
"""letter and the day of its internal date; the UIDs are 1 to 5"""


class SortingContract(Contract):
    """Orders, threads and scores of what a search finds."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com")
        self.inbox = await self.find(self.ann)
        for message, day in MESSAGES:
            await self.put(self.ann, self.inbox, message, internal_date=noon(day))

    async def sort(self, *keys: SortBy | SortKey, criterion: object = All()) -> list[int]:
        made = [key if isinstance(key, SortKey) else SortKey(key) for key in keys]
        return list(await self.storage.messages.sort(self.inbox.id, criterion, made))

    async def test_each_key(self) -> None:
        """What is equal ascends by UID."""
        for key, expected in (
            (SortBy.ARRIVAL, [1, 2, 3, 4, 5]),
            (SortBy.CC, [1, 3, 5, 4, 2]),
            (SortBy.DATE, [3, 2, 5, 1, 4]),
            (SortBy.FROM, [2, 4, 5, 3, 1]),
            (SortBy.SUBJECT, [1, 3, 2, 5, 4]),
            (SortBy.TO, [5, 2, 4, 1, 3]),
            (SortBy.DISPLAYFROM, [2, 4, 5, 3, 1]),
            (SortBy.DISPLAYTO, [5, 2, 4, 1, 3]),
        ):
            self.assertEqual(await self.sort(key), expected, key)
        sizes = [len(message.octets) for message, _ in MESSAGES]
        by_size = sorted(range(1, 6), key=lambda uid: (sizes[uid - 1], uid))
        self.assertEqual(await self.sort(SortBy.SIZE), by_size)

    async def test_reversed_keys_and_several(self) -> None:
        """REVERSE turns one key; what is equal in all of them still ascends (RFC 5256 §3)."""
        down = SortKey(SortBy.SUBJECT, reverse=True)
        self.assertEqual(await self.sort(down), [4, 2, 5, 1, 3])
        self.assertEqual(await self.sort(down, SortBy.DATE), [4, 2, 5, 3, 1])
        self.assertEqual(
            await self.sort(SortBy.FROM, SortKey(SortBy.ARRIVAL, True)), [4, 2, 5, 3, 1]
        )

    async def test_only_what_matches(self) -> None:
        some = And((UidIn(sets(1, 2, 3, 99)), Not(BodyHas("two"))))
        self.assertEqual(await self.sort(SortBy.SUBJECT, criterion=some), [1, 2])
        nothing = HeaderHas("Subject", "cherry")
        self.assertEqual(await self.sort(SortBy.SIZE, criterion=nothing), [])

    async def test_threads(self) -> None:
        rows = await self.storage.messages.threads(self.inbox.id, All())
        self.assertEqual(
            list(rows),
            [
                ThreadRow(1, "2@x", "1@x", ("0@x", "1@x"), "APPLE", True, noon(3)),
                ThreadRow(2, "1@x", "", (), "BANANA", False, noon(2)),
                ThreadRow(3, "", "", (), "APPLE", False, noon(1)),
                ThreadRow(4, "", "", (), "E\u0301LAN", False, noon(9)),
                ThreadRow(5, "", "", (), "BANANA", True, noon(2)),
            ],
        )
        some = await self.storage.messages.threads(self.inbox.id, BodyHas("two"))
        self.assertEqual([row.uid for row in some], [3])

    async def test_what_went_after_a_modseq_on_request(self) -> None:
        """As for a search: nobody was told yet that it is gone."""
        before = await self.store(self.inbox, sets(1, 4), "add", "\\Deleted")
        messages = self.storage.messages
        threads = list(await messages.threads(self.inbox.id, All()))
        orders = {key: await self.sort(key) for key in SortBy}
        await messages.expunge(self.inbox.id, None, self.operation())
        for key, order in orders.items():
            found = await messages.sort(self.inbox.id, All(), [SortKey(key)], before.modseq)
            self.assertEqual(list(found), order, key)
        self.assertEqual(await self.sort(SortBy.DATE), [3, 2, 5])
        found = await messages.threads(self.inbox.id, All(), before.modseq)
        self.assertEqual(list(found), threads)

    async def test_relevance(self) -> None:
        """RFC 6203 §4 and §6: the best comes first; scores go from 1 to 100."""
        loosely = Fuzzy(TextHas("banana fwd"))
        scores = await self.storage.messages.relevance(self.inbox.id, loosely, EVERYTHING)
        self.assertEqual(set(scores), {1, 2, 3, 4, 5})
        self.assertEqual(scores[3], 1)
        self.assertTrue(all(1 <= score <= 100 for score in scores.values()))
        word = Fuzzy(TextHas("banana"))
        scores = await self.storage.messages.relevance(self.inbox.id, word, sets(2, 3, 77))
        self.assertEqual(scores, {2: 100, 3: 1})
        slip = Fuzzy(TextHas("letters fuors"))
        self.assertEqual(await self.sort(SortBy.RELEVANCY, criterion=Fuzzy(BodyHas("four"))), [2])
        self.assertEqual(await self.sort(SortBy.RELEVANCY, criterion=slip), [])

    async def test_the_most_relevant_comes_first(self) -> None:
        worse = Letter([("Subject", "x")], "bananna")
        await self.put(self.ann, self.inbox, worse)
        loosely = Fuzzy(TextHas("banana"))
        self.assertEqual(await self.sort(SortBy.RELEVANCY, criterion=loosely), [2, 5, 6])
        back = SortKey(SortBy.RELEVANCY, reverse=True)
        self.assertEqual(await self.sort(back, criterion=loosely), [6, 2, 5])
