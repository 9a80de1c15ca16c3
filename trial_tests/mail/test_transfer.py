"""Transfer encodings, also broken ones."""

import base64
import quopri

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.transfer import decode
from trial_tests.support.properties import SETTINGS


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
