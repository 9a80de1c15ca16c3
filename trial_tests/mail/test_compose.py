"""Messages of our own: what is written is read again as it was meant, by us and by Python."""

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument
from sora.mail.compose import (
    ENCODED_WORD,
    LINE,
    MAX_IDS,
    Mailbox,
    Part,
    addr_spec,
    address_field,
    boundary_of,
    date_field,
    entity,
    ids_field,
    message,
    message_id,
    multipart,
    needs_smtputf8,
    structured,
    text_part,
    unstructured,
)
from sora.mail.encoded_words import decode
from sora.mail.headers import fields
from trial_tests.support.properties import SETTINGS

NOW = datetime(2024, 3, 1, 9, 5, 7, tzinfo=timezone(timedelta(hours=1)))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)


def value_of(field: bytes) -> bytes:
    """The unfolded value of the one field that it is."""
    [(_, value)] = fields(field)
    return value


class UnstructuredTests(SynchronousTestCase):
    def test_as_it_is_written(self) -> None:
        for value, written in (
            ("Hello", b"Subject: Hello\r\n"),
            ("", b"Subject: \r\n"),
            ("a  b", b"Subject: a  b\r\n"),
            ("Auto: Übersicht", b"Subject: Auto: =?utf-8?q?=C3=9Cbersicht?=\r\n"),
            ("日本語の件名", b"Subject: =?utf-8?b?5pel5pys6Kqe44Gu5Lu25ZCN?=\r\n"),
            # Two words that need it, and what stands between them, are one (RFC 2047 §6.2).
            ("ä bbb ä", b"Subject: =?utf-8?q?=C3=A4_bbb_=C3=A4?=\r\n"),
            # A text that looks like an encoded word is not to be decoded.
            ("=?utf-8?q?a?= b", b"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?= b\r\n"),
            ("a\r\nBcc: b@example.com", b"Subject: a Bcc: b@example.com\r\n"),
            ("tab\there\0", b"Subject: tab here\r\n"),
        ):
            self.assertEqual(unstructured("Subject", value), written)

    def test_raw_utf_8(self) -> None:
        """RFC 6532 §3.2."""
        field = unstructured("Subject", "Größe", utf8=True)
        self.assertEqual(field, "Subject: Größe\r\n".encode())

    @SETTINGS
    @given(TEXT)
    def test_it_is_read_as_it_was_meant(self, text: str) -> None:
        field = unstructured("Subject", text)
        self.assertEqual(decode(value_of(field)), text.strip(" "))
        for line in field.split(b"\r\n"):
            self.assertLessEqual(len(line), 998)
            if b"=?utf-8?" in line:
                self.assertLessEqual(len(line), LINE)

    @SETTINGS
    @given(st.text(st.characters(min_codepoint=0x80, max_codepoint=0x20000), min_size=1))
    def test_python_reads_it_too(self, text: str) -> None:
        cleaned = decode(value_of(unstructured("X", text)))
        read = str(make_header(decode_header(value_of(unstructured("X", cleaned)).decode())))
        self.assertEqual(read, cleaned)

    @SETTINGS
    @given(st.text(), st.booleans())
    def test_no_value_makes_a_field_of_its_own(self, value: str, utf8: bool) -> None:
        field = unstructured("Subject", value, utf8=utf8)
        self.assertEqual([name for name, _ in fields(field)], [b"subject"])
        self.assertTrue(field.endswith(b"\r\n"))
        self.assertNotIn(b"\r\n\r\n", field)
        for line in field.split(b"\r\n")[1:-1]:
            self.assertTrue(line.strip(b" ") and line.startswith(b" "), field)

    def test_encoded_words_fit_also_behind_a_long_name(self) -> None:
        """RFC 2047 §2: 75 characters a word, 76 a line."""
        for name in ("X", "Subject", "X-A-Field-With-A-Rather-Long-Name"):
            for text in ("ä" * 200, "aä" * 200, "日" * 200):
                for line in unstructured(name, text).split(b"\r\n"):
                    self.assertLessEqual(len(line), 76)
                for word in value_of(unstructured(name, text)).split(b" "):
                    self.assertLessEqual(len(word), ENCODED_WORD)

    def test_what_is_no_name_of_a_field_is_refused(self) -> None:
        for name in ("", "a b", "a:", "ä", "a\r\nb", "x" * 71):
            self.assertRaises(BadArgument, unstructured, name, "value")


class StructuredTests(SynchronousTestCase):
    def test_fields_of_tokens(self) -> None:
        self.assertEqual(
            structured("Auto-Submitted", "auto-replied (vacation)"),
            b"Auto-Submitted: auto-replied (vacation)\r\n",
        )
        self.assertRaises(BadArgument, structured, "X", "ä")
        self.assertRaises(BadArgument, structured, "X", "x" * 999)

    def test_dates(self) -> None:
        self.assertEqual(date_field(NOW), b"Date: Fri, 1 Mar 2024 09:05:07 +0100\r\n")
        moment = datetime(2024, 3, 1, tzinfo=UTC)
        self.assertEqual(
            date_field(moment, "Arrival-Date"), b"Arrival-Date: Fri, 1 Mar 2024 00:00:00 +0000\r\n"
        )

    def test_ids(self) -> None:
        self.assertEqual(
            ids_field(
                "References", ["<a@b>", "nothing", "<x y@z>", "<c@d>", "<" + "e" * 999 + ">"]
            ),
            b"References: <a@b> <c@d>\r\n",
        )
        self.assertEqual(ids_field("References", ["a", "<ä@b>", "<a@b>\r\nX: y"]), b"")
        many = [f"<{number}@example.com>" for number in range(1000)]
        kept = value_of(ids_field("References", many)).split(b" ")
        self.assertEqual(
            (len(kept), kept[0], kept[-1]), (MAX_IDS, b"<0@example.com>", b"<999@example.com>")
        )

    def test_a_message_id(self) -> None:
        self.assertEqual(message_id(b"\x01" * 16, "host.example"), f"<{'01' * 16}@host.example>")
        self.assertEqual(message_id(b"\x01" * 16, "no host>"), f"<{'01' * 16}@localhost>")


class AddressTests(SynchronousTestCase):
    def test_as_they_are_written(self) -> None:
        for mailbox, written in (
            (Mailbox("ann@example.com"), "ann@example.com"),
            (Mailbox("ann@example.com", "Ann"), "Ann <ann@example.com>"),
            (Mailbox("ann@example.com", "B., Ann"), '"B., Ann" <ann@example.com>'),
            (Mailbox("ann@example.com", 'the "one"'), r'"the \"one\"" <ann@example.com>'),
            (Mailbox("ann@example.com", "Jörg"), "=?utf-8?q?J=C3=B6rg?= <ann@example.com>"),
            (Mailbox("a b@example.com"), '"a b"@example.com'),
            (Mailbox('"a b"@example.com'), '"a b"@example.com'),
            (Mailbox("ann@exämple.com"), "ann@xn--exmple-cua.com"),
            (Mailbox("jörg@exämple.com"), "jörg@exämple.com"),
            (Mailbox("ann@[192.0.2.1]"), "ann@[192.0.2.1]"),
        ):
            self.assertEqual(address_field("To", [mailbox]), f"To: {written}\r\n".encode())

    def test_several(self) -> None:
        field = address_field("To", [Mailbox("a@b", "A, B"), Mailbox("c@d"), Mailbox("e@f", "née")])
        self.assertEqual(field, b'To: "A, B" <a@b>, c@d, =?utf-8?q?n=C3=A9e?= <e@f>\r\n')

    def test_what_is_no_address_is_refused(self) -> None:
        for address in (
            "",
            "a",
            "@b",
            "a@",
            "a@b c",
            "a@b>",
            "a\r\n@b",
            "a@" + "b" * 600,
            "\ud800@b",
        ):
            self.assertRaises(BadArgument, addr_spec, address)
        self.assertRaises(BadArgument, address_field, "To", [])

    def test_only_a_local_part_needs_smtputf8(self) -> None:
        """RFC 6531 §3.2: a domain has a form in ASCII."""
        self.assertTrue(needs_smtputf8("jörg@example.com"))
        self.assertFalse(needs_smtputf8("joerg@exämple.com"))

    @SETTINGS
    @given(st.text(), st.text(min_size=1))
    def test_a_name_stays_a_name(self, name: str, local: str) -> None:
        try:
            field = address_field("From", [Mailbox(f"{local}@example.com", name)])
        except BadArgument:
            return
        [(_, value)] = fields(field)
        self.assertNotIn(b"\n", value)
        self.assertIn(b"@example.com", value)


class PartTests(SynchronousTestCase):
    def test_a_text_of_ascii_is_as_it_is(self) -> None:
        self.assertEqual(
            text_part("one\n.two\r\nthree").octets(),
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\none\r\n.two\r\nthree\r\n",
        )

    def test_other_texts_are_encoded(self) -> None:
        for text, encoding in (
            ("Grüße\n", "quoted-printable"),
            ("日本語\n" * 9, "base64"),
            ("x" * 999, "quoted-printable"),
            ("nul\0", "quoted-printable"),
        ):
            part = text_part(text)
            read = message_from_bytes(part.octets(), policy=SMTP)
            self.assertEqual(read["Content-Transfer-Encoding"], encoding)
            self.assertTrue(part.body.isascii())
            self.assertLessEqual(max(map(len, part.body.split(b"\r\n"))), 76)
            self.assertEqual(read.get_content().splitlines(), text.splitlines())

    @SETTINGS
    @given(st.text())
    def test_a_text_comes_back(self, text: str) -> None:
        part = text_part(text)
        self.assertTrue(part.body.isascii())
        self.assertNotIn(b"\n", part.body.replace(b"\r\n", b""))
        read = message_from_bytes(part.octets()).get_payload(decode=True)
        assert isinstance(read, bytes)
        wanted = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
        self.assertEqual(
            read.decode().replace("\r\n", "\n").removesuffix("\n"), wanted.removesuffix("\n")
        )

    def test_an_entity_of_a_script(self) -> None:
        """RFC 5230 §4.5: no field but those of MIME comes from there."""
        self.assertEqual(
            entity(b"Content-Type: text/html;\n charset=utf-8\nTo: x\n\n<b>\xc3\xa4</b>").octets(),
            b"MIME-Version: 1.0\r\nContent-Type: text/html;\r\n charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\n<b>\xc3\xa4</b>",
        )
        self.assertEqual(
            entity(b"content-transfer-encoding: base64\r\n\r\nYQ==\r\n").octets(),
            b"MIME-Version: 1.0\r\ncontent-transfer-encoding: base64\r\n\r\nYQ==\r\n",
        )

    def test_several_parts(self) -> None:
        boundary = boundary_of(b"\x02" * 16)
        whole = multipart(
            "report", [text_part("a"), Part((b"Content-Type: message/delivery-status\r\n",), b"x: y\r\n")],
            boundary, [("report-type", "delivery-status")],
        )  # fmt: skip
        read = message_from_bytes(message([unstructured("Subject", "s")], whole), policy=SMTP)
        self.assertEqual(read.get_content_type(), "multipart/report")
        self.assertEqual(read.get_param("report-type"), "delivery-status")
        self.assertEqual(
            [part.get_content_type() for part in read.iter_parts()],
            ["text/plain", "message/delivery-status"],
        )
        self.assertEqual(whole.octets().count(b"MIME-Version"), 1)
        self.assertEqual(read["Content-Transfer-Encoding"], "7bit")
        self.assertRaises(BadArgument, multipart, "mixed", [], 'a"b')

    def test_eight_bits_are_declared(self) -> None:
        whole = multipart("mixed", [entity(b"\n\xc3\xa4\n")], "b")
        self.assertIn(b"Content-Transfer-Encoding: 8bit\r\n", whole.fields)
