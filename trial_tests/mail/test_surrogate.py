"""Headers in ASCII in the place of those that are not (RFC 6858)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.address_list import parse as parse_addresses
from sora.mail.encoded_words import decode
from sora.mail.headers import EMPTY_LINE, fields
from sora.mail.surrogate import surrogate
from trial_tests.support.properties import SETTINGS


def value(line: bytes) -> str:
    """What a reader of the surrogate makes of one field."""
    [(_, found)] = fields(line)
    return decode(found)


class SurrogateTests(SynchronousTestCase):
    def test_ascii_fields_stay_octet_by_octet(self) -> None:
        block = b"A:  b\tc \r\nno field\nX: y\r\n\tz\r\n\r\n"
        self.assertEqual(surrogate(block), block)
        self.assertTrue(surrogate("T: ü\r\n".encode() + block).endswith(block))

    def test_text(self) -> None:
        for text in ("Grüße", "a " * 200 + "ü", "日本語" * 60, "=?utf-8?q?=C3=BC?= ö"):
            found = surrogate(f"Subject: {text}\r\n".encode())
            self.assertTrue(found.isascii())
            self.assertLessEqual(max(map(len, found.split(b"\r\n"))), 78)
            expected = text.replace("=?utf-8?q?=C3=BC?=", "ü")
            self.assertEqual(value(found), expected)

    def test_addresses(self) -> None:
        for given_, expected in {
            'From: "Käthe" <k@example.com>': "From: =?utf-8?b?S8OkdGhl?= <k@example.com>",
            "To: Käthe <k@example.com>, b@c.d": "To: =?utf-8?b?S8OkdGhl?= <k@example.com>, b@c.d",
            "Cc: k@bücher.example": "Cc: k@xn--bcher-kva.example",
            # RFC 6858 §2.1
            "To: Käthe <käthe@example.com>": (
                "To: =?utf-8?b?S8OkdGhlIGvDpHRoZUBleGFtcGxlLmNvbQ==?= :;"
            ),
            "Bcc: ü": "Bcc: =?utf-8?b?w7w=?= :;",
            "Bcc: (ü)": "Bcc: undisclosed-recipients:;",
        }.items():
            self.assertEqual(surrogate(given_.encode() + b"\r\n"), expected.encode() + b"\r\n")

    def test_parameters(self) -> None:
        """RFC 2231 §4"""
        self.assertEqual(
            surrogate('Content-Disposition: attachment; filename="ü \\"1\\".pdf"\r\n'.encode()),
            b"Content-Disposition: attachment; filename*=utf-8''%C3%BC%20%221%22.pdf\r\n",
        )
        self.assertEqual(
            surrogate("Content-Type: text/plain;\r\n name=ä; charset=utf-8\r\n".encode()),
            b"Content-Type: text/plain; name*=utf-8''%C3%A4; charset=utf-8\r\n",
        )

    def test_what_cannot_be_said(self) -> None:
        self.assertEqual(surrogate("Message-ID: <ü@b>\n".encode()), b"Message-ID: <??@b>\n")
        self.assertEqual(surrogate("keine Zeile ü\r\n".encode()), b"keine Zeile ??\r\n")

    def test_old_octets_that_are_no_utf8(self) -> None:
        self.assertEqual(value(surrogate(b"Subject: Gr\xfc\xdfe\r\n")), "Grüße")

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                [
                    *(b"Subject: ", b"From: ", b"To:", b"Content-Type: a/b; name=", b"X", b":"),
                    *("ü".encode(), b"\xff", b"\x00", b"\r\n", b"\n", b" ", b'"', b"<", b"@", b","),
                    *(b"(", b"\\", b"=?utf-8?q?", b"?=", b";", b"a" * 900, "日".encode() * 300),
                ]
            ),
            max_size=30,
        ).map(b"".join)
    )
    def test_anything(self, octets: bytes) -> None:
        end = EMPTY_LINE.search(octets)
        block = octets[: end.end()] if end else octets
        found = surrogate(block)
        self.assertTrue(found.isascii())
        inside = found[: -len(end[0])] if end else found
        self.assertIsNone(EMPTY_LINE.search(inside), "the header ends where it ended")
        for name, text in fields(found):
            if name == b"from":
                parse_addresses(text)
