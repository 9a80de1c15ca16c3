"""Octets in text columns."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.carrier import to_bytes, to_text
from trial_tests.support.properties import SETTINGS


class CarrierTests(SynchronousTestCase):
    def test_every_octet_comes_back(self) -> None:
        data = bytes(range(256))
        self.assertEqual(to_bytes(to_text(data)), data)

    def test_nul_is_not_in_the_text(self) -> None:
        self.assertEqual(to_text(b"a\0b"), "a\u0100b")

    def test_text_that_is_not_from_here_is_refused(self) -> None:
        self.assertRaises(UnicodeEncodeError, to_bytes, "\u20ac")

    @SETTINGS
    @given(st.binary())
    def test_any_octets_come_back_and_keep_their_number(self, data: bytes) -> None:
        text = to_text(data)
        self.assertEqual(len(text), len(data))
        self.assertNotIn("\0", text)
        self.assertEqual(to_bytes(text), data)
