"""The reader of ManageSieve."""

from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.managesieve.wire.reader import (
    Event,
    Hopeless,
    Line,
    ManageSieveReader,
    Offer,
    TooLong,
)

PUT = b'PUTSCRIPT "a" {12+}\r\nkeep;\r\nstop;\r\nNOOP\r\n'
PUT_EVENTS: list[Event] = [
    Offer(b'PUTSCRIPT "a" ', 12, False, 1),
    Line(b'PUTSCRIPT "a" {12+}\r\nkeep;\r\nstop;'),
    Line(b"NOOP"),
]


def events(reader: ManageSieveReader, *, accept: bool = True) -> list[Event]:
    """All events that there are; every literal is taken, or none."""
    found: list[Event] = []
    while (event := reader.next_event()) is not None:
        found.append(event)
        if isinstance(event, Offer):
            (reader.accept if accept else reader.refuse)()
        if isinstance(event, Hopeless):
            break
    return found


class ReaderTests(SynchronousTestCase):
    def reader(self, line: int = 100, skip: int = 1000) -> ManageSieveReader:
        return ManageSieveReader(line, skip)

    def read(self, data: bytes, *, accept: bool = True) -> list[Event]:
        reader = self.reader()
        reader.receive(data)
        return events(reader, accept=accept)

    def test_lines(self) -> None:
        self.assertEqual(
            self.read(b"NOOP\r\nLOGOUT\n\r\nrest"), [Line(b"NOOP"), Line(b"LOGOUT"), Line(b"")]
        )

    def test_literals_of_both_forms(self) -> None:
        """RFC 5804 §4: literal-c2s; the other form is taken the same way."""
        self.assertEqual(self.read(PUT), PUT_EVENTS)
        self.assertEqual(
            self.read(b"X {1}\r\na {0+}\r\n\r\n"),
            [
                Offer(b"X ", 1, False, 1),
                Offer(b"X {1}\r\na ", 0, False, 2),
                Line(b"X {1}\r\na {0+}\r\n"),
            ],
        )

    def test_split_at_every_octet(self) -> None:
        for size in (1, 2, 3, 7):
            reader, found = self.reader(), []
            for start in range(0, len(PUT), size):
                reader.receive(PUT[start : start + size])
                found += events(reader)
            self.assertEqual(found, PUT_EVENTS)

    def test_what_is_refused_is_skipped_with_its_command(self) -> None:
        """G37"""
        stream = b'X {4+}\r\nNOOP "a" {7+}\r\nLOGOUT\n\r\nNOOP\r\n'
        for size in (1, 5, len(stream)):
            reader, found = self.reader(), []
            for start in range(0, len(stream), size):
                reader.receive(stream[start : start + size])
                found += events(reader, accept=False)
            self.assertEqual(found, [Offer(b"X ", 4, False, 1), Line(b"NOOP")])
            self.assertEqual(reader.buffered, 0)

    def test_a_line_that_is_too_long_is_skipped_with_its_literals(self) -> None:
        for size in (1, 9, 1000):
            stream = b"X" * 150 + b" {5+}\r\nNOOP\r\r\nNOOP\r\n"
            reader, found = self.reader(), []
            for start in range(0, len(stream), size):
                reader.receive(stream[start : start + size])
                found += events(reader)
            self.assertEqual([type(one) for one in found], [TooLong, Line])
            self.assertEqual(found[1], Line(b"NOOP"))

    def test_an_unending_literal_is_hopeless_at_once(self) -> None:
        """G59: nothing of it is kept."""
        for size in (b"1001", b"4294967296", b"9" * 90):
            found = self.read(b"X {" + size + b"+}\r\n" + b"x" * 500, accept=False)
            self.assertEqual([type(one) for one in found], [Offer, Hopeless])
            reader = self.reader()
            reader.receive(b"X {" + size + b"+}\r\n")
            events(reader, accept=False)
            for _ in range(100):
                reader.receive(b"x" * 1000)
                self.assertEqual(events(reader), [])
                self.assertEqual(reader.buffered, 0)

    def test_an_unending_line_is_hopeless(self) -> None:
        reader, found = self.reader(), []
        for _ in range(20):
            reader.receive(b"x" * 90)
            found += events(reader)
            self.assertLess(reader.buffered, 200)
        self.assertEqual([type(one) for one in found], [TooLong, Hopeless])

    def test_many_refused_literals_in_one_command_add_up(self) -> None:
        found = self.read(b"X {400+}\r\n" + (b"y" * 400 + b" {400+}\r\n") * 5, accept=False)
        self.assertEqual([type(one) for one in found], [Offer, Hopeless])

    def test_what_was_pipelined_is_forgotten(self) -> None:
        """G59"""
        reader = self.reader()
        reader.receive(b"STARTTLS\r\nNOOP\r\nX {5+}\r\n")
        self.assertEqual(reader.next_event(), Line(b"STARTTLS"))
        reader.discard()
        self.assertEqual((events(reader), reader.buffered), ([], 0))
        reader.receive(b"NOOP\r\n")
        self.assertEqual(events(reader), [Line(b"NOOP")])
