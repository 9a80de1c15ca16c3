"""ENVELOPE, as the RFC shows it."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.envelope import read, subject
from sora.mail.headers import fields, header_end
from trial_tests.support.messages import SHAPES


def wire(header: bytes) -> bytes:
    return read(fields(header)).wire


class EnvelopeTests(SynchronousTestCase):
    def test_the_example_of_the_rfc(self) -> None:
        """RFC 3501 §8."""
        gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
        message = SHAPES["plain"]
        self.assertEqual(
            wire(message[: header_end(message)]),
            b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" '
            b'"IMAP4rev1 WG mtg summary and minutes" '
            + b" ".join([gray, gray, gray])
            + b' ((NIL NIL "imap" "cac.washington.edu")) '
            b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) '
            b'NIL NIL "<B27397-0100000@cac.washington.edu>")',
        )

    def test_what_is_absent_is_nil_and_what_is_empty_is_empty(self) -> None:
        """RFC 3501 §7.4.2: only absent lines are NIL, but for addresses."""
        self.assertEqual(wire(b""), b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
        self.assertEqual(
            wire(b"Subject:\r\nTo:\r\nMessage-ID: \r\n"),
            b'(NIL "" NIL NIL NIL NIL NIL NIL NIL "")',
        )

    def test_sender_and_reply_to_are_from_unless_they_are_there(self) -> None:
        a, s, r = (b'((NIL NIL "%s" "x"))' % name for name in (b"a", b"s", b"r"))
        for header, expected in (
            (b"From: a@x\n", (a, a, a)),
            (b"From: a@x\nSender: s@x\nReply-To: r@x\n", (a, s, r)),
            (b"From: a@x\nSender:\nReply-To: ,\n", (a, a, a)),
        ):
            with self.subTest(header):
                self.assertEqual(wire(header), b"(NIL NIL %s %s %s NIL NIL NIL NIL NIL)" % expected)

    def test_strings_are_quoted_or_literals(self) -> None:
        """RFC 3501 §4.3: no quoted string holds 8-bit octets, CR or LF; no string holds NUL."""
        for value, expected in (
            (b"plain", b'"plain"'),
            (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
            ("é".encode(), b"{2}\r\n\xc3\xa9"),
            (b"\xff", b"{1}\r\n\xff"),
            (b"a\rb", b"{3}\r\na\rb"),
            (b"a\0b", b"{2}\r\nab"),
            (b"=?utf-8?Q?=C3=A9?=", b'"=?utf-8?Q?=C3=A9?="'),
            (b"two\r\n lines", b'"two lines"'),
            (b"two\r\n\ttabs", b'"two\ttabs"'),
            (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
        ):
            with self.subTest(value[:20]):
                self.assertEqual(
                    wire(b"Subject: " + value + b"\r\n"),
                    b"(NIL " + expected + b" NIL NIL NIL NIL NIL NIL NIL NIL)",
                )

    def test_of_repeated_fields_the_first_counts_and_lists_are_joined(self) -> None:
        message = SHAPES["repeated fields"]
        found = wire(message[: header_end(message)])
        self.assertIn(b'("Mon, 1 Jan 2024 00:00:00 +0000" "first" ', found)
        self.assertIn(b'((NIL NIL "b" "example.com")(NIL NIL "c" "example.com"))', found)


class SubjectTests(SynchronousTestCase):
    """The subject of what is kept as an envelope."""

    def test_whatever_stands_in_the_field_is_read_back(self) -> None:
        for value, expected in (
            (b"plain", "plain"),
            (b'a "quoted" \\ word', 'a "quoted" \\ word'),
            (b"=?utf-8?q?gr=C3=BCn?=", "gr\u00fcn"),
            ("gr\u00fcn".encode(), "gr\u00fcn"),
            (b"x" * 2000, "x" * 2000),
            (b"", ""),
        ):
            for date in (b'Date: (\\") {3}\r\n', b"Date: \xff\r\n", b""):
                with self.subTest(value[:20], date=date):
                    self.assertEqual(subject(wire(date + b"Subject: " + value + b"\r\n")), expected)
        self.assertEqual(subject(wire(b"From: a@example.com\r\n")), "")
        self.assertEqual(subject(b"(no envelope"), "")
