"""What is derived from a message when it arrives."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail import facts
from sora.mail.facts import Facts, derive, header_text
from sora.mail.text import fold
from trial_tests.mail.test_message import nonsense
from trial_tests.support.messages import SHAPES, crlf, deep_message, sample_messages, wide_message
from trial_tests.support.properties import SETTINGS

TEXTS = [
    "parts",
    "sort_subject",
    "sort_from",
    "sort_to",
    "sort_cc",
    "display_from",
    "display_to",
    "message_id",
    "in_reply_to",
    "preview",
    "text_subject",
    "text_from",
    "text_to",
    "text_cc",
    "text_bcc",
    "text_header",
    "text_body",
]


class FactsTests(SynchronousTestCase):
    def test_an_ordinary_message(self) -> None:
        found = derive(SHAPES["plain"])
        self.assertEqual(found.size, len(SHAPES["plain"]))
        self.assertEqual(found.size_crlf, found.size)
        self.assertEqual(found.header + b"Hello,\r\nworld.\r\n", SHAPES["plain"])
        self.assertEqual(found.sent_at, datetime(1996, 7, 17, 9, 23, 25, tzinfo=UTC))
        self.assertEqual(found.sent_day, date(1996, 7, 17))
        self.assertEqual(found.sort_subject, "IMAP4REV1 WG MTG SUMMARY AND MINUTES")
        self.assertEqual(
            (found.sort_from, found.sort_to, found.sort_cc), ("GRAY", "IMAP", "MINUTES")
        )
        self.assertEqual(found.display_from, "TERRY GRAY")
        self.assertEqual(found.display_to, "IMAP@CAC.WASHINGTON.EDU")
        self.assertEqual(found.message_id, "B27397-0100000@cac.washington.edu")
        self.assertEqual(found.preview, "Hello, world.")
        self.assertEqual(found.text_from, "terry gray <gray@cac.washington.edu>")
        self.assertEqual(found.text_cc, "minutes@cnri.reston.va.us, john klensin <klensin@mit.edu>")
        self.assertIn("\nmime-version:1.0\n", found.text_header)
        self.assertEqual(found.text_body, "hello,\r\nworld.\r\n")

    def test_bare_line_feeds_are_counted_for_the_size_with_crlf(self) -> None:
        message = SHAPES["bare lf"]
        self.assertEqual(derive(message).size_crlf, len(message.replace(b"\n", b"\r\n")))

    def test_ids_for_threads(self) -> None:
        found = derive(SHAPES["folded fields"])
        self.assertEqual(found.references, ("one@example", "two@example", "three@example"))
        self.assertEqual(found.in_reply_to, "three@example")

    def test_text_is_decoded_and_folded(self) -> None:
        """A search finds what a reader sees, not how it was encoded."""
        for name, needles in (
            ("alternative", ("grüße und eine sehr lange zeile", "grüße & eine zeile")),
            ("charsets", ("日本語", "привет", "你好", "“quoted” – €", "café")),
            ("nested message", ("see below.", "subject:inner one", "inner text", "deep text")),
            ("digest", ("subject:first\n", "second text", "not a message")),
            ("bad transfer encodings", ("hello world",)),
            ("html only", ("one\ntwo <three>\nlink",)),
            ("calendar", ("summary:meeting",)),
            ("report", ("it was not delivered.", "final-recipient: rfc822; a@example.com")),
            ("missing boundary", ("text",)),
        ):
            body = derive(SHAPES[name]).text_body
            for needle in needles:
                with self.subTest(name=name, needle=needle):
                    self.assertIn(fold(needle), body)

    def test_attachments_are_no_text(self) -> None:
        self.assertEqual(derive(SHAPES["attachments"]).text_body, "picture")

    def test_an_address_in_pieces_is_found_whole(self) -> None:
        """RFC 3501 §6.4.4: FROM searches the envelope, in which there are no comments."""
        found = derive(b"From: <user (one) @ (two) example.org>\r\nX: a @ b\r\n\r\n")
        self.assertEqual(found.text_from, "<user (one) @ (two) example.org> user@example.org")
        self.assertIn(
            "\nfrom:<user (one) @ (two) example.org> user@example.org\n", found.text_header
        )
        self.assertIn("\nx:a @ b\n", found.text_header)

    def test_the_header_is_one_line_for_each_field(self) -> None:
        self.assertEqual(
            derive(SHAPES["encoded words"]).text_header,
            fold(
                "\nfrom:jörg müller <joerg@example.de>"
                "\nto:andré <andre@example.fr>, привет <p@example.ru>"
                "\nsubject:grüsse aus münchen\n"
            ),
        )
        self.assertEqual(
            derive(b"Subject: a\r\n\tb\r\nX-Y:\r\nnothing\r\n\r\n").text_header,
            "\nsubject:a b\nx-y:\n nothing\n",
        )
        self.assertEqual(derive(b"").text_header, "\n")

    def test_fields_of_parts_follow_and_are_no_fields_of_the_message(self) -> None:
        """RFC 9051 §6.4.4: TEXT finds MIME header fields, such as the name of a file."""
        found = derive(SHAPES["attachments"]).text_header
        self.assertIn("\n content-type:image/gif; name=one.gif\n content-id:<one@example>\n", found)
        self.assertIn("\n content-language:en, de\n", found)
        self.assertTrue(found.endswith(f"\n filename:{fold('grüsse.pdf')}\n"))
        self.assertEqual(found.count("\ncontent-type:"), 1)
        found = derive(SHAPES["nested message"]).text_header
        self.assertIn("\n content-disposition:attachment\n", found)
        self.assertEqual(found.count("\n content-type:message/rfc822\n"), 2)
        self.assertNotIn("inner one", found)

    def test_lines_that_are_no_fields_are_found(self) -> None:
        self.assertEqual(
            derive(b"From a@b Mon\r\nSubject: x\r\n<li\r\n st>: y\r\n\r\n").text_header,
            "\nsubject:x\n from a@b mon\n <li st>: y\n",
        )
        self.assertIn("hello world", derive(SHAPES["not mail at all"]).text_header)
        inside = b"Content-Type: message/rfc822\r\n\r\nno field\r\n\r\nbody"
        self.assertEqual(derive(inside).text_body, "\n no field\n\nbody")

    def test_no_value_can_make_a_line_of_its_own(self) -> None:
        found = derive(b"Subject: =?utf-8?Q?a=0D=0Afrom:evil=E2=80=A8x?=\r\nX: a\rto:b\r\n\r\n")
        self.assertEqual(found.text_header, "\nsubject:a from:evil x\nx:a to:b\n")
        self.assertEqual(found.text_subject, "a from:evil x")

    def test_a_trace_is_searched_in_the_same_form(self) -> None:
        self.assertEqual(
            header_text(b"Return-Path: <A@b>\r\nReceived: x\r\n\ty\r\n"),
            "\nreturn-path:<a@b>\nreceived:x y\n",
        )

    def test_the_preview_is_of_the_first_text_that_has_some(self) -> None:
        data = crlf(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n \n--b\n"
            "Content-Type: text/html\n\n<p>Dear <b>all</b></p>\n--b--\n"
        )
        self.assertEqual(derive(data).preview, "Dear all")

    def test_the_text_is_bounded(self) -> None:
        self.patch(facts, "MAX_TEXT", 1000)
        found = derive(b"Subject: x\r\n\r\n" + b"word " * 10_000)
        self.assertEqual(len(found.text_body), 1000)

    def test_any_buffer_will_do(self) -> None:
        message = SHAPES["alternative"]
        self.assertEqual(derive(memoryview(message)), derive(message))


class ToleranceTests(SynchronousTestCase):
    """G32: malformed MIME never fails."""

    def assert_storable(self, found: Facts) -> None:
        for name in TEXTS:
            value = getattr(found, name)
            self.assertNotIn("\0", value, name)
            value.encode("utf-8")
        for one in found.references:
            one.encode("utf-8")
        self.assertNotIn(b"\0", found.envelope + found.structure)
        self.assertTrue(found.text_header.startswith("\n") and found.text_header.endswith("\n"))
        self.assertEqual(found.text_body, fold(found.text_body))
        self.assertLessEqual(len(found.preview), 200)

    def test_every_shape_has_facts(self) -> None:
        for name, message in SHAPES.items():
            with self.subTest(name):
                self.assert_storable(derive(message))
        for message in sample_messages(200, 17):
            self.assert_storable(derive(message))

    def test_the_deep_and_the_wide(self) -> None:
        for message in (deep_message(500), wide_message(10_000), wide_message(100_000)):
            found = derive(message)
            self.assert_storable(found)
            self.assertEqual(found.size, len(message))

    @SETTINGS
    @given(st.one_of(st.binary(max_size=300), nonsense))
    def test_anything_has_facts(self, data: bytes) -> None:
        self.assert_storable(derive(data))
