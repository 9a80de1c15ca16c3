"""Loose searches as trees of exact ones (RFC 6203)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.criteria import All, And, BodyHas, Criterion, Fuzzy, HeaderHas, Not, Or, TextHas
from sora.mail.fuzzy import MAX_WORDS, exact, grades
from sora.mail.text import fold


def matches(criterion: Criterion, text: str) -> bool:
    """Whether a body matches a tree of BodyHas."""
    match criterion:
        case BodyHas(needle):
            return needle in text
        case And(parts):
            return all(matches(part, text) for part in parts)
        case Or(parts):
            return any(matches(part, text) for part in parts)
        case _:
            raise AssertionError(criterion)


class FuzzyTests(SynchronousTestCase):
    def test_slips_and_endings(self) -> None:
        for needle, text, expected in (
            ("helo", "hello", True),
            ("Meetings", "a meeting", True),
            ("recieve", "to receive", True),
            ("adress", "the address", True),
            ("addresss", "the address", True),
            ("world hello", "hello, world", True),
            ("hello world", "hello", False),
            ("cat", "cut", False),
            ("banana", "orange", False),
            ("grüne", fold("Grün"), True),
            ("grüne", fold("gru und andere"), False),
        ):
            self.assertEqual(matches(exact(Fuzzy(BodyHas(needle))), text), expected, needle)

    def test_what_is_not_loose_stays_as_it_is(self) -> None:
        plain = Not(Or((TextHas("a b"), All())))
        self.assertEqual(exact(plain), plain)
        mixed = And((TextHas("abcdef"), Fuzzy(Not(HeaderHas("To", "a b")))))
        self.assertEqual(
            exact(mixed),
            And(
                (
                    TextHas("abcdef"),
                    Not(And((Or((HeaderHas("To", "a"),)), Or((HeaderHas("To", "b"),))))),
                )
            ),
        )

    def test_a_text_of_many_words_or_none_is_looked_for_as_it_is(self) -> None:
        for text in ("word " * (MAX_WORDS + 1), "?!", ""):
            self.assertEqual(exact(Fuzzy(BodyHas(text))), BodyHas(text))

    def test_grades_sum_to_a_hundred_at_most(self) -> None:
        for count in (1, 2, 3, 7, 10, 40):
            graded = grades(Fuzzy(And(tuple(BodyHas(f"word{n}") for n in range(count)))))
            self.assertTrue(0 < sum(points for _, points in graded) <= 100, count)
        self.assertEqual(grades(TextHas("plain")), [])
        self.assertEqual(grades(Fuzzy(Not(TextHas("plain")))), [])
