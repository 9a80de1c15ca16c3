"""The contract of `IMessages.search`: exact substrings, dates, ids, nesting."""

from datetime import UTC, date, datetime, timedelta, timezone
from random import Random
from uuid import uuid4

from sora.mail.criteria import (
    AgeIs,
    All,
    And,
    BodyHas,
    Criterion,
    DateIs,
    EmailIdIs,
    FlagsAre,
    Fuzzy,
    HeaderHas,
    KeywordIs,
    ModSeqIs,
    Not,
    Or,
    SizeIs,
    TextHas,
    ThreadIdIs,
    UidIn,
)
from sora.mail.flags import DELETED, FLAGGED, SEEN
from sora.mail.numbers import NumberSet
from trial_tests.storage.contracts.contract import EVERYTHING, Contract, Letter, letter, sets

HOUR = timedelta(hours=1)


def at(hours: float, *moment: int) -> datetime:
    """A moment in a zone."""
    return datetime(*moment, tzinfo=timezone(timedelta(hours=hours)))  # type: ignore[arg-type,misc]


MESSAGES: list[tuple[Letter, list[str], datetime, bytes]] = [
    (
        Letter(
            [
                ("Subject", "Lunch at 100%"),
                ("From", "Ann <ann@example.com>"),
                ("To", "bob@example.com"),
            ],
            "See you at noon_sharp, it's 'quoted' $1 %s\r\n",
            date(2024, 3, 1),
        ),
        ["\\Seen", "$Work"],
        at(-5, 2024, 3, 1, 23, 30),
        b"",
    ),
    (
        Letter(
            [("Subject", "Re: lunch"), ("Cc", "carl@example.com"), ("Bcc", "dora@example.com")],
            "100 percent sure, C:\\temp and C:/TEMP\r\n",
            date(2024, 3, 1),
        ),
        ["\\Flagged"],
        at(0, 2024, 3, 2, 0, 10),
        b"",
    ),
    (
        Letter([("Subject", "Größe der Straße"), ("X-Empty", "")], "ÜBER alles, naïve ﬁne\r\n"),
        ["\\Seen", "\\Deleted"],
        at(9, 2024, 3, 5, 1, 0),
        b"",
    ),
    (
        Letter(
            [("X-Tag", "red"), ("X-Tag", "blue"), ("List-Id", "<sora.example.org>")],
            "",
            date(2023, 12, 31),
        ),
        [],
        at(0, 2024, 3, 10, 12, 0),
        b"Delivered-To: ann@example.com\r\nReceived: from mx.example.net\r\n by here; today\r\n",
    ),
]
"""letter, flags, internal date, trace; the UIDs are 1 to 4"""

TEXTS: list[tuple[Criterion, list[int]]] = [
    (HeaderHas("Subject", "lunch"), [1, 2]),
    (HeaderHas("SUBJECT", "LUNCH AT"), [1]),
    (HeaderHas("Subject", ""), [1, 2, 3]),
    (HeaderHas("Subject", "%"), [1]),
    (HeaderHas("Subject", "_"), []),
    (HeaderHas("Subject", "1__%"), []),
    (HeaderHas("Subject", "STRASSE"), [3]),
    (HeaderHas("Subject", "GRÖSSE"), [3]),
    (HeaderHas("Subject", "größe"), [3]),
    (HeaderHas("From", "ann@example.com"), [1]),
    (HeaderHas("From", "Ann <"), [1]),
    (HeaderHas("To", "BOB"), [1]),
    (HeaderHas("To", "carl"), []),
    (HeaderHas("Cc", "carl@"), [2]),
    (HeaderHas("Bcc", "dora"), [2]),
    (HeaderHas("X-Empty", ""), [3]),
    (HeaderHas("X-Empty", "x"), []),
    (HeaderHas("X-Tag", "blue"), [4]),
    (HeaderHas("x-tag", "RED"), [4]),
    (HeaderHas("x-tag", "red\nx-tag:blue"), []),
    (HeaderHas("Tag", "red"), []),
    (HeaderHas("X-Ta", ""), []),
    (HeaderHas("X-T%g", "red"), []),
    (HeaderHas("X_Tag", "red"), []),
    (HeaderHas("X-Tag", "list-id"), []),
    (HeaderHas("List-Id", "sora.example"), [4]),
    (HeaderHas("Delivered-To", "ann@example.com"), [4]),
    (HeaderHas("Delivered-To", ""), [4]),
    (HeaderHas("Received", "mx.example.net"), [4]),
    (HeaderHas("Received", "by here"), [4]),
    (HeaderHas("Nothing", ""), []),
    (BodyHas(""), [1, 2, 3, 4]),
    (BodyHas("noon_sharp"), [1]),
    (BodyHas("noon%sharp"), []),
    (BodyHas("noonxsharp"), []),
    (BodyHas("it's 'quoted'"), [1]),
    (BodyHas("$1 %s"), [1]),
    (BodyHas("c:\\temp"), [2]),
    (BodyHas("\\"), [2]),
    (BodyHas("über"), [3]),
    (BodyHas("NAÏVE"), [3]),
    (BodyHas("fine"), [3]),
    (BodyHas("naive"), []),
    (BodyHas("nai"), [3]),  # as i;unicode-casemap has it, RFC 5051
    (BodyHas("lunch"), []),
    (BodyHas("temp and c:/temp"), [2]),
    (TextHas("100"), [1, 2]),
    (TextHas("100%"), [1]),
    (TextHas(""), [1, 2, 3, 4]),
    (TextHas("STRASSE"), [3]),
    (TextHas("x-tag"), [4]),
    (TextHas("delivered-to"), [4]),
    (TextHas("mx.example.net"), [4]),
    (TextHas("carl@example.com"), [2]),
    (TextHas("über alles"), [3]),
    (TextHas("not there"), []),
    (TextHas("x-tag: "), [4]),
    (TextHas("Tag: r"), [4]),
    (TextHas("tag: no"), []),
    (TextHas("delivered-to: "), [4]),
]

COLUMNS: list[tuple[Criterion, list[int]]] = [
    (All(), [1, 2, 3, 4]),
    (And(()), [1, 2, 3, 4]),
    (Or(()), []),
    (UidIn(sets(2, 4, 99)), [2, 4]),
    (UidIn(NumberSet()), []),
    (UidIn(EVERYTHING), [1, 2, 3, 4]),
    (FlagsAre(SEEN), [1, 3]),
    (FlagsAre(SEEN, present=False), [2, 4]),
    (FlagsAre(SEEN | DELETED), [3]),
    (FlagsAre(SEEN | DELETED, present=False), [2, 4]),
    (FlagsAre(FLAGGED), [2]),
    (KeywordIs("$work"), [1]),
    (KeywordIs("$WORK", present=False), [2, 3, 4]),
    (KeywordIs("$Never"), []),
    (KeywordIs("$Never", present=False), [1, 2, 3, 4]),
    (DateIs("internal", "on", date(2024, 3, 1)), [1]),
    (DateIs("internal", "on", date(2024, 3, 2)), [2]),
    (DateIs("internal", "before", date(2024, 3, 2)), [1]),
    (DateIs("internal", "since", date(2024, 3, 2)), [2, 3, 4]),
    (DateIs("internal", "on", date(2024, 3, 5)), [3]),
    (DateIs("internal", "on", date(2024, 3, 4)), []),
    (DateIs("sent", "on", date(2024, 3, 1)), [1, 2]),
    (DateIs("sent", "before", date(2024, 3, 1)), [4]),
    (DateIs("sent", "since", date(2024, 3, 1)), [1, 2]),
    (DateIs("sent", "before", date(2999, 1, 1)), [1, 2, 4]),
    (ModSeqIs(0), [1, 2, 3, 4]),
    (DateIs("saved", "since", date(2024, 1, 1)), [1, 2, 3, 4]),
    (DateIs("saved", "before", date(2024, 1, 1)), []),
    (EmailIdIs(uuid4()), []),
    (ThreadIdIs(uuid4()), []),
    (Not(ThreadIdIs(uuid4())), [1, 2, 3, 4]),
]

LOOSE: list[tuple[Criterion, list[int]]] = [
    (Fuzzy(HeaderHas("Subject", "Lunhc")), [1, 2]),
    (Fuzzy(HeaderHas("Subject", "lunches")), [1, 2]),
    (Fuzzy(HeaderHas("Subject", "100 lunch")), [1]),
    (Fuzzy(BodyHas("shrap noon")), [1]),
    (Fuzzy(TextHas("STRASSEN")), [3]),
    (Fuzzy(And((FlagsAre(SEEN), HeaderHas("Subject", "lunnch")))), [1]),
    (Not(Fuzzy(HeaderHas("Subject", "lunhc"))), [3, 4]),
    (Fuzzy(Not(HeaderHas("Subject", "lunhc"))), [3, 4]),
    (Fuzzy(BodyHas("nothing like it")), []),
    (Fuzzy(BodyHas("...")), []),
    (Fuzzy(FlagsAre(SEEN)), [1, 3]),
]

NESTED: list[tuple[Criterion, list[int]]] = [
    (Not(HeaderHas("X-Tag", "red")), [1, 2, 3]),
    (Not(HeaderHas("Subject", "")), [4]),
    (Not(DateIs("sent", "before", date(2024, 3, 1))), [1, 2, 3]),
    (Not(DateIs("sent", "since", date(2024, 3, 1))), [3, 4]),
    (Not(Not(BodyHas("über"))), [3]),
    (Not(KeywordIs("$Never")), [1, 2, 3, 4]),
    (Not(All()), []),
    (Not(And(())), []),
    (Or((HeaderHas("Subject", "lunch"), TextHas("x-tag"))), [1, 2, 4]),
    (And((HeaderHas("Subject", "lunch"), FlagsAre(SEEN))), [1]),
    (And((BodyHas("c:"), Not(FlagsAre(SEEN)), UidIn(sets(1, 2)))), [2]),
    (
        Or(
            (And((FlagsAre(SEEN), Not(TextHas("100")))), And((UidIn(sets(4)), SizeIs("larger", 0))))
        ),
        [3, 4],
    ),
    (Not(Or((FlagsAre(SEEN), And((BodyHas("percent"), Not(HeaderHas("Cc", "ann"))))))), [4]),
]


class SearchingContract(Contract):
    """Searching, each criterion alone and in any combination."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Other")
        self.inbox = await self.find(self.ann)
        self.sizes = {}
        self.modseqs = {}
        for message, names, when, trace in MESSAGES:
            placed = await self.put(
                self.ann, self.inbox, message, *names, internal_date=when, trace=trace
            )
            self.sizes[placed.uid] = len(message.octets) + len(trace)
            self.modseqs[placed.uid] = placed.modseq
        # What lies in other mailboxes is never found.
        other = await self.find(self.ann, "Other")
        await self.put(self.ann, other, MESSAGES[0][0], "\\Seen")

    async def search(self, criterion: Criterion, gone_since: int | None = None) -> list[int]:
        return list(await self.storage.messages.search(self.inbox.id, criterion, gone_since))

    async def check_table(self, table: list[tuple[Criterion, list[int]]]) -> None:
        for criterion, expected in table:
            found = await self.search(criterion)
            self.assertEqual(found, expected, repr(criterion))

    async def test_texts(self) -> None:
        await self.check_table(TEXTS)

    async def test_columns(self) -> None:
        await self.check_table(COLUMNS)

    async def test_loose_texts(self) -> None:
        """RFC 6203"""
        await self.check_table(LOOSE)

    async def test_ages(self) -> None:
        """RFC 5032: both have the bound itself."""
        await self.put(self.ann, self.inbox, letter("old"), internal_date=at(0, 1999, 1, 1))
        now = datetime.now(UTC)
        await self.put(self.ann, self.inbox, letter("new"), internal_date=now + HOUR)
        self.assertEqual(await self.search(AgeIs("younger", 1)), [6])
        self.assertEqual(await self.search(AgeIs("older", 100 * 365 * 86400)), [])
        self.assertIn(5, await self.search(AgeIs("older", 86400 * 7000)))
        self.assertNotIn(5, await self.search(AgeIs("younger", 86400 * 7000)))

    async def test_ids(self) -> None:
        read = await self.storage.messages.read(self.inbox.id, sets(2), frozenset())
        self.assertEqual(await self.search(EmailIdIs(read.messages[0].email_id)), [2])

    async def test_nesting(self) -> None:
        await self.check_table(NESTED)

    async def test_sizes_are_of_content_and_trace(self) -> None:
        for uid, size in self.sizes.items():
            for criterion in (SizeIs("larger", size), SizeIs("smaller", size)):
                self.assertNotIn(uid, await self.search(criterion))
            self.assertIn(uid, await self.search(SizeIs("larger", size - 1)))
            self.assertIn(uid, await self.search(SizeIs("smaller", size + 1)))

    async def test_modseqs(self) -> None:
        self.assertEqual(await self.search(ModSeqIs(self.modseqs[3])), [3, 4])
        self.assertEqual(await self.search(ModSeqIs(self.modseqs[4] + 1)), [])
        stored = await self.store(self.inbox, sets(1), "add", "\\Answered")
        self.assertEqual(await self.search(ModSeqIs(stored.modseq)), [1])

    async def test_present_flags_count(self) -> None:
        await self.store(self.inbox, sets(4), "add", "\\Seen", "$Work")
        await self.store(self.inbox, sets(1), "replace")
        self.assertEqual(await self.search(FlagsAre(SEEN)), [3, 4])
        self.assertEqual(await self.search(KeywordIs("$Work")), [4])
        self.assertEqual(await self.search(KeywordIs("$Work", present=False)), [1, 2, 3])

    async def test_what_has_just_arrived_is_found_and_what_is_gone_is_not(self) -> None:
        placed = await self.put(self.ann, self.inbox, letter("Lunch again", "naïve too"))
        self.assertEqual(await self.search(HeaderHas("Subject", "lunch")), [1, 2, placed.uid])
        self.assertEqual(await self.search(BodyHas("NAÏVE")), [3, placed.uid])
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        self.assertEqual(await self.search(BodyHas("naïve")), [placed.uid])

    async def test_what_went_after_a_modseq_is_found_on_request(self) -> None:
        """A client that was not told of an EXPUNGE has the message still (RFC 3501 §7.4.1)."""
        gone = sets(2, 3)
        before = await self.store(self.inbox, gone, "add", "\\Deleted")
        table = [criterion for criterion, _ in (*TEXTS, *COLUMNS, *NESTED)]
        expected = [await self.search(criterion) for criterion in table]
        messages = self.storage.messages
        expunged = await messages.expunge(self.inbox.id, sets(3), self.operation())
        moved = await messages.move(self.inbox.id, sets(2), self.ann.id, "Other", self.operation())
        for criterion, uids in zip(table, expected, strict=True):
            what = repr(criterion)
            self.assertEqual(await self.search(criterion, before.modseq), uids, what)
            left = [uid for uid in uids if uid not in gone]
            self.assertEqual(await self.search(criterion), left, what)
            self.assertEqual(await self.search(criterion, moved.expunged.modseq), left, what)
        self.assertEqual(await self.search(All(), expunged.modseq), [1, 2, 4])
        self.assertEqual(await self.search(UidIn(sets(3)), before.modseq), [3])

    async def test_an_empty_mailbox(self) -> None:
        empty = await self.storage.mailboxes.create(self.ann.id, "Empty", None, self.operation())
        for criterion in (All(), TextHas("a"), Not(BodyHas("a")), KeywordIs("$work", False)):
            self.assertEqual(list(await self.storage.messages.search(empty.id, criterion)), [])

    async def test_a_long_text_and_a_long_needle(self) -> None:
        body = "".join(f"word{number} " for number in range(20_000))
        placed = await self.put(self.ann, self.inbox, letter("long", body))
        self.assertEqual(await self.search(BodyHas(body[50_000:52_000])), [placed.uid])
        self.assertEqual(await self.search(BodyHas("WORD19999 ")), [placed.uid])
        self.assertEqual(await self.search(BodyHas("word20000")), [])

    async def test_any_combination_is_the_combination_of_its_parts(self) -> None:
        """NOT, AND and OR are those of sets, however deep (three-valued logic has no place)."""
        random = Random(20240517)
        leaves = TEXTS + COLUMNS
        everything = {1, 2, 3, 4}

        def build(depth: int) -> tuple[Criterion, set[int]]:
            kind = random.choice(("leaf", "not", "and", "or")) if depth else "leaf"
            if kind == "leaf":
                criterion, expected = random.choice(leaves)
                return criterion, set(expected)
            parts = [build(depth - 1) for _ in range(random.randint(1, 3))]
            if kind == "not":
                return Not(parts[0][0]), everything - parts[0][1]
            criteria = tuple(part for part, _ in parts)
            found = [matching for _, matching in parts]
            if kind == "and":
                return And(criteria), everything.intersection(*found)
            return Or(criteria), set().union(*found)

        for _ in range(60):
            criterion, expected = build(4)
            self.assertEqual(await self.search(criterion), sorted(expected), repr(criterion))
