"""SEARCH, its RETURN options, SORT and ESEARCH say the same of one result, whatever it is."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sora.mail.numbers import NumberSet, in_order
from trial_tests.support.contexts import expanded
from trial_tests.support.properties import SETTINGS
from trial_tests.support.transcript import TranscriptTestCase

KEYS = st.recursive(
    st.sampled_from(
        [
            "ALL",
            "SEEN",
            "UNSEEN",
            "FLAGGED",
            "KEYWORD $Work",
            "UNKEYWORD $Work",
            "SUBJECT a",
            "SUBJECT b",
            "BODY xx",
            "LARGER 70",
            "2:5",
            "1,4,9:*",
            "UID 3:12",
            "UID *",
            "$",
            "RECENT",
            "MODSEQ 1",
            "OLDER 100",
            "FUZZY SUBJECT b",
        ]
    ),
    lambda keys: st.one_of(
        keys.map(lambda key: f"NOT {key}"),
        st.tuples(keys, keys).map(lambda pair: f"OR {pair[0]} {pair[1]}"),
        st.lists(keys, min_size=1, max_size=3).map(lambda some: f"({' '.join(some)})"),
    ),
    max_leaves=6,
)


class AgreementTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for number in range(16):
            flags = [
                flag
                for bit, flag in enumerate(("\\Seen", "\\Flagged", "$Work"))
                if number >> bit & 1
            ]
            subject = b"ab"[number % 2 : number % 2 + 1] * (1 + number % 3)
            self.append(b"Subject: %b\r\n\r\n" % subject + b"x" * (number * 7 % 31), "INBOX", flags)
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"s STORE 3,8,14 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"s EXPUNGE")
        self.client.ask(b"s SEARCH RETURN (SAVE) 2,5:7,11")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"s STORE 6 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"s EXPUNGE")
        self.client.ask(b"s ENABLE CONDSTORE")
        self.client.ask(b"s NOOP")

    def ask(self, command: str) -> str:
        said = self.client.ask(f"x {command}".encode()).decode()
        self.assertRegex(said, r"(\A|\r\n)x OK [^\r\n]*\r\n\Z", command)
        return said.splitlines()[0]

    def plain(self, command: str) -> list[int]:
        line = self.ask(command).partition(" (MODSEQ")[0]
        return [int(number) for number in line.split()[2:]]

    def extended(self, command: str) -> dict[str, str]:
        line = self.ask(command)
        data = re.sub(r"^\* ESEARCH \([^)]*\)( UID)?", "", line)
        words = re.findall(r" (MIN|MAX|COUNT|ALL|MODSEQ|PARTIAL) (\([^)]*\)|\S+)", data)
        return dict(words)

    def check(self, keys: str, start: int, length: int) -> None:
        numbers, uids = self.plain(f"SEARCH {keys}"), self.plain(f"UID SEARCH {keys}")
        self.assertEqual(len(numbers), len(uids), keys)
        for word, expected in (("", numbers), ("UID ", uids)):
            said = self.extended(f"{word}SEARCH RETURN (MIN MAX ALL COUNT) {keys}")
            self.assertEqual(expanded(said.get("ALL", "")), expected, keys)
            self.assertEqual(int(said["COUNT"]), len(expected))
            ends = [said.get("MIN"), said.get("MAX")]
            self.assertEqual(
                ends, [str(expected[0]), str(expected[-1])] if expected else [None] * 2
            )
            self.assertEqual("MODSEQ" in said, "MODSEQ" in keys and bool(expected), keys)
            in_order_of_mailbox = self.plain(f"{word}SORT (ARRIVAL) UTF-8 {keys}")
            self.assertEqual(sorted(in_order_of_mailbox), expected, keys)
            end = start + length
            for page, part in (
                (f"{start}:{end}", expected[start - 1 : end]),
                (f"-{start}:-{end}", expected[::-1][start - 1 : end][::-1]),
            ):
                said = self.extended(f"{word}SEARCH RETURN (PARTIAL {page}) {keys}")
                given = said["PARTIAL"].strip("()").split()
                self.assertEqual(given, [page, in_order(part) or "NIL"], keys)
            threaded = self.ask(f"{word}THREAD REFS UTF-8 {keys}")
            self.assertEqual(sorted(map(int, re.findall(r"\d+", threaded))), expected, keys)
        found = self.extended(f"ESEARCH RETURN (ALL) {keys}")
        self.assertEqual(expanded(found.get("ALL", "")), uids, keys)

    def test_they_agree(self) -> None:
        @SETTINGS
        @given(KEYS, st.integers(1, 16), st.integers(0, 6))
        def agree(keys: str, start: int, length: int) -> None:
            self.check(keys, start, length)

        agree()

    def test_not_is_the_rest(self) -> None:
        @SETTINGS
        @given(KEYS)
        def rest(keys: str) -> None:
            everything = self.plain("SEARCH ALL")
            those, others = self.plain(f"SEARCH {keys}"), self.plain(f"SEARCH NOT ({keys})")
            self.assertEqual(sorted(those + others), everything, keys)

        rest()


class RenderingTests(TranscriptTestCase):
    logs_in = False

    @SETTINGS
    @given(st.lists(st.integers(1, 40), unique=True, max_size=30))
    def test_sets_in_order(self, numbers: list[int]) -> None:
        """RFC 5267 §3.2: ranges ascend, and the order is kept."""
        self.assertEqual(expanded(in_order(numbers)), numbers)
        ascending = sorted(numbers)
        self.assertEqual(in_order(ascending), str(NumberSet.of(numbers)))
        self.assertEqual(NumberSet.ascending(ascending), NumberSet.of(numbers))
