from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.lmtp.wire.reader import MAX_LINE, Chunk, Line, LMTPReader, LongLine


def events(reader: LMTPReader) -> list[object]:
    found = []
    while (event := reader.next_event()) is not None:
        found.append(event)
    return found


def read_message(octets: bytes, pieces: list[bytes] | None = None) -> tuple[bytes, list[object]]:
    """The message in `octets`, and what comes after it."""
    reader = LMTPReader()
    reader.expect_data()
    found: list[object] = []
    for piece in pieces if pieces is not None else [octets]:
        reader.receive(piece)
        found += events(reader)
    chunks = [event for event in found if isinstance(event, Chunk)]
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True], found
    return b"".join(chunk.data for chunk in chunks), found[len(chunks) :]


def stuffed(message: bytes) -> bytes:
    """The naive way (RFC 5321 §4.5.2): line by line, a line being what CRLF ends."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


OCTETS = st.lists(
    st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"..", b"\r\n.", b"\n.\n", b"\r\n.\r"]),
    max_size=30,
).map(b"".join)


class LineTests(SynchronousTestCase):
    def test_gives_lines_with_either_line_end(self) -> None:
        reader = LMTPReader()
        reader.receive(b"LHLO a\r\nNOOP\nRSET\r\nQU")
        self.assertEqual(events(reader), [Line(b"LHLO a"), Line(b"NOOP"), Line(b"RSET")])
        reader.receive(b"IT\r\n")
        self.assertEqual(events(reader), [Line(b"QUIT")])
        self.assertEqual(reader.buffered, 0)

    def test_a_line_of_the_limit_passes_and_one_octet_more_does_not(self) -> None:
        for size, expected in ((MAX_LINE - 2, Line), (MAX_LINE - 1, LongLine)):
            reader = LMTPReader()
            reader.receive(b"a" * size + b"\r\nNOOP\r\n")
            first, second = events(reader)
            self.assertIs(type(first), expected)
            self.assertEqual(second, Line(b"NOOP"))

    def test_a_line_of_10_mb_is_one_event_and_holds_no_memory(self) -> None:
        """G59"""
        reader = LMTPReader()
        for _ in range(10 * 16):
            reader.receive(b"x" * 65536)
            self.assertEqual(events(reader), [])
            self.assertLessEqual(reader.buffered, MAX_LINE)
        reader.receive(b"x\r\nNOOP\r\n")
        self.assertEqual(events(reader), [LongLine(), Line(b"NOOP")])

    def test_discard_forgets_what_was_pipelined(self) -> None:
        """G59"""
        reader = LMTPReader()
        reader.receive(b"STARTTLS\r\nMAIL FROM:<a@b>\r\nRCP")
        self.assertEqual(reader.next_event(), Line(b"STARTTLS"))
        reader.discard()
        self.assertEqual(events(reader), [])
        reader.receive(b"NOOP\r\n")
        self.assertEqual(events(reader), [Line(b"NOOP")])


class DataTests(SynchronousTestCase):
    TABLE = [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"Subject: a\r\n\r\nb\r\n.\r\n", b"Subject: a\r\n\r\nb\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
        (b"a\r\n...\r\n....\r\n.\r\n", b"a\r\n..\r\n...\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        # What ends the message elsewhere is text here.
        (b"a\n.\nMAIL\r\n.\r\n", b"a\n.\nMAIL\r\n"),
        (b"a\n.\r\nMAIL\r\n.\r\n", b"a\n.\r\nMAIL\r\n"),
        (b"a\r\n.\nMAIL\r\n.\r\n", b"a\r\n\nMAIL\r\n"),
        (b"a\r\n.\rMAIL\r\n.\r\n", b"a\r\n\rMAIL\r\n"),
        (b"a\r.\r\n.\r\n", b"a\r.\r\n"),
        (b"a\0\xff\r\n.\r\n", b"a\0\xff\r\n"),
    ]

    def test_ends_at_crlf_dot_crlf_and_nowhere_else(self) -> None:
        for wire, message in self.TABLE:
            self.assertEqual(read_message(wire + b"QUIT\r\n"), (message, [Line(b"QUIT")]), wire)

    def test_split_at_every_octet(self) -> None:
        for wire, message in self.TABLE:
            whole = wire + b"QUIT\r\n"
            for at in range(1, len(whole)):
                read = read_message(b"", [whole[:at], whole[at:]])
                self.assertEqual(read, (message, [Line(b"QUIT")]), (wire, at))
            ones = [whole[at : at + 1] for at in range(len(whole))]
            self.assertEqual(read_message(b"", ones), (message, [Line(b"QUIT")]), wire)

    @settings(max_examples=300, deadline=None)
    @given(OCTETS, st.lists(st.integers(0, 80), max_size=6))
    def test_takes_away_what_a_naive_sender_adds(self, text: bytes, cuts: list[int]) -> None:
        message = text + b"\r\n"
        wire = stuffed(message) + b"NOOP\r\n"
        places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
        pieces = [wire[a:b] for a, b in pairwise(places)]
        self.assertEqual(read_message(b"", pieces), (message, [Line(b"NOOP")]))

    def test_a_large_message_is_handed_on_as_it_comes(self) -> None:
        reader = LMTPReader()
        reader.expect_data()
        total = 0
        for _ in range(200):
            reader.receive(b"0123456789abcdef\r\n" * 3640)
            for event in events(reader):
                total += len(event.data)  # type: ignore[attr-defined]
            self.assertLessEqual(reader.buffered, 4)
        reader.receive(b".\r\n")
        last = reader.next_event()
        assert isinstance(last, Chunk) and last.last
        self.assertEqual(total + len(last.data), 200 * 3640 * 18)

    def test_octets_of_a_known_size_are_taken_as_they_are(self) -> None:
        reader = LMTPReader()
        reader.expect_octets(10)
        reader.receive(b"\r\n.\r\n")
        self.assertEqual(events(reader), [Chunk(b"\r\n.\r\n", False)])
        reader.receive(b"..abcNOOP\r\n")
        self.assertEqual(events(reader), [Chunk(b"..abc", True), Line(b"NOOP")])
        reader.expect_octets(0)
        self.assertEqual(events(reader), [Chunk(b"", True)])
