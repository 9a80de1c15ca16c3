"""BINARY (RFC 3516)."""

import base64
from random import Random

from sora.protocols.imap.fetching import SMALL
from trial_tests.support.transcript import TranscriptTestCase

PARTS = b"\r\n".join(
    [
        b"Subject: parts",
        b"Content-Type: multipart/mixed; boundary=x",
        b"",
        b"--x",
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        b"sch=C3=B6n=20 ",
        b"und =",
        b"lang",
        b"--x",
        b"Content-Type: application/octet-stream",
        b"Content-Transfer-Encoding: BASE64",
        b"",
        b"AAEC",
        b"Aw==",
        b"--x",
        b"Content-Transfer-Encoding: x-uuencode",
        b"",
        b"#86)C",
        b"--x",
        b"Content-Type: message/rfc822",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"Subject: inner",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"aGVsbG8=",
        b"--x--",
        b"",
    ]
)


class BinaryTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(PARTS)
        self.client.ask(b"s SELECT INBOX")

    def value(self, item: bytes, number: int = 1) -> bytes:
        """What FETCH says of an item."""
        said = self.client.ask(b"f FETCH %d (%b)" % (number, item))
        name = item.replace(b".PEEK", b"").partition(b"<")
        expected = name[0] + (name[1] + name[2].partition(b".")[0] + b">" if name[1] else b"")
        head = b"* %d FETCH (%b " % (number, expected)
        tail = b")\r\nf OK FETCH completed\r\n"
        self.assertTrue(said.startswith(head), said[:200])
        self.assertTrue(said.endswith(tail), said[-200:])
        return said[len(head) : -len(tail)]

    def test_parts_are_decoded(self) -> None:
        """§4.3: a literal without NULs, a literal8 with them."""
        for item, value in [
            (b"BINARY.PEEK[1]", b"{17}\r\nsch\xc3\xb6n \r\nund lang"),
            (b"BINARY.PEEK[1]<3.4>", b"{4}\r\n\xc3\xb6n "),
            (b"BINARY.PEEK[1]<100.4>", b"{0}\r\n"),
            (b"BINARY.SIZE[1]", b"17"),
            (b"BINARY.PEEK[2]", b"~{4}\r\n\0\1\2\3"),
            (b"BINARY.PEEK[2]<1.9>", b"{3}\r\n\1\2\3"),
            (b"BINARY.SIZE[2]", b"4"),
            # Only what is neither a multipart nor a message may be encoded (RFC 2045 §6.4).
            (b"BINARY.PEEK[4.1]", b"{5}\r\nhello"),
            (b"BINARY.SIZE[4.1]", b"5"),
            (b"BINARY.PEEK[]<0.14>", b"{14}\r\nSubject: parts"),
            (b"BINARY.SIZE[]", b"%d" % len(PARTS)),
            (b"BINARY.PEEK[5]", b"NIL"),
            (b"BINARY.SIZE[5]", b"0"),
        ]:
            self.assertEqual(self.value(item), value, item)
        inner = PARTS[PARTS.index(b"Subject: inner") : PARTS.index(b"\r\n--x--")]
        self.assertEqual(self.value(b"BINARY.PEEK[4]"), b"{%d}\r\n%b" % (len(inner), inner))

    def test_several_items(self) -> None:
        self.assertEqual(
            self.client.ask(
                b"f UID FETCH 1 (BINARY.SIZE[2] BODY.PEEK[2]<0.4> BINARY.PEEK[2]<3.1>)"
            ),
            b"* 1 FETCH (UID 1 BINARY.SIZE[2] 4 BODY[2]<0> {4}\r\nAAEC BINARY[2]<3> {1}\r\n\3)\r\n"
            b"f OK UID FETCH completed\r\n",
        )

    def test_it_sees(self) -> None:
        """§4.2: BINARY.PEEK and BINARY.SIZE do not."""
        self.value(b"BINARY.SIZE[1]")
        self.value(b"BINARY.PEEK[1]")
        self.assertIn(b"(UNSEEN 1)", self.client.ask(b"u STATUS INBOX (UNSEEN)"))
        self.assertEqual(
            self.client.ask(b"f FETCH 1 BINARY[2]"),
            b"* 1 FETCH (BINARY[2] ~{4}\r\n\0\1\2\3 FLAGS (\\Seen \\Recent))\r\n"
            b"f OK FETCH completed\r\n",
        )

    def test_an_encoding_that_is_not_known(self) -> None:
        """§4.3: NO, and the other messages are answered all the same."""
        self.append(PARTS.replace(b"x-uuencode", b"8bit"))
        self.client.ask(b"n NOOP")
        self.converse(
            """
            C: a FETCH 1:2 BINARY.PEEK[3]
            S: * 2 FETCH (BINARY[3] {5}
            S: #86)C)
            S: a NO [UNKNOWN-CTE] b'x-uuencode' is no transfer encoding that is known
            C: b FETCH 1 BINARY.SIZE[3]
            S: b NO [UNKNOWN-CTE] b'x-uuencode' is no transfer encoding that is known
        """.replace("b'x-uuencode'", "'x-uuencode'")
        )

    def test_what_is_bad(self) -> None:
        self.converse("""
            C: a FETCH 1 BINARY.PEEK[1.MIME]
            S: a BAD ...
            C: b FETCH 1 BINARY[TEXT]
            S: b BAD ...
            C: c FETCH 1 BINARY.SIZE[1]<0.5>
            S: c BAD ...
            C: d FETCH 1 BINARY
            S: d BAD ...
        """)

    def test_a_message_with_its_trace(self) -> None:
        self.append(b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n")
        self.client.ask(b"n NOOP")
        self.assertEqual(self.value(b"BINARY.PEEK[1]", 2), b"{5}\r\nhello")
        self.assertEqual(self.value(b"BINARY.SIZE[1]", 2), b"5")

    def test_large_parts(self) -> None:
        """They are decoded piece by piece: what comes out is the same."""
        octets = Random(5).randbytes(3 * SMALL)
        lines = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        self.append(PARTS.replace(b"AAEC\r\nAw==", lines))
        self.client.ask(b"n NOOP")
        self.assertEqual(self.value(b"BINARY.SIZE[2]", 2), b"%d" % len(octets))
        self.assertEqual(self.value(b"BINARY.PEEK[2]", 2), b"~{%d}\r\n%b" % (len(octets), octets))
        middle = octets[SMALL : 2 * SMALL + 7]
        self.assertEqual(
            self.value(b"BINARY.PEEK[2]<%d.%d>" % (SMALL, SMALL + 7), 2),
            b"~{%d}\r\n%b" % (len(middle), middle),
        )
        self.assertEqual(self.value(b"BINARY.PEEK[1]", 2), b"{17}\r\nsch\xc3\xb6n \r\nund lang")
        self.assertEqual(self.value(b"BINARY.PEEK[5]", 2), b"NIL")
        self.assertEqual(self.value(b"BINARY.SIZE[5]", 2), b"0")
        whole = len(PARTS) - len(b"AAEC\r\nAw==") + len(lines)
        self.assertEqual(self.value(b"BINARY.SIZE[]", 2), b"%d" % whole)
        said = self.client.ask(b"f FETCH 1:2 BINARY.PEEK[3]")
        self.assertIn(b"f NO [UNKNOWN-CTE]", said)


class Literal8Tests(TranscriptTestCase):
    def put(self, octets: bytes, size: bytes = b"~{%d+}") -> None:
        self.client.send(b"a APPEND INBOX " + size % len(octets) + b"\r\n")
        if b"+" not in size:
            self.assertEqual(self.client.take(), b"+ Ready for the message\r\n")
        self.client.send(octets + b"\r\n")
        self.assertIn(b"a OK [APPENDUID", self.client.take())

    def test_binary_octets_come_back_as_they_were(self) -> None:
        """§4.4, §6: nothing is lost; clients without BINARY see an encoding that they know."""
        octets = bytes(range(256)) + b"\0\n\r\0"
        head = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        for size in (b"~{%d}", b"~{%d+}"):
            self.put(head + octets, size)
        self.client.ask(b"s SELECT INBOX")
        said = self.client.ask(b"f FETCH 1:2 (BINARY.SIZE[1] BINARY.PEEK[1])")
        value = b"BINARY.SIZE[1] %d BINARY[1] ~{%d}\r\n%b)" % (len(octets), len(octets), octets)
        self.assertEqual(said.count(value), 2)
        encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        said = self.client.ask(b"f FETCH 1 (BODY.PEEK[] BODYSTRUCTURE)")
        self.assertIn(head.replace(b"binary", b"base64") + encoded, said)
        self.assertIn(b'"IMAGE" "PNG" NIL NIL NIL "BASE64" '.lower(), said.lower())

    def test_large_binary_parts(self) -> None:
        """In a thread, and read in pieces."""
        octets = Random(5).randbytes(SMALL)
        self.put(b"Content-Transfer-Encoding: binary\r\n\r\n" + octets)
        self.client.ask(b"s SELECT INBOX")
        self.assertIn(
            b"BINARY[1] ~{%d}\r\n%b)" % (len(octets), octets),
            self.client.ask(b"f FETCH 1 BINARY.PEEK[1]"),
        )

    def test_all_else_is_stored_as_it_came(self) -> None:
        """§6: no gratuitous changes."""
        messages = [
            b"Content-Transfer-Encoding: binary\r\n\r\nno NUL: \xff\n\r",
            b"Content-Transfer-Encoding: 8bit\r\n\r\n\0",
            b"\0",
        ]
        for octets in messages:
            self.put(octets)
        self.client.ask(b"s SELECT INBOX")
        for number, octets in enumerate(messages, start=1):
            self.assertIn(
                b"BODY[] {%d}\r\n%b)" % (len(octets), octets),
                self.client.ask(b"f FETCH %d BODY.PEEK[]" % number),
            )
