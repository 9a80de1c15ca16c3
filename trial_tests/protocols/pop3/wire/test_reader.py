"""Octets to lines."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.pop3.wire.reader import (
    MAX_LINE,
    MAX_SASL_LINE,
    Line,
    LongLine,
    POP3Reader,
)
from trial_tests.support.properties import SETTINGS


def events(reader: POP3Reader) -> list[object]:
    found = []
    while (event := reader.next_event()) is not None:
        found.append(event)
    return found


class ReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reader = POP3Reader()

    def test_lines_with_either_end(self) -> None:
        self.reader.receive(b"STAT\r\nUSER a b\nRSET\r\nQU")
        self.assertEqual(events(self.reader), [Line(b"STAT"), Line(b"USER a b"), Line(b"RSET")])
        self.assertEqual(self.reader.buffered, 2)
        self.reader.receive(b"IT\r\n")
        self.assertEqual(events(self.reader), [Line(b"QUIT")])
        self.assertEqual(self.reader.buffered, 0)

    def test_a_line_of_the_limit_passes_and_one_octet_more_does_not(self) -> None:
        """RFC 2449 §4"""
        for begin, limit in ((b"", MAX_LINE), (b"Auth ", MAX_SASL_LINE)):
            for more, expected in ((0, Line), (1, LongLine)):
                reader = POP3Reader()
                reader.receive(begin + b"a" * (limit - len(begin) - 2 + more) + b"\r\nNOOP\r\n")
                first, second = events(reader)
                self.assertIs(type(first), expected)
                self.assertEqual(second, Line(b"NOOP"))

    def test_responses_may_be_longer(self) -> None:
        """RFC 5034 §4"""
        self.reader.expects_response = True
        self.reader.receive(b"a" * 1000 + b"\r\n")
        self.assertEqual(events(self.reader), [Line(b"a" * 1000)])

    def test_a_line_that_never_ends_holds_no_memory(self) -> None:
        """G59"""
        for _ in range(1000):
            self.reader.receive(b"a" * 1000)
            self.assertEqual(events(self.reader), [])
            self.assertLessEqual(self.reader.buffered, MAX_SASL_LINE + 1000)
        self.reader.receive(b"\r\nNOOP\r\n")
        self.assertEqual(events(self.reader), [LongLine(), Line(b"NOOP")])

    def test_what_is_discarded_is_gone(self) -> None:
        """STLS; G59"""
        self.reader.receive(b"STLS\r\nUSER a\r\nPA")
        self.assertEqual(self.reader.next_event(), Line(b"STLS"))
        self.reader.discard()
        self.reader.receive(b"NOOP\r\n")
        self.assertEqual(events(self.reader), [Line(b"NOOP")])

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from([b"\r\n", b"\n", b"\r", b"AUTH ", b"x" * 260, b"NOOP", b"y" * 13000]),
            max_size=12,
        ).map(b"".join),
        st.integers(1, 300),
    )
    def test_packets_make_no_difference(self, octets: bytes, size: int) -> None:
        whole = POP3Reader()
        whole.receive(octets)
        expected = events(whole)
        reader, found = POP3Reader(), []
        for start in range(0, len(octets), size):
            reader.receive(octets[start : start + size])
            found += events(reader)
        self.assertEqual(found, expected)
