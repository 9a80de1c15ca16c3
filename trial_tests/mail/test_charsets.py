"""Labels of charsets."""

import codecs

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument, BadCharset
from sora.mail import charsets
from trial_tests.support.properties import SETTINGS


class CharsetTests(SynchronousTestCase):
    def test_every_codec_of_the_table_exists(self) -> None:
        for label in charsets._CODECS:
            codec = charsets.codec_of(label.upper())
            assert codec is not None
            self.assertIsNotNone(codecs.lookup(codec))

    def test_codecs_that_are_no_charsets_of_mail_are_not_known(self) -> None:
        for label in (
            "punycode",
            "idna",
            "zlib",
            "hex",
            "rot13",
            "unicode_escape",
            "undefined",
            "os",
            "",
        ):
            with self.subTest(label):
                self.assertIsNone(charsets.codec_of(label))

    def test_text_is_decoded_by_its_label_or_by_what_it_is(self) -> None:
        for data, label, expected in (
            (b"abc", "utf-8", "abc"),
            (b"\xe9", "iso-8859-1", "é"),
            (b"\x93x\x94", "ISO-8859-1", "“x”"),
            ("привет".encode("koi8-r"), "KOI8-R", "привет"),
            ("日本".encode("iso2022_jp"), "iso-2022-jp", "日本"),
            ("日本".encode("cp932"), "Shift_JIS", "日本"),
            ("한국".encode("cp949"), "ks_c_5601-1987", "한국"),
            ("你好".encode("gbk"), '"gb2312"', "你好"),
            (b"\xfe\xff\x00a", "utf-16", "a"),
            (b"a+AOk-b", "utf-7", "aéb"),
            (b"+2AA-", "utf-7", "\ufffd"),
            ("é".encode(), "us-ascii", "é"),
            (b"\xe9", "us-ascii", "é"),
            (b"\xe9", "x-unknown", "é"),
            ("é".encode(), "", "é"),
            (b"ok \xff", "utf-8", "ok \ufffd"),
            (b"a\0b", "utf-8", "ab"),
        ):
            with self.subTest(data=data, label=label):
                self.assertEqual(charsets.decode(data, label), expected)

    @SETTINGS
    @given(st.binary(max_size=40), st.sampled_from(sorted(charsets._CODECS)))
    def test_nothing_raises_and_everything_can_be_stored(self, data: bytes, label: str) -> None:
        text = charsets.decode(data, label)
        self.assertNotIn("\0", text)
        text.encode("utf-8")


class SearchCharsetTests(SynchronousTestCase):
    def test_a_known_charset_is_decoded(self) -> None:
        """RFC 3501 §6.4.4."""
        self.assertEqual(charsets.decode_search("é".encode(), "utf-8"), "é")
        self.assertEqual(charsets.decode_search(b"\xe9", "ISO-8859-15"), "é")
        self.assertEqual(charsets.decode_search("é".encode(), "US-ASCII"), "é")

    def test_clients_may_name_whatever_python_knows(self) -> None:
        """By all of its names; ISO-8859-1 is what it says there as well."""
        for text, label in (
            ("é", "cp037"),
            ("é", "csISOLatin2"),
            ("ğ", "L5"),
            ("Ж", "KOI8-T"),
            ("é", "mac-romanian"),
            ("日本", "EUC-JIS-2004"),
            ("é", "IBM500"),
            ("é", "ISO_8859-1:1987"),
        ):
            codec = charsets.codec_of(label) or charsets._python_codec(label)
            assert codec is not None
            with self.subTest(label):
                self.assertEqual(charsets.decode_search(text.encode(codec), label), text)
        for codec in sorted(charsets._PYTHON):
            self.assertTrue(codecs.lookup(codec)._is_text_encoding, codec)

    def test_an_unknown_one_is_refused(self) -> None:
        for label in ("klingon", "", "base64", "hex", "rot13", "idna", "punycode", "zip", "os"):
            self.assertRaises(BadCharset, charsets.decode_search, b"a", label)

    def test_octets_that_are_not_in_it_are_refused(self) -> None:
        self.assertRaises(BadArgument, charsets.decode_search, b"\xff", "utf-8")
