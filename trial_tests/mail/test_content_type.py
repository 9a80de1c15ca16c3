"""Content types and parameters."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.content_type import (
    TEXT,
    decode_parameter,
    joined,
    parse,
    parse_disposition,
    parse_parameters,
    parse_token,
)
from trial_tests.support.properties import SETTINGS


class ContentTypeTests(SynchronousTestCase):
    def test_types_are_read(self) -> None:
        """RFC 2045 §5.1, and what is sent instead."""
        for value, kind, parameters in (
            (b"text/plain", b"text/plain", ()),
            (b"TEXT/HTML; Charset=UTF-8", b"text/html", ((b"Charset", b"UTF-8"),)),
            (
                b"text/plain; charset=us-ascii (Plain text)",
                b"text/plain",
                ((b"charset", b"us-ascii"),),
            ),
            (b'text/plain; charset="us-ascii"', b"text/plain", ((b"charset", b"us-ascii"),)),
            (b'a/b; x="a\\"b\\\\c"; y=z', b"a/b", ((b"x", b'a"b\\c'), (b"y", b"z"))),
            (b"a/b; name=my file (1).pdf", b"a/b", ((b"name", b"my file (1).pdf"),)),
            (b"a/b;name=", b"a/b", ((b"name", b""),)),
            (b"a/b; flag; x=y", b"a/b", ((b"x", b"y"),)),
            (b'a/b; x="never closed; y=z', b"a/b", ((b"x", b"never closed; y=z"),)),
            (b"multipart/mixed;boundary=a=b", b"multipart/mixed", ((b"boundary", b"a=b"),)),
            (b"application/vnd.ms-excel.sheet+xml", b"application/vnd.ms-excel.sheet+xml", ()),
        ):
            with self.subTest(value):
                found = parse(value)
                self.assertEqual(found.kind, kind)
                self.assertEqual(found.parameters, parameters)

    def test_what_is_no_type_is_text(self) -> None:
        """RFC 2045 §5.2."""
        for value in (None, b"", b"text", b"; charset=x", b"text/", b"/plain", b"a b/c"):
            with self.subTest(value):
                self.assertEqual(parse(value), TEXT)

    def test_dispositions_and_tokens(self) -> None:
        """RFC 2183 §2."""
        self.assertEqual(
            parse_disposition(b"attachment; filename=x"), (b"attachment", ((b"filename", b"x"),))
        )
        self.assertIsNone(parse_disposition(None))
        self.assertIsNone(parse_disposition(b" ; x=y"))
        self.assertEqual(parse_token(b" base64 (really)", b"7BIT"), b"base64")
        self.assertEqual(parse_token(b"", b"7BIT"), b"7BIT")

    def test_parameters_in_pieces_and_charsets(self) -> None:
        """RFC 2231 §3 and §4."""
        for value, name, expected in (
            (b'a/b; URL*0="ftp://"; URL*1="cs.utk.edu/"', "url", "ftp://cs.utk.edu/"),
            (
                b"a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                "title",
                "This is ***fun***",
            ),
            (
                b"a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
                "title",
                "This is even more ***fun*** isn't it!",
            ),
            (b"a/b; n*1=b; n*0=a", "n", "ab"),
            (b"a/b; n*=utf-8''Gr%C3%BC; n=fallback", "n", "Grü"),
            (b"a/b; n==?utf-8?Q?Gr=C3=BC?=", "n", "Grü"),
            (b"a/b; n*=noquotes", "n", "noquotes"),
            (b"a/b; x=y", "n", None),
        ):
            with self.subTest(value):
                self.assertEqual(decode_parameter(parse_parameters(value), name), expected)

    def test_continuations_are_put_together(self) -> None:
        """RFC 2231 §3, §4.1; what does not follow on number 0 stays as it came."""
        for value, expected in (
            (b'x; a*0="x y"; b=1; A*1=z', ((b"a", b"x yz"), (b"b", b"1"))),
            (b"x; a*1=z; a*0=y", ((b"a", b"yz"),)),
            (
                b"x; t*0*=us-ascii'en'This%20is%20even%20more%20; t*1*=%2A%2A%2Afun%2A%2A%2A%20; "
                b't*2="isn\'t it!"',
                (
                    (
                        b"t*",
                        b"us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20"
                        b"isn%27t%20it%21",
                    ),
                ),
            ),
            (b"x; a*0=u'; a*1*=%20", ((b"a*", b"''u%27%20"),)),
            (b"x; a*0=y; a*2=z", ((b"a", b"y"), (b"a*2", b"z"))),
            (b"x; a*1=y", ((b"a*1", b"y"),)),
            (b"x; a*=utf-8''y; a*01=z", ((b"a*", b"utf-8''y"), (b"a*01", b"z"))),
        ):
            with self.subTest(value):
                self.assertEqual(joined(parse_parameters(value)), expected)

    def test_long_nonsense_is_read_in_linear_time(self) -> None:
        for value in (
            b"a" * 300_000,
            b"a/" + b" " * 300_000,
            b"a/b" + b"; " * 150_000,
            b'a/b; x="' + b'\\"' * 150_000,
            b"a/b; x=" + b" " * 300_000 + b"y)",
        ):
            with self.subTest(value[:12]):
                parse(value)

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                ["a/b", ";", " ", "=", '"', "\\", "x", "*", "0", "'", "%41", "(", ")", "é"]
            ),
            max_size=20,
        )
    )
    def test_nothing_raises(self, pieces: list[str]) -> None:
        found = parse(("a/b;" + "".join(pieces)).encode())
        decode_parameter(found.parameters, "x")
