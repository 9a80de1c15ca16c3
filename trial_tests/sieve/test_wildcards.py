"""Patterns of `:matches`, against a regular expression and a matcher that tries everything."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.wildcards import compile_pattern


def found(pattern: str, text: str) -> "list[str] | None":
    places = compile_pattern(pattern).match(text)
    return None if places is None else [text[begin:end] for begin, end in places]


def oracle(pattern: str, text: str) -> "list[str] | None":
    """The same by backtracking, wildcards as little as possible, the first ones first."""
    expression, place = "", 0
    while place < len(pattern):
        one = pattern[place]
        if one == "\\" and place + 1 < len(pattern):
            place += 1
            expression += re.escape(pattern[place])
        else:
            expression += {"*": "(.*?)", "?": "(.)"}.get(one, re.escape(one))
        place += 1
    match = re.fullmatch(expression, text, re.DOTALL)
    return None if match is None else list(match.groups())


class Patterns(SynchronousTestCase):
    def test_table(self) -> None:
        for pattern, text, expected in (
            ("", "", []),
            ("", "a", None),
            ("abc", "abc", []),
            ("abc", "abcd", None),
            ("*", "", [""]),
            ("*", "a\r\nb", ["a\r\nb"]),
            ("?", "", None),
            ("?", "\n", ["\n"]),
            ("?*", "abc", ["a", "bc"]),
            ("*?", "abc", ["ab", "c"]),
            ("**", "abc", ["", "abc"]),
            ("a*c", "abcbc", ["bcb"]),
            ("*b*", "abcbc", ["a", "cbc"]),
            ("a?c", "abc", ["b"]),
            ("*a?c*", "aaxabcd", ["aax", "b", "d"]),
            ("\\*", "*", []),
            ("\\*", "a", None),
            ("\\?", "?", []),
            ("\\\\", "\\", []),
            ("\\a", "a", []),
            ("a\\", "a\\", []),
            ("???", "äöü", ["ä", "ö", "ü"]),
            ("a???b*", "a123b4", ["1", "2", "3", "4"]),
            ("*.*", "x.y.z", ["x", "y.z"]),
            ("*.", "x.y.", ["x.y"]),
            ("a*a", "a", None),
        ):  # fmt: skip
            self.assertEqual(found(pattern, text), expected, (pattern, text))

    @settings(deadline=None, max_examples=400)
    @given(st.text("ab*?\\", max_size=8), st.text("ab*\\", max_size=10))
    def test_oracle(self, pattern: str, text: str) -> None:
        self.assertEqual(found(pattern, text), oracle(pattern, text))


class Hostile(SynchronousTestCase):
    """What keeps a backtracking matcher busy for ever is done at once."""

    def test_bounded(self) -> None:
        text = "a" * 200_000
        for pattern in (
            "*a*a*a*a*a*a*a*a*b",
            "*a" * 5000 + "b",
            "*" * 60_000 + "b",
            "?" * 60_000,
            "*?b",
            "*" + "?a" * 100 + "b",
        ):
            self.assertIsNone(found(pattern, text), pattern[:20])
