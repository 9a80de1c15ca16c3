"""Lines of messages on their way out."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.facts import derive
from sora.protocols.pop3.wire.sending import (
    END,
    Beginning,
    Dots,
    LineEnds,
    beginning,
    stuffed,
    whole,
)
from trial_tests.support.properties import SETTINGS

OCTETS = st.lists(
    st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"..", b"\r\n.", b"\n.\n", b"\n\n"]),
    max_size=30,
).map(b"".join)


def received(sent: bytes) -> bytes:
    """What a client makes of it, line by line (RFC 1939 §3)."""
    lines = sent.split(b"\r\n")
    assert lines[-2:] == [b".", b""], sent
    assert b"." not in lines[:-2], sent
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


def in_pieces(octets: bytes, size: int) -> bytes:
    ends, dots = LineEnds(), Dots()
    sent = b""
    for start in range(0, len(octets), size):
        sent += dots.take(ends.take(octets[start : start + size]))
    return sent + dots.take(ends.end()) + END


class SendingTests(SynchronousTestCase):
    def test_lines(self) -> None:
        for stored, expected in {
            b"": b"",
            b"a": b"a\r\n",
            b"a\n": b"a\r\n",
            b"a\r\n": b"a\r\n",
            b"a\nb": b"a\r\nb\r\n",
            b"a\r\nb\nc\r\n": b"a\r\nb\r\nc\r\n",
            b"a\rb\r\n": b"a\rb\r\n",
            b"a\r\r\n": b"a\r\r\n",
            b"a\r": b"a\r\r\n",
            b"\n\r\n\n": b"\r\n\r\n\r\n",
        }.items():
            self.assertEqual(whole(stored), expected, stored)

    def test_dots(self) -> None:
        """RFC 1939 §3: byte-stuffing"""
        for message, expected in {
            b"": b".\r\n",
            b".\r\n": b"..\r\n.\r\n",
            b"a\r\n.\r\n": b"a\r\n..\r\n.\r\n",
            b"a\r\n..b\r\n": b"a\r\n...b\r\n.\r\n",
            b"a.b\r\n": b"a.b\r\n.\r\n",
            b".\r\n.\r\n": b"..\r\n..\r\n.\r\n",
        }.items():
            self.assertEqual(stuffed(message), expected, message)

    def test_the_beginning(self) -> None:
        message = b"A: b\r\nC: d\r\n\r\n1\r\n.2\r\n3\r\n"
        header = b"A: b\r\nC: d\r\n\r\n"
        self.assertEqual(beginning(message, 0), header)
        self.assertEqual(beginning(message, 2), header + b"1\r\n.2\r\n")
        self.assertEqual(beginning(message, 3), message)
        self.assertEqual(beginning(message, 10**9), message)
        self.assertEqual(beginning(b"A: b\r\n", 1), b"A: b\r\n")
        self.assertEqual(beginning(b"\r\n1\r\n2\r\n", 1), b"\r\n1\r\n")

    @SETTINGS
    @given(OCTETS, st.integers(1, 5))
    def test_pieces_make_no_difference(self, octets: bytes, size: int) -> None:
        self.assertEqual(in_pieces(octets, size), stuffed(whole(octets)))
        self.assertEqual(received(in_pieces(octets, size)), whole(octets))

    @SETTINGS
    @given(OCTETS, st.integers(0, 5), st.integers(1, 5))
    def test_beginnings_in_pieces(self, octets: bytes, lines: int, size: int) -> None:
        ends, cut = LineEnds(), Beginning(lines)
        found = b""
        for start in range(0, len(octets), size):
            if not cut.is_complete:
                found += cut.take(ends.take(octets[start : start + size]))
        if not cut.is_complete:
            found += cut.take(ends.end())
        self.assertEqual(found, beginning(whole(octets), lines))

    @SETTINGS
    @given(OCTETS)
    def test_the_size_is_the_one_that_is_stored(self, octets: bytes) -> None:
        self.assertEqual(derive(octets).size_crlf, len(whole(octets)))
