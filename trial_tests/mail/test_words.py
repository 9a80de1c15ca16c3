"""Words of texts, what a text to look for wants of them, and signatures."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.text import fold
from sora.mail.word_index import BODY, HEADER, NAMES, SUBJECT, TO, WordIndex, number_text
from sora.mail.words import GRAM_BITS, LONGEST, STEP, Wanted, grams, signature, wanted, words
from trial_tests.support.properties import SETTINGS

TEXTS = st.text(alphabet="ab1_ .@-éß\u0301\u3099会議\n", max_size=120).map(fold)


def has(listed: str, text: str, wide: bool = False) -> bool:
    """Whether a list of words says that its message may have a text."""
    return all(pattern in listed for pattern in wanted(text, wide).patterns)


def lines(found: set[str]) -> str:
    """Words as they are stored."""
    return "\n".join(["", *sorted(found), ""])


class WordTests(SynchronousTestCase):
    def test_words_are_runs_of_letters_with_marks_digits_and_underscores(self) -> None:
        text = fold("Don't use snake_case, ann@example.com: 1.000 cafés, 会議")
        self.assertEqual(
            words(text),
            {"don", "t", "use", "snake_case", "ann", "example", "com", "1", "000"}
            | {fold("cafés"), "会議"},
        )

    def test_wide_words_are_addresses_and_names_of_hosts_too(self) -> None:
        self.assertEqual(
            words("ann <ann+x@mail.example.com>, [192.0.2.1]", wide=True),
            {"ann", "ann+x@mail.example.com", "192.0.2.1"},
        )
        self.assertEqual(wanted("n@mail.ex", wide=True), Wanted(("n@mail.ex",), exact=True))

    def test_long_words_are_cut_into_pieces_that_overlap(self) -> None:
        word = "".join(chr(97 + place % 26) for place in range(150))
        pieces = words(word)
        self.assertTrue(all(len(piece) <= LONGEST for piece in pieces))
        for start in range(150 - STEP):
            part = word[start : start + STEP]
            self.assertTrue(any(part in piece for piece in pieces), start)
        self.assertIn(word[:LONGEST], pieces)
        self.assertTrue(any(piece.endswith(word[-STEP:]) for piece in pieces))

    def test_what_a_text_wants(self) -> None:
        for text, expected in (
            ("lunch", Wanted(("lunch",), exact=True)),
            ("ab", Wanted(("ab",), exact=True)),
            ("a", Wanted((), exact=True)),
            ("会", Wanted(("会",), exact=True)),
            ("", Wanted((), exact=False)),
            ("...", Wanted((), exact=False)),
            ("lunch ", Wanted(("lunch\n",), exact=False)),
            (" lunch", Wanted(("\nlunch",), exact=False)),
            ("ann@example.com", Wanted(("\nexample\n",), exact=False)),
            ("ann@ex.com", Wanted(("ann\n", "\nex\n", "\ncom"), exact=False)),
            ("x" * 40, Wanted(("x" * STEP,), exact=False)),
        ):
            self.assertEqual(wanted(text), expected, text)

    @SETTINGS
    @given(TEXTS, st.integers(0, 120), st.integers(1, 60), st.booleans())
    def test_a_part_of_a_text_is_never_missed(
        self, text: str, start: int, length: int, wide: bool
    ) -> None:
        part = text[start : start + length]
        self.assertTrue(has(lines(words(text, wide)), part, wide), (text, part))

    @SETTINGS
    @given(TEXTS, st.text(alphabet="ab1_.@é会", min_size=1, max_size=6).map(fold), st.booleans())
    def test_one_word_is_found_exactly(self, text: str, part: str, wide: bool) -> None:
        asks = wanted(part, wide)
        if asks.exact and asks.patterns:
            self.assertEqual(has(lines(words(text, wide)), part, wide), part in text)

    def test_two_letters_tell_something_where_words_are_short(self) -> None:
        self.assertEqual(grams("abc"), ["abc"])
        self.assertEqual(grams("ab"), [])
        self.assertEqual(grams("会議"), ["会議"])
        self.assertEqual(grams("a会議"), ["a会議", "a会", "会議"])

    def test_the_signature_of_a_part_is_in_that_of_the_whole(self) -> None:
        whole = signature({gram for word in ("luncheon", "noon") for gram in grams(word)})
        self.assertEqual(len(whole), GRAM_BITS)
        for part, expected in (("lunch", True), ("cheon", True), ("oo", True), ("zebra", False)):
            bits = signature(grams(part))
            contained = all(a == "1" for a, b in zip(whole, bits, strict=True) if b == "1")
            self.assertEqual(contained, expected, part)


class WordIndexTests(SynchronousTestCase):
    def test_words_by_field(self) -> None:
        index = WordIndex()
        index.add(7, "\nsubject:re: lunch\nto:bob\nx-to:carl\n", "see you")
        index.add(9, "\nsubject:lunch\nsubject:again\n", "you")
        rows = {row.of_field: row for row in index.rows()}
        self.assertEqual(rows[SUBJECT].words, "\nagain\nlunch\nre\n")
        self.assertEqual(rows[SUBJECT].postings.split("\n"), ["", "2", "02", "0", ""])
        self.assertEqual(rows[TO].words, "\nbob\n")
        self.assertEqual(rows[NAMES].words, "\nsubject\nto\nx-to\n")
        self.assertIn("\ncarl\n", rows[HEADER].words)
        self.assertEqual(rows[BODY].words, "\nsee\nyou\n")
        self.assertEqual(rows[BODY].postings, "\n0\n02\n")

    def test_rows_are_of_a_bounded_size(self) -> None:
        index = WordIndex()
        index.add(1, "\n", " ".join(f"{number:x}" for number in range(100_000, 104_000)))
        rows = [row for row in index.rows() if row.of_field == BODY]
        self.assertGreater(len(rows), 4)
        self.assertEqual(sum(row.words.count("\n") - 1 for row in rows), 4000)
        for row in rows:
            self.assertLess(row.grams.count("1"), GRAM_BITS // 2)

    def test_uids_that_are_too_far_apart_are_not_taken(self) -> None:
        index = WordIndex()
        self.assertTrue(index.takes(10**9))
        index.add(10**9, "\n", "a")
        self.assertTrue(index.takes(10**9 + 49_999))
        self.assertFalse(index.takes(10**9 + 50_000))
        self.assertFalse(0xD800 <= ord(number_text(49_999)) < 0xE000)
