"""HTML as text."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.html import to_text
from trial_tests.support.properties import SETTINGS


class HtmlTests(SynchronousTestCase):
    def test_what_a_reader_sees_is_kept(self) -> None:
        for source, expected in (
            ("plain", "plain"),
            ("<p>one</p><p>two</p>", "one\ntwo"),
            ("in<b>side</b> a word", "inside a word"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("<td>a</td><td>b</td>", "a\nb"),
            ("<head><title>no</title><style>p{}</style></head><body>yes</body>", "yes"),
            ("<script>if (a<b) document.write('<p>');</script>after", "after"),
            ("<!-- <p>hidden</p> > -->shown", "shown"),
            ("a<!-->b", "ab"),
            ("<!DOCTYPE html><p>x", "x"),
            ("&lt;b&gt; &amp; &eacute;&#8364;&#x20AC;&nbsp;.", "<b> & é€€ ."),
            ("&#" + "9" * 5000 + ";", "\ufffd" + "9" * 4992 + ";"),
            ("<a title='a>b' href=\"c>d\">link</a>", "link"),
            ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
            ("  many \n\t spaces ", "many spaces"),
            ("end <unclosed", "end"),
            ("<STYLE>x</style >y", "y"),
        ):
            with self.subTest(source[:60]):
                self.assertEqual(to_text(source), expected)

    def test_long_nonsense_is_read_in_linear_time(self) -> None:
        for piece in ("<", "<!--", "<a '", "<script>", "&", "&#", "<p>", "-->", '<a "<', "</"):
            with self.subTest(piece):
                self.assertIsInstance(to_text(piece * (400_000 // len(piece))), str)

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                [
                    "<",
                    ">",
                    "p",
                    "/",
                    "!--",
                    "--",
                    "script",
                    "&",
                    "#",
                    "x41",
                    ";",
                    "'",
                    '"',
                    " ",
                    "é",
                ]
            ),
            max_size=30,
        )
    )
    def test_nothing_raises(self, pieces: list[str]) -> None:
        to_text("".join(pieces)).encode("utf-8")
