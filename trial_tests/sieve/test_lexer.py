"""Tokens (RFC 5228 §8.1)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.errors import ScriptError
from sora.sieve.lexer import MAX_NUMBER, Source, tokens


def lexed(text: "str | bytes") -> list[tuple[str, object]]:
    """Kinds and values, without the end."""
    errors: list[ScriptError] = []
    found = tokens(Source.of(text), errors)
    assert not errors, errors
    return [(one.kind, one.value) for one in found[:-1]]


def wrong(text: "str | bytes") -> list[str]:
    errors: list[ScriptError] = []
    tokens(Source.of(text), errors)
    return [f"{one.line}:{one.column}: {one.text}" for one in errors]


class Tokens(SynchronousTestCase):
    def test_kinds(self) -> None:
        self.assertEqual(
            lexed('If :Over 2K ["a"] {(x_1,y);}'),
            [
                ("word", "if"), ("tag", "over"), ("number", 2048), ("mark", "["), ("string", "a"),
                ("mark", "]"), ("mark", "{"), ("mark", "("), ("word", "x_1"), ("mark", ","),
                ("word", "y"), ("mark", ")"), ("mark", ";"), ("mark", "}"),
            ],
        )  # fmt: skip

    def test_numbers(self) -> None:
        """RFC 5228 §2.4.1"""
        for text, value in (
            ("0", 0), ("00012", 12), ("1k", 1024), ("1M", 1 << 20), ("3g", 3 << 30),
            ("2147483647", 2**31 - 1), (str(MAX_NUMBER), MAX_NUMBER),
        ):  # fmt: skip
            self.assertEqual(lexed(text), [("number", value)], text)

    def test_wrong_numbers(self) -> None:
        for text in (str(MAX_NUMBER + 1), "9" * 5000, "8589934592G"):
            self.assertEqual(wrong(text), [f"1:1: This number is larger than {MAX_NUMBER}"])
        for text in ("12x", "1KB", "1k2"):
            self.assertIn(f"{text} is not a number", wrong(text)[0])

    def test_quoted(self) -> None:
        r"""RFC 5228 §2.4.2: `\a` is `a`; line ends are CRLF."""
        for text, value in (
            ('""', ""),
            (r'"a\"b\\c"', 'a"b\\c'),
            (r'"\a"', "a"),
            ('"a\nb"', "a\r\nb"),
            ('"a\r\nb"', "a\r\nb"),
            ('"a # b /* c */"', "a # b /* c */"),
            ('"ä€"', "ä€"),
            (b'"\xff"', "\udcff"),
        ):
            self.assertEqual(lexed(text), [("string", value)], text)

    def test_multi_line(self) -> None:
        for text, value in (
            ("text:\r\nHello\r\n.\r\n", "Hello\r\n"),
            ("text:\n.\n", ""),
            ("TEXT: \t# comment\nHello\n.\n", "Hello\r\n"),
            ("text:\n..\n.a\n..b\n.\n", ".\r\n.a\r\n.b\r\n"),
            ("text:\nHello\n.", "Hello\r\n"),
            ('text:\n# /* "\n. \n.\n', '# /* "\r\n. \r\n'),
        ):
            self.assertEqual(lexed(text), [("string", value)], text)

    def test_text_is_a_word_too(self) -> None:
        self.assertEqual(lexed("text textile"), [("word", "text"), ("word", "textile")])

    def test_comments(self) -> None:
        for text in ("# a", "# a\r\nx", "/* a\n * b **/x", "/**/x", "/* /* */x", "x#", "\ufeffx"):
            self.assertIn(lexed(text), ([], [("word", "x")]), text)

    def test_errors(self) -> None:
        for text, error in (
            ('"abc', "1:1: This string is not ended: a second quotation mark is missing"),
            ('a "\\"', "1:3: This string is not ended: a second quotation mark is missing"),
            ("text:\nabc", "1:1: This text is not ended: a line with nothing but '.' is missing"),
            (
                "text: abc\n.\n",
                "1:1: The text of a multi-line string begins on the line after 'text:'",
            ),
            ("a\n  /* b", "2:3: This comment is not ended: '*/' is missing"),
            ("a\0b", "1:2: A script cannot have the character NUL (RFC 5228, 2.1)"),
            ("\n@", "2:1: The character '@' cannot stand here"),
            ("ä", "1:1: The character 'ä' cannot stand here"),
            ("\x01", "1:1: The character 'U+0001' cannot stand here"),
            ("'abc'", "1:1: Strings stand in double quotation marks, not in single ones"),
        ):
            self.assertEqual(wrong(text)[0], error, text)

    def test_bounded_errors(self) -> None:
        self.assertEqual(len(wrong("@" * 10_000)), 20)

    @settings(deadline=None)
    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Never raises; tokens stand one after the other."""
        found = tokens(Source.of(text), [])
        self.assertEqual(found[-1].kind, "end")
        places = [place for one in found[:-1] for place in (one.at, one.end)]
        self.assertEqual(places, sorted(places))

    @settings(deadline=None)
    @given(st.binary())
    def test_octets(self, octets: bytes) -> None:
        tokens(Source.of(octets), [])

    @settings(deadline=None)
    @given(st.text(st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"])))
    def test_strings(self, text: str) -> None:
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self.assertEqual(lexed(quoted), [("string", text)])
