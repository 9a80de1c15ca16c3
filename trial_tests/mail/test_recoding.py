"""Binary parts as base64 (RFC 3516 §4.4)."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import parse
from sora.mail.recoding import recoded
from sora.mail.section import Section, describe, locate

OCTETS = bytes(range(256)) * 300 + b"\r\n\0"


def part(body: bytes, encoding: bytes = b"binary") -> bytes:
    return (
        b"Content-Type: image/png\r\ncontent-transfer-encoding: "
        + encoding
        + b"\r\n (said twice)\r\nX: y\r\n\r\n"
        + body
    )


def multipart(*parts: bytes) -> bytes:
    head = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nbefore\r\n"
    return head + b"".join(b"--b\r\n" + one + b"\r\n" for one in parts) + b"--b--\r\nafter\r\n"


def body_of(data: bytes, *path: int) -> bytes:
    extent = locate(Section(path), describe(parse(data)))
    assert extent is not None
    return data[extent.start : extent.end]


class RecodingTests(SynchronousTestCase):
    def whole(self, data: bytes) -> bytes:
        pieces = recoded(data)
        assert pieces is not None
        return b"".join(pieces)

    def test_what_has_no_binary_part_with_a_nul_is_not_touched(self) -> None:
        for data in (
            b"",
            b"Subject: \0\r\n\r\n\0",
            part(b"\xff without", b"binary"),
            part(b"with \0", b"8bit"),
            part(b"with \0", b"base64"),
            multipart(part(b"x"), b"\r\n\0"),
        ):
            self.assertIsNone(recoded(data), data[:60])

    def test_one_part(self) -> None:
        made = self.whole(part(OCTETS))
        head, _, body = made.partition(b"\r\n\r\n")
        self.assertEqual(
            head, b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nX: y"
        )
        self.assertEqual(base64.decodebytes(body), OCTETS)
        self.assertLessEqual(max(map(len, body.split(b"\r\n"))), 76)

    def test_parts_among_others(self) -> None:
        inner = b"Content-Type: message/rfc822\r\n\r\n" + multipart(part(b"\0deep"))
        data = multipart(b"\r\ntext", part(OCTETS), part(b"8 bit \xff"), inner, part(b"\0"))
        made = self.whole(data)
        for path, octets in (((2,), OCTETS), ((4, 1), b"\0deep"), ((5,), b"\0")):
            self.assertEqual(body_of(data, *path), octets)
            self.assertEqual(base64.decodebytes(body_of(made, *path)), octets)
        for path in ((1,), (3,)):
            self.assertEqual(body_of(made, *path), body_of(data, *path))
        self.assertTrue(made.startswith(data[: data.index(b"--b")]))
        self.assertTrue(made.endswith(b"--b--\r\nafter\r\n"))
        self.assertNotIn(b"\0", made)
