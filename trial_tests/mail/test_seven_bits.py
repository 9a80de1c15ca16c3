"""Messages in 7 bits (RFC 6152 §3): what a reader sees is what was there before."""

from email import message_from_bytes
from email.message import Message

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.seven_bits import NotConvertible, in_seven_bits
from trial_tests.support.messages import sample_messages
from trial_tests.support.properties import SETTINGS

PLAIN = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße = \r\n.dot\r\n".encode()
MIXED = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
    b"Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\xff\x00\r\n\n\xfe\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Subject: in\r\nContent-Type: text/html\r\n\r\n<p>\xe4</p>\r\n--b--\r\n"
)


def seen(octets: bytes) -> list[tuple[str, bytes]]:
    """What a reader makes of it: types, and octets with CRLF."""
    found = []
    for part in message_from_bytes(octets).walk():
        assert isinstance(part, Message)
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            text = payload.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            found.append((part.get_content_type(), text.rstrip(b"\r\n")))
    return found


class SevenBits(SynchronousTestCase):
    def test_text(self) -> None:
        made = in_seven_bits(PLAIN)
        self.assertEqual(
            made,
            b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            b"Gr=C3=BC=C3=9Fe =3D=20\r\n.dot\r\n",
        )
        self.assertEqual(seen(made), seen(PLAIN))

    def test_parts(self) -> None:
        """What is 7 bits stays as it is; what holds others says so; what is binary is base64."""
        made = in_seven_bits(MIXED)
        self.assertEqual(made.count(b"Content-Transfer-Encoding: 7bit\r\n"), 2)
        self.assertIn(b"--b\r\n\r\nplain\r\n--b\r\n", made)
        self.assertIn(b"base64\r\n\r\n/wANCgr+\r\n--b\r\n", made)
        self.assertIn(b"Subject: in\r\nContent-Type: text/html\r\nMIME-Version: 1.0\r\n", made)
        self.assertTrue(made.endswith(b"<p>=E4</p>\r\n--b--\r\n"))

    def test_what_cannot_be_converted(self) -> None:
        signed = MIXED.replace(b"multipart/mixed", b"multipart/signed")
        for octets, reason in (
            (signed, "signed"),
            (b"Subject: \xe4\r\n\r\nx", "header"),
            (MIXED.replace(b"--b\r\n\r\nplain", b"\xe4--\r\n--b\r\n\r\nplain", 1), "between"),
            (MIXED.replace(b"binary", b"base64"), "encoding"),
        ):
            with self.assertRaises(NotConvertible) as caught:
                in_seven_bits(octets)
            self.assertIn(reason, str(caught.exception))

    def test_samples(self) -> None:
        converted = 0
        for octets in sample_messages(300, seed=4, wire_safe=True):
            try:
                made = in_seven_bits(octets)
            except NotConvertible:
                continue
            self.assertTrue(made.isascii())
            if made != octets:
                converted += 1
                self.assertEqual(seen(made), seen(octets))
        self.assertGreater(converted, 5)

    @SETTINGS
    @given(st.binary(max_size=300), st.sampled_from((PLAIN, MIXED)), st.integers(0, 400))
    def test_it_never_fails_otherwise(self, noise: bytes, around: bytes, place: int) -> None:
        octets = around[:place] + noise + around[place:]
        try:
            made = in_seven_bits(octets)
        except NotConvertible:
            return
        self.assertTrue(made.isascii())
