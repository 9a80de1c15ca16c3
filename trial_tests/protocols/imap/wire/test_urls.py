"""URLs of messages (RFC 5092)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadURL
from sora.mail.section import Section
from sora.protocols.imap.wire.sections import Partial
from sora.protocols.imap.wire.urls import read_message_url, spoken_url
from trial_tests.support.properties import SETTINGS

TO_THE_END = (1 << 63) - 1


class UrlTests(SynchronousTestCase):
    def test_what_they_name(self) -> None:
        for text, selected, mailbox, uidvalidity, uid, section, partial in (
            (b"/INBOX/;UID=20", None, "INBOX", None, 20, Section(), None),
            (b"/inbox/;uid=20", None, "INBOX", None, 20, Section(), None),
            (b"/a/b;UIDVALIDITY=385759045/;UID=20", None, "a/b", 385759045, 20, Section(), None),
            (b"/a%20b%3Bc/;UID=4294967295", None, "a b;c", None, 4294967295, Section(), None),
            (b"/Q&A/;UID=1", None, "Q&A", None, 1, Section(), None),
            (b"/%E5%8F%B0/;UID=1", None, "\u53f0", None, 1, Section(), None),
            (b"/a/;UID=1/;SECTION=1.2.MIME", None, "a", None, 1, Section((1, 2), "MIME"), None),
            (b"/a/;UID=1/;section=text", None, "a", None, 1, Section((), "TEXT"), None),
            (
                b"/a/;UID=1/;SECTION=HEADER.FIELDS%20(To%20Cc)/;PARTIAL=5.10",
                None,
                "a",
                None,
                1,
                Section((), "HEADER.FIELDS", ("To", "Cc")),
                Partial(5, 10),
            ),
            (b"/a/;UID=1/;PARTIAL=5", None, "a", None, 1, Section(), Partial(5, TO_THE_END)),
            (b";UID=7/;SECTION=1", "x/y", "x/y", None, 7, Section((1,)), None),
            (b"z/;UID=7", "x/y", "x/z", None, 7, Section(), None),
            (b"z/;UID=7", "x", "z", None, 7, Section(), None),
            (b"z/;UID=7", None, "z", None, 7, Section(), None),
        ):
            with self.subTest(text=text):
                url = read_message_url(text, selected)
                self.assertEqual(
                    (url.mailbox, url.uidvalidity, url.uid, url.section, url.partial),
                    (mailbox, uidvalidity, uid, section, partial),
                )

    def test_what_is_none(self) -> None:
        for text in (
            b"",
            b"/",
            b";UID=1",
            b"imap://host/a/;UID=1",
            b"//host/a/;UID=1",
            b"/a",
            b"/a/;UID=",
            b"/a/;UID=x",
            b"/a/;UID=0",
            b"/a/;UID=4294967296",
            b"/a/;UID=1/;SECTION=",
            b"/a/;UID=1/;SECTION=1]",
            b"/a/;UID=1/;SECTION=MIME",
            b"/a/;UID=1/;SECTION=0",
            b"/a/;UID=1/;PARTIAL=",
            b"/a/;UID=1/;PARTIAL=1/;SECTION=1",
            b"/a/;UID=1;URLAUTH=anonymous",
            b"/a?SUBJECT",
            b"/a b/;UID=1",
            b"/a%/;UID=1",
            b"/%ff/;UID=1",
            b"/%00/;UID=1",
            b"/a//b/;UID=1",
            b"/" + b"a" * 2000 + b"/;UID=1",
        ):
            with self.subTest(text=text[:40]), self.assertRaises(BadURL):
                read_message_url(text, None)

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                [b"/", b";", b"UID=", b"1", b"a", b"%41", b"%", b"UIDVALIDITY=", b"SECTION=", b"."]
                + [b"PARTIAL=", b"HEADER", b"(", b")", b"%20", b"%00", b"\xff", b"..", b"]", b'"']
            ),
            max_size=12,
        ).map(b"".join),
        st.sampled_from([None, "INBOX", "a/b"]),
    )
    def test_nothing_else_is_raised(self, text: bytes, selected: str | None) -> None:
        try:
            url = read_message_url(text, selected)
        except BadURL as error:
            self.assertEqual(error.url, spoken_url(text))
        else:
            self.assertGreater(url.uid, 0)
            self.assertTrue(url.mailbox)

    def test_what_may_not_stand_in_a_response_code_is_escaped(self) -> None:
        """RFC 4469 §5"""
        self.assertEqual(spoken_url(b'/a]"\\\r\n\0\xffb'), b"/a%5D%22%5C%0D%0A%00%FFb")
