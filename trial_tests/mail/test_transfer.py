"""Transfer encodings, also broken ones."""

import base64
import quopri
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.transfer import MAX_BLANKS, decode, decode_base64, decoder, is_identity
from trial_tests.support.properties import SETTINGS

ENCODED = st.lists(
    st.sampled_from(
        [
            b"=",
            b" ",
            b"\t",
            b"\r",
            b"\n",
            b"\r\n",
            b"a",
            b"4",
            b"F",
            b"=41",
            b"=\r\n",
            b"\0",
            b"\xff",
        ]
        + [b"==", b"Q", b"+", b"/", b"!", b" " * MAX_BLANKS, b"= \r\n"]
    ),
    max_size=14,
).map(b"".join)
"""What matters to encodings, in any order."""


def decoded(data: bytes, encoding: bytes, cuts: Sequence[int] = ()) -> bytes:
    """The octets, fed in pieces."""
    known = decoder(encoding)
    assert known is not None
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [known.feed(data[edges[n] : edges[n + 1]]) for n in range(len(edges) - 1)]
    return b"".join(pieces) + known.finish()


class TransferTests(SynchronousTestCase):
    def test_what_is_encoded_is_decoded_whatever_is_wrong(self) -> None:
        for encoding, data, expected in (
            (b"7bit", b"a=3D", b"a=3D"),
            (b"x-mystery", b"a", b"a"),
            (b"BASE64", b"SGVsbG8=\r\n", b"Hello"),
            (b"base64", b"SGVs\r\nbG8", b"Hello"),
            (b"base64", b"!S*GVs\nbG8=", b"Hello"),
            (b"base64", b"SGVsbG8=SGVsbG8=", b"HelloHello"),
            (b"base64", b"SGVsb", b"Hel"),
            (b"base64", b"S", b""),
            (b"base64", b"====", b""),
            (b"Quoted-Printable", b"a=3Db=\r\nc", b"a=bc"),
            (b"quoted-printable", b"=zz =4 =", b"=zz =4 "),
        ):
            with self.subTest(encoding=encoding, data=data):
                self.assertEqual(decode(data, encoding), expected)

    @SETTINGS
    @given(st.binary(max_size=200))
    def test_anything_encoded_comes_back(self, data: bytes) -> None:
        self.assertEqual(decode(base64.encodebytes(data), b"base64"), data)
        encoded = quopri.encodestring(data.replace(b"\r", b"").replace(b"\n", b""))
        self.assertEqual(
            decode(encoded, b"quoted-printable"), data.replace(b"\r", b"").replace(b"\n", b"")
        )

    @SETTINGS
    @given(st.binary(max_size=60), st.sampled_from([b"base64", b"quoted-printable"]))
    def test_nothing_raises(self, data: bytes, encoding: bytes) -> None:
        self.assertIsInstance(decode(data, encoding), bytes)


class DecoderTests(SynchronousTestCase):
    """Octets handed out as they were before they were encoded (RFC 3516)."""

    def test_encodings_that_are_known(self) -> None:
        for encoding in (b"7bit", b"8BIT", b"Binary"):
            self.assertTrue(is_identity(encoding))
            self.assertEqual(decoded(b"a=3D\0\xff \r\n", encoding), b"a=3D\0\xff \r\n")
        for encoding in (b"base64", b"quoted-printable", b"x-uuencode"):
            self.assertFalse(is_identity(encoding))
        self.assertIsNone(decoder(b"x-uuencode"))

    def test_quoted_printable(self) -> None:
        """RFC 2045 §6.7, with what else arrives."""
        for data, expected in (
            (b"a=3Db=\r\nc", b"a=bc"),
            (b"a=3db=\nc", b"a=bc"),
            (b"soft= \t\r\nbreak", b"softbreak"),
            (b"blanks \t\r\nare \n not =20\r\n", b"blanks\r\nare\n not  \r\n"),
            (b"at the end \t", b"at the end"),
            (b"at the end=", b"at the end"),
            (b"=zz ==41 =4", b"=zz =A =4"),
            (b"=\rno line=\r\n.", b"=\rno line."),
            (b"x" + b" " * (MAX_BLANKS + 1) + b"\n", b"x" + b" " * (MAX_BLANKS + 1) + b"\n"),
            (b"x" + b" " * MAX_BLANKS + b"\n", b"x\n"),
        ):
            with self.subTest(data=data[:20]):
                self.assertEqual(decoded(data, b"quoted-printable"), expected)

    @SETTINGS
    @given(ENCODED, st.lists(st.integers(0, 20_000), max_size=5))
    def test_how_octets_are_cut_makes_no_difference(self, data: bytes, cuts: list[int]) -> None:
        for encoding in (b"quoted-printable", b"base64"):
            self.assertEqual(decoded(data, encoding, cuts), decoded(data, encoding))
        self.assertEqual(decoded(data, b"base64", cuts), decode_base64(data))

    @SETTINGS
    @given(st.binary(max_size=300), st.lists(st.integers(0, 2000), max_size=5))
    def test_anything_encoded_comes_back(self, data: bytes, cuts: list[int]) -> None:
        self.assertEqual(decoded(base64.encodebytes(data), b"base64", cuts), data)
        lines = [
            b"".join(b"=%02X" % octet for octet in data[n : n + 25])
            for n in range(0, len(data), 25)
        ]
        self.assertEqual(decoded(b"=\r\n".join(lines), b"quoted-printable", cuts), data)
