from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.xtext import decode_unitext, decode_xtext, encode_unitext, encode_xtext


class XtextTests(SynchronousTestCase):
    """RFC 3461 §4"""

    def test_reads_and_writes(self) -> None:
        for text, encoded in (
            ("", ""),
            ("plain", "plain"),
            ("QQ314159", "QQ314159"),
            ("a+b=c d", "a+2Bb+3Dc+20d"),
            ('"two words"@example.com', '"two+20words"@example.com'),
            ("jürgen", "j+C3+BCrgen"),
        ):
            with self.subTest(text):
                self.assertEqual(encode_xtext(text), encoded)
                self.assertEqual(decode_xtext(encoded), text)
        self.assertEqual(decode_xtext("+41+42"), "AB")

    def test_refuses_what_is_none(self) -> None:
        for text in ("a b", "a=b", "a+", "a+2", "a+2b", "a+GG", "ü", "+FF", "a\n", "\x7f"):
            with self.subTest(text), self.assertRaises(ValueError):
                decode_xtext(text)

    @given(st.text(st.characters(codec="utf-8")))
    def test_what_is_written_is_read(self, text: str) -> None:
        self.assertEqual(decode_xtext(encode_xtext(text)), text)


class UnitextTests(SynchronousTestCase):
    """RFC 6533 §3"""

    def test_reads_and_writes(self) -> None:
        for text, encoded in (
            ("plain@example.com", "plain@example.com"),
            ("jürgen@example.com", r"j\x{FC}rgen@example.com"),
            (r"a+b=c\ d", r"a\x{2B}b\x{3D}c\x{5C}\x{20}d"),
            ("\U0001f600@x", r"\x{1F600}@x"),
        ):
            with self.subTest(text):
                self.assertEqual(encode_unitext(text), encoded)
                self.assertEqual(decode_unitext(encoded), text)
        self.assertEqual(decode_unitext("jürgen@x"), "jürgen@x")

    def test_refuses_what_is_none(self) -> None:
        for text in ("", "a+b", "a=b", "a b", "\\", r"\x{}", r"\x{D800}", r"\x{110000}", r"\x{FC"):
            with self.subTest(text), self.assertRaises(ValueError):
                decode_unitext(text)

    @given(st.text(st.characters(codec="utf-8"), min_size=1))
    def test_what_is_written_is_read(self, text: str) -> None:
        self.assertEqual(decode_unitext(encode_unitext(text)), text)
