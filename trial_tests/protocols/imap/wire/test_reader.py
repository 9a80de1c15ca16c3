"""Octets of an IMAP client -> events."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.imap.wire.reader import (
    Chunk,
    Event,
    Hopeless,
    IMAPReader,
    Line,
    Offer,
    TooLong,
)

DIALOGUE = (
    b"a NOOP\r\n"
    b"b LOGIN {4}\r\nfred {6+}\r\nsecret\r\n"
    b"c APPEND INBOX {11}\r\nhello\r\nyou\n\r\n"
    b"d APPEND INBOX ~{3}\r\n\0\r\n\r\n"
    b'e SELECT "a b"\n'
    b"f X {2+}\r\n{1\r\n"
    b"g Y {0}\r\n\r\n"
)


def read_all(reader: IMAPReader, pieces: list[bytes], streamed: bytes = b"APPEND") -> list[Event]:
    """All events; literals behind `streamed` are streamed, others taken into memory. Chunks
    are put together, as their borders are those of the pieces."""
    events: list[Event] = []
    for piece in pieces:
        reader.receive(piece)
        while (event := reader.next_event()) is not None:
            if isinstance(event, Offer):
                if streamed in event.text:
                    reader.stream()
                else:
                    reader.accept()
            if isinstance(event, Chunk) and events and isinstance(events[-1], Chunk):
                event = Chunk(events.pop().data + event.data, event.last)
            events.append(event)
    return events


class ReaderTests(SynchronousTestCase):
    """The reader by itself."""

    def reader(self, line_limit: int = 100, skip_limit: int = 10_000) -> IMAPReader:
        return IMAPReader(line_limit, skip_limit)

    def test_a_dialogue_of_lines_and_literals(self) -> None:
        """Literals stand in the text as they came; a streamed one as an empty one."""
        self.assertEqual(
            read_all(self.reader(), [DIALOGUE]),
            [
                Line(b"a NOOP"),
                Offer(b"b LOGIN ", 4, True, 1),
                Offer(b"b LOGIN {4}\r\nfred ", 6, False, 2),
                Line(b"b LOGIN {4}\r\nfred {6+}\r\nsecret"),
                Offer(b"c APPEND INBOX ", 11, True, 1),
                Chunk(b"hello\r\nyou\n", True),
                Line(b"c APPEND INBOX {0}\r\n"),
                Offer(b"d APPEND INBOX ", 3, True, 1),
                Chunk(b"\0\r\n", True),
                Line(b"d APPEND INBOX ~{0}\r\n"),
                Line(b'e SELECT "a b"'),
                Offer(b"f X ", 2, False, 1),
                Line(b"f X {2+}\r\n{1"),
                Offer(b"g Y ", 0, True, 1),
                Line(b"g Y {0}\r\n"),
            ],
        )

    def test_any_split_gives_the_same_events(self) -> None:
        whole = read_all(self.reader(), [DIALOGUE])
        for place in range(len(DIALOGUE) + 1):
            pieces = [DIALOGUE[:place], DIALOGUE[place:]]
            self.assertEqual(read_all(self.reader(), pieces), whole, f"split at {place}")
        single = [DIALOGUE[place : place + 1] for place in range(len(DIALOGUE))]
        self.assertEqual(read_all(self.reader(), single), whole)

    def test_nothing_is_taken_of_an_offered_literal_before_a_word(self) -> None:
        reader = self.reader()
        reader.receive(b"a LOGIN {4+}\r\nfred x\r\n")
        self.assertEqual(reader.next_event(), Offer(b"a LOGIN ", 4, False, 1))
        self.assertIsNone(reader.next_event())
        reader.accept()
        self.assertEqual(reader.next_event(), Line(b"a LOGIN {4+}\r\nfred x"))

    def test_a_refused_synchronising_literal_does_not_come(self) -> None:
        reader = self.reader()
        reader.receive(b"a LOGIN {4000000000}\r\n")
        self.assertEqual(reader.next_event(), Offer(b"a LOGIN ", 4_000_000_000, True, 1))
        reader.refuse()
        reader.receive(b"b NOOP\r\n")
        self.assertEqual(reader.next_event(), Line(b"b NOOP"))

    def test_a_refused_non_synchronising_literal_is_skipped_with_its_command(self) -> None:
        """G37, also when the rest of the command has more literals that are on their way."""
        text = b"a LOGIN {5+}\r\nab NO {3+}\r\nx\r\n more\r\nb NOOP\r\n"
        for place in range(15, len(text)):
            reader = self.reader()
            reader.receive(text[:place])
            self.assertIsInstance(reader.next_event(), Offer)
            reader.refuse()
            events = [reader.next_event()]
            reader.receive(text[place:])
            events.append(reader.next_event())
            self.assertEqual([event for event in events if event], [Line(b"b NOOP")], place)

    def test_a_line_too_long_is_told_at_once_and_skipped_in_bounded_memory(self) -> None:
        """G59: 10 MB without a line's end."""
        reader = self.reader(line_limit=8192, skip_limit=16_000_000)
        told: list[TooLong] = []
        for _ in range(160):
            reader.receive(b"a LOGIN " + b"x" * 65_528)
            while (event := reader.next_event()) is not None:
                told.append(event)
            self.assertLess(reader.buffered, 8192)
        self.assertEqual([type(event) for event in told], [TooLong])
        self.assertEqual(told[0].text[:8], b"a LOGIN ")
        reader.receive(b"\r\nb NOOP\r\n")
        self.assertEqual(reader.next_event(), Line(b"b NOOP"))

    def test_a_line_too_long_that_ends_with_a_literal_is_skipped_with_it(self) -> None:
        """G37: the octets of the literal are no commands."""
        for place in range(1, 40):
            reader = self.reader(line_limit=20)
            text = b"x" * 30 + b" {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n"
            pieces = [text[: place + 20], text[place + 20 :]]
            events = read_all(reader, pieces)
            self.assertEqual([type(event) for event in events], [TooLong, Line], place)
            self.assertEqual(events[1], Line(b"c NOOP"))

    def test_a_complete_line_beyond_the_limit_is_too_long(self) -> None:
        events = read_all(self.reader(line_limit=10), [b"a " + b"x" * 20 + b"\r\nb NOOP\r\n"])
        self.assertEqual([type(event) for event in events], [TooLong, Line])

    def test_a_line_too_long_tells_the_tag_of_its_command(self) -> None:
        events = read_all(self.reader(line_limit=20), [b"a LOGIN {1}\r\nx" + b"y" * 30 + b"\r\n"])
        self.assertEqual(events[-1], TooLong(b"a LOGIN {1}\r\nx"))

    def test_what_cannot_be_skipped_sensibly_is_hopeless(self) -> None:
        reader = self.reader(skip_limit=1000)
        reader.receive(b"a LOGIN {5000+}\r\n")
        reader.next_event()
        reader.refuse()
        self.assertEqual(reader.next_event(), Hopeless())
        reader.receive(b"x" * 5000)
        self.assertIsNone(reader.next_event())
        self.assertEqual(reader.buffered, 0)

    def test_abandoning_skips_the_rest_of_a_command(self) -> None:
        reader = self.reader()
        reader.receive(b"a APPEND x {2+}\r\nhi {3+}\r\na\r\n {9}\r\nb NOOP\r\n")
        reader.next_event()
        reader.stream()
        self.assertEqual(reader.next_event(), Chunk(b"hi", True))
        reader.abandon()
        self.assertEqual(reader.next_event(), Line(b"b NOOP"))

    def test_discarding_forgets_everything(self) -> None:
        """G59: STARTTLS."""
        reader = self.reader()
        reader.receive(b"a STARTTLS\r\nb LOGIN fred x\r\nc LOG")
        reader.next_event()
        reader.discard()
        self.assertEqual(reader.buffered, 0)
        reader.receive(b"d NOOP\r\n")
        self.assertEqual(reader.next_event(), Line(b"d NOOP"))

    def test_buffered_counts_an_unfinished_command(self) -> None:
        reader = self.reader()
        reader.receive(b"a LOGIN {4}\r\n")
        reader.next_event()
        reader.accept()
        reader.receive(b"fred pas")
        reader.next_event()
        self.assertEqual(reader.buffered, len(b"a LOGIN {4}\r\nfred pas"))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"a", b" ", b"\r\n", b"\n", b"{3}", b"{3+}", b"{999999+}", b"\0"])
        ),
        st.lists(st.integers(0, 40), max_size=8),
        st.integers(0, 2),
    )
    def test_no_input_confuses_it(self, words: list[bytes], cuts: list[int], choice: int) -> None:
        """Whatever comes and is decided, the events do not depend on how it is cut."""
        text = b"".join(words)

        def run(pieces: list[bytes]) -> list[Event]:
            reader = self.reader(line_limit=12, skip_limit=2000)
            events: list[Event] = []
            for piece in pieces:
                reader.receive(piece)
                while (event := reader.next_event()) is not None:
                    if isinstance(event, Offer):
                        (reader.accept, reader.stream, reader.refuse)[choice]()
                    if isinstance(event, Chunk) and events and isinstance(events[-1], Chunk):
                        event = Chunk(events.pop().data + event.data, event.last)
                    events.append(event if not isinstance(event, TooLong) else TooLong(b""))
                self.assertLessEqual(reader.buffered, 2 * len(text))
            return events

        places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
        pieces = [text[a:b] for a, b in pairwise(places)]
        self.assertEqual(run(pieces), run([text] if text else []))
