import zlib
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import ShuttingDown
from sora.net.connection import LINGER, Connection
from sora.net.deflate import Deflaters
from sora.net.ended import ConnectionEnded, TimedOut, Unreadable
from sora.net.incoming import EVENTS_IN_A_ROW, READ_AHEAD
from sora.net.inflating import INFLATED_AT_ONCE, INFLATED_IN_A_ROW
from sora.net.outgoing import STALLED, WRITE_BEHIND
from sora.net.peer import Peer
from trial_tests.support.books import Books


class LineReader:
    """Lines that end with LF."""

    def __init__(self) -> None:
        self.held = b""

    def receive(self, data: bytes) -> None:
        self.held += data

    def next_event(self) -> bytes | None:
        line, found, rest = self.held.partition(b"\n")
        if not found:
            return None
        self.held = rest
        return line

    def discard(self) -> None:
        self.held = b""

    def take_rest(self) -> bytes:
        rest, self.held = self.held, b""
        return rest

    @property
    def buffered(self) -> int:
        return len(self.held)


class Transport(StringTransport):
    """Says what happened to it; startTLS is the mark of a layer, not the layer."""

    aborted = False
    tls: Any = None

    def abortConnection(self) -> None:
        self.aborted = True

    def startTLS(self, context: Any) -> None:
        assert self.producer is None, "the producer of the bare transport stays"
        self.tls = context


class Echo(Connection):
    """Answers each line; some words do more."""

    reader: LineReader

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, LineReader())
        self.storage: Deferred[None] = Deferred()
        self.deflaters = Deflaters()
        self.heard: list[bytes] = []
        self.how = ""

    async def converse(self) -> None:
        self.write(b"hello\n")
        try:
            while True:
                line = await self.next_event(60)
                self.heard.append(line)
                if line == b"quit":
                    self.write(b"bye\n")
                    self.how = "quit"
                    return
                if line == b"store":
                    await self.storage
                if line == b"break":
                    raise ZeroDivisionError
                if line == b"tls":
                    self.write(b"go\n")
                    self.start_tls("context")
                    continue
                if line == b"deflate":
                    self.write(b"go\n")
                    self.start_deflate(self.deflaters, self.reader.take_rest())
                    continue
                if line == b"inflate":
                    self.write(b"gone\n")
                    self.end_deflate()
                    continue
                if line == b"much":
                    for _ in range(4):
                        self.write(b"x" * WRITE_BEHIND)
                        await self.drain()
                self.write(b"<" + line + b">\n")
        except TimedOut:
            self.how = "timed out"
            raise
        except Unreadable:
            self.write(b"what?\n")
            self.how = "unreadable"
            raise
        except ConnectionEnded:
            self.how = "ended"
            raise


class ConnectionTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.connection = Echo(self.clock)
        self.transport = Transport()
        self.books = Books()
        self.connection.session = self.books
        self.connection.makeConnection(self.transport)

    def receive(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def sent(self) -> bytes:
        data = self.transport.value()
        self.transport.clear()
        return data

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))


class ConversationTests(ConnectionTestCase):
    def test_greets_and_answers_and_closes_at_the_end(self) -> None:
        self.assertEqual(self.sent(), b"hello\n")
        self.receive(b"a\nb\nquit\nc\n")
        self.assertEqual(self.sent(), b"<a>\n<b>\nbye\n")
        self.assertTrue(self.transport.disconnecting)
        self.assertTrue(self.connection.ended.called)
        self.assertEqual(self.connection.heard, [b"a", b"b", b"quit"])

    def test_split_at_every_octet(self) -> None:
        for octet in b"ab\nquit\n":
            self.receive(bytes([octet]))
        self.assertEqual(self.sent(), b"hello\n<ab>\nbye\n")

    def test_answers_of_pipelined_commands_leave_in_one_write(self) -> None:
        writes: list[bytes] = []
        self.transport.write = writes.append  # type: ignore[assignment]
        self.receive(b"a\nb\nc\n")
        self.assertEqual(writes, [b"<a>\n<b>\n<c>\n"])

    def test_many_pipelined_commands_give_way_to_others(self) -> None:
        self.receive(b"a\n" * (EVENTS_IN_A_ROW * 2 + 10))
        self.assertEqual(len(self.connection.heard), EVENTS_IN_A_ROW)
        turns: list[int] = []
        self.clock.callLater(0, lambda: turns.append(len(self.connection.heard)))
        self.clock.advance(0)
        self.assertLess(turns[0], 2 * EVENTS_IN_A_ROW + 1)
        self.assertEqual(len(self.connection.heard), 2 * EVENTS_IN_A_ROW + 10)

    def test_a_failure_of_the_conversation_is_logged_and_ends_it(self) -> None:
        self.receive(b"break\n")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(self.connection.ended.called)
        self.assertTrue(self.transport.disconnecting)

    def test_knows_its_peer(self) -> None:
        self.assertEqual(self.connection.peer, Peer("192.168.1.1", 54321))

    def test_counts_octets(self) -> None:
        self.receive(b"abc\n")
        self.assertEqual((self.connection.octets_in, self.connection.octets_out), (4, 12))


class BackPressureTests(ConnectionTestCase):
    def test_does_not_read_ahead_of_what_is_served(self) -> None:
        self.receive(b"store\n")
        self.receive(b"n" * READ_AHEAD)
        self.assertEqual(self.transport.producerState, "producing")
        self.receive(b"n\n")
        self.assertEqual(self.transport.producerState, "paused")
        self.connection.storage.callback(None)
        self.assertEqual(len(self.connection.heard), 2)
        self.assertEqual(self.transport.producerState, "producing")

    def test_does_not_write_to_a_client_that_does_not_read(self) -> None:
        self.sent()
        self.connection.pauseProducing()
        self.receive(b"much\n")
        self.assertEqual(len(self.sent()), WRITE_BEHIND)
        self.connection.resumeProducing()
        self.assertEqual(len(self.sent()), 3 * WRITE_BEHIND + len(b"<much>\n"))

    def test_a_client_that_never_reads_is_cut_off(self) -> None:
        self.connection.pauseProducing()
        self.receive(b"much\n")
        self.clock.advance(STALLED - 1)
        self.assertFalse(self.transport.aborted)
        self.clock.advance(1)
        self.assertTrue(self.transport.aborted)
        self.lose()
        self.assertEqual(self.connection.how, "ended")
        self.assertEqual(self.books.reasons, ["stalled"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slow_download_that_makes_progress_is_not_cut_off(self) -> None:
        """G40"""
        write = self.transport.write

        def slow(data: bytes) -> None:
            write(data)
            self.connection.pauseProducing()

        self.transport.write = slow  # type: ignore[assignment]
        self.receive(b"much\n")
        for _ in range(4):
            self.clock.advance(STALLED - 1)
            self.connection.resumeProducing()
        self.assertFalse(self.transport.aborted)
        self.receive(b"quit\n")
        self.assertEqual(self.connection.how, "quit")

    def test_is_registered_as_producer_and_no_longer_at_the_end(self) -> None:
        self.assertIs(self.transport.producer, self.connection)
        self.receive(b"quit\n")
        self.assertIsNone(self.transport.producer)


class HangUpTests(ConnectionTestCase):
    def test_interrupts_waiting(self) -> None:
        self.lose()
        self.assertEqual(self.connection.how, "ended")
        self.assertTrue(self.connection.ended.called)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_does_not_interrupt_work(self) -> None:
        """G15"""
        self.receive(b"store\n")
        self.lose()
        self.assertFalse(self.connection.ended.called)
        self.assertFalse(self.connection.is_open)
        self.connection.storage.callback(None)
        self.assertTrue(self.connection.ended.called)
        self.assertEqual(self.connection.how, "ended")

    def test_what_was_sent_before_is_answered_all_the_same(self) -> None:
        self.receive(b"store\n" + b"a\n" * (EVENTS_IN_A_ROW + 5))
        self.lose()
        self.connection.storage.callback(None)
        self.clock.advance(0)
        self.assertEqual(len(self.connection.heard), EVENTS_IN_A_ROW + 6)
        self.assertTrue(self.connection.ended.called)

    def test_closing_from_outside_ends_the_wait(self) -> None:
        self.connection.shutdown(ShuttingDown())
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.connection.how, "ended")

    def test_what_comes_after_the_close_is_dropped(self) -> None:
        self.receive(b"quit\n")
        self.receive(b"x" * 10 * READ_AHEAD)
        self.assertEqual(self.connection.reader.buffered, 0)
        self.assertEqual(self.transport.producerState, "producing")

    def test_a_client_that_does_not_let_go_is_cut_off(self) -> None:
        self.receive(b"quit\n")
        self.clock.advance(LINGER)
        self.assertTrue(self.transport.aborted)

    def test_nothing_rings_after_the_end(self) -> None:
        self.receive(b"quit\n")
        self.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leaves_the_books_once_when_both_ends_are_done(self) -> None:
        class Books:
            left = 0

            def identify(self, user: str) -> None:
                raise AssertionError

            def leave(self) -> None:
                self.left += 1

        books = self.connection.session = Books()
        self.receive(b"store\n")
        self.lose()
        self.assertEqual(books.left, 0)
        self.connection.storage.callback(None)
        self.assertEqual(books.left, 1)


class TimeTests(ConnectionTestCase):
    def test_silence_ends_the_conversation(self) -> None:
        self.clock.advance(59)
        self.assertEqual(self.connection.how, "")
        self.clock.advance(1)
        self.assertEqual(self.connection.how, "timed out")
        self.assertEqual(self.books.reasons, ["idle"])

    def test_each_command_begins_a_new_wait_with_the_same_timer(self) -> None:
        for _ in range(10):
            self.clock.advance(50)
            self.receive(b"a\n")
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(10)
        self.clock.advance(49)
        self.assertEqual(self.connection.how, "")
        self.clock.advance(1)
        self.assertEqual(self.connection.how, "timed out")

    def test_octets_of_an_unfinished_line_lengthen_the_wait(self) -> None:
        for _ in range(4):
            self.clock.advance(50)
            self.receive(b"a")
        self.assertEqual(self.connection.how, "")
        self.clock.advance(10)
        self.clock.advance(50)
        self.assertEqual(self.connection.how, "timed out")

    def test_but_not_past_the_time_by_which_it_must_end(self) -> None:
        """G59"""
        self.connection.must_end_by = 120.0
        for _ in range(12):
            self.clock.advance(9)
            self.receive(b"a")
        self.assertEqual(self.connection.how, "")
        self.clock.advance(12)
        self.assertEqual(self.connection.how, "timed out")
        self.assertEqual(self.books.reasons, ["login"])

    def test_no_time_is_counted_while_the_server_works(self) -> None:
        self.receive(b"store\n")
        self.clock.advance(1000)
        self.connection.storage.callback(None)
        self.clock.advance(59)
        self.assertEqual(self.connection.how, "")
        self.clock.advance(1)
        self.assertEqual(self.connection.how, "timed out")

    def test_a_wake_is_no_sign_of_the_client(self) -> None:
        for _ in range(5):
            self.clock.advance(11)
            self.connection.wake()
        self.assertEqual(self.connection.how, "")
        self.clock.advance(5)
        self.assertEqual(self.connection.how, "timed out")


class WakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.got: list[Any] = []
        got = self.got

        class Waiter(Connection):
            async def converse(self) -> None:
                while True:
                    got.append((await self.event_or_wake(10), self.is_overdue))

        self.connection = Waiter(self.clock, LineReader())

    def test_wakes_a_wait_or_the_next_one_once(self) -> None:
        self.connection.wake()
        self.connection.makeConnection(Transport())
        self.assertEqual(self.got, [(None, False)])
        self.connection.wake()
        self.assertEqual(self.got, [(None, False)] * 2)
        self.connection.dataReceived(b"a\n")
        self.assertEqual(self.got[2:], [(b"a", False)])
        self.clock.advance(10)
        self.assertEqual(self.got[3:], [(None, True)])

    def test_takes_what_is_there_without_waiting(self) -> None:
        self.connection.reader.receive(b"a\n" * EVENTS_IN_A_ROW)
        taken = [self.connection.take_event() for _ in range(EVENTS_IN_A_ROW)]
        self.assertEqual(taken, [b"a"] * (EVENTS_IN_A_ROW - 1) + [None])
        self.assertEqual(self.connection.reader.buffered, 2)


class StartTLSTests(ConnectionTestCase):
    def test_forgets_what_was_pipelined_before_tls(self) -> None:
        """G59"""
        self.sent()
        self.receive(b"tls\nevil\n")
        self.assertEqual(self.sent(), b"go\n")
        self.assertEqual(self.transport.tls, "context")
        self.assertIs(self.transport.producer, self.connection)
        self.receive(b"good\n")
        self.assertEqual(self.connection.heard, [b"tls", b"good"])


class DeflateTests(ConnectionTestCase):
    """RFC 4978."""

    def setUp(self) -> None:
        super().setUp()
        self.sent()
        self.receive(b"deflate\n")
        self.assertEqual(self.sent(), b"go\n")
        self._out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)

    def compressed(self, data: bytes) -> bytes:
        return self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def said(self) -> bytes:
        return self._in.decompress(self.sent())

    def test_both_directions(self) -> None:
        self.receive(self.compressed(b"a\nb\n"))
        self.assertEqual(self.said(), b"<a>\n<b>\n")

    def test_split_at_every_octet(self) -> None:
        for octet in self.compressed(b"ab\n") + self.compressed(b"cd\nquit\n"):
            self.receive(bytes([octet]))
        self.assertEqual(self.connection.heard, [b"deflate", b"ab", b"cd", b"quit"])
        self.assertEqual(self.said(), b"<ab>\n<cd>\nbye\n")

    def test_what_was_compressed_and_pipelined_behind_the_command(self) -> None:
        connection, transport = Echo(self.clock), Transport()
        connection.makeConnection(transport)
        connection.dataReceived(b"deflate\n" + self.compressed(b"a\n"))
        said = transport.value().removeprefix(b"hello\ngo\n")
        self.assertEqual(self._in.decompress(said), b"<a>\n")

    def test_is_flushed_once_for_what_leaves_together(self) -> None:
        writes: list[bytes] = []
        self.transport.write = writes.append  # type: ignore[assignment]
        self.receive(self.compressed(b"a\nb\nc\n"))
        self.assertEqual(len(writes), 1)
        self.assertEqual(writes[0].count(b"\0\0\xff\xff"), 1)
        self.assertEqual(self._in.decompress(writes[0]), b"<a>\n<b>\n<c>\n")

    def test_octets_are_counted_as_they_travel(self) -> None:
        before = self.connection.octets_in, self.connection.octets_out
        asked = self.compressed(b"a" * 1000 + b"\n")
        self.receive(asked)
        self.assertEqual(self.connection.octets_in, before[0] + len(asked))
        self.assertEqual(self.connection.octets_out, before[1] + len(self.sent()))

    def test_is_inflated_only_as_it_is_served(self) -> None:
        """G59: what waits for its turn waits compressed, and is bounded."""
        self.receive(self.compressed(b"store\n" + b"n" * 5_000_000 + b"\n"))
        self.assertEqual(self.connection.heard[1:], [b"store"])
        self.assertLessEqual(self.connection.reader.buffered, INFLATED_AT_ONCE)
        self.receive(self.compressed(b"x" * 70_000_000))
        self.assertEqual(self.transport.producerState, "paused")
        self.assertLessEqual(self.connection.reader.buffered, INFLATED_AT_ONCE)

    def test_a_bomb_gives_way_to_others(self) -> None:
        """Ten megabytes of no command in ten thousand octets."""
        self.receive(self.compressed(b"n" * 10_000_000 + b"\na\n"))
        in_a_turn = INFLATED_IN_A_ROW * INFLATED_AT_ONCE
        self.assertEqual(self.connection.reader.buffered, in_a_turn)
        turns: list[int] = []
        self.clock.callLater(0, lambda: turns.append(self.connection.reader.buffered))
        self.clock.advance(0)
        self.assertEqual(turns, [2 * in_a_turn])
        self.assertEqual(self.connection.heard[1:], [b"n" * 10_000_000, b"a"])

    def test_reading_stops_while_a_bomb_is_inflated(self) -> None:
        self.receive(self.compressed(b"n" * 10_000_000 + b"\n"))
        self.receive(b"x" * READ_AHEAD)
        self.assertEqual(self.transport.producerState, "paused")

    def test_what_is_garbled_ends_the_conversation(self) -> None:
        self.receive(b"\xff\xff\n")
        self.assertEqual(self.connection.how, "unreadable")
        self.assertEqual(self.said(), b"what?\n")
        self.assertTrue(self.transport.disconnecting)

    def test_what_is_garbled_behind_a_command_that_takes_its_time(self) -> None:
        self.receive(self.compressed(b"store\n") + b"\xff\xff\n")
        self.assertEqual(self.connection.how, "")
        self.connection.storage.callback(None)
        self.assertEqual(self.connection.how, "unreadable")
        self.assertEqual(self.said(), b"<store>\nwhat?\n")

    def test_does_not_write_to_a_client_that_does_not_read(self) -> None:
        self.connection.pauseProducing()
        self.receive(self.compressed(b"much\n"))
        self.assertEqual(len(self.said()), WRITE_BEHIND)
        self.connection.resumeProducing()
        self.assertEqual(len(self.said()), 3 * WRITE_BEHIND + len(b"<much>\n"))

    def test_ends_and_begins_again(self) -> None:
        """RFC 8437 §4.1: octets as they are may be pipelined behind the command."""
        self.receive(self.compressed(b"inflate\n") + b"a\ndeflate\n")
        compressed, mark, plain = self.sent().partition(b"\0\0\xff\xff")
        self.assertEqual(self._in.decompress(compressed + mark), b"gone\n")
        self.assertEqual(plain, b"<a>\ngo\n")
        self.assertTrue(self.connection.is_compressed)
        self._out, self._in = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
        self.receive(self.compressed(b"b\n"))
        self.assertEqual(self.said(), b"<b>\n")

    def test_nothing_is_kept_of_who_is_gone(self) -> None:
        self.receive(self.compressed(b"a\n" + b"n" * 10_000_000))
        self.assertEqual(len(self.connection.deflaters), 1)
        self.lose()
        self.assertEqual(len(self.connection.deflaters), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_begins_for_who_is_gone_already(self) -> None:
        """What was pipelined is answered, but nothing is inflated later."""
        connection = Echo(self.clock)
        connection.makeConnection(Transport())
        connection.dataReceived(b"store\ndeflate\n" + self.compressed(b"a\n" + b"n" * 10_000_000))
        connection.connectionLost(Failure(ConnectionDone()))
        connection.storage.callback(None)
        self.assertEqual(connection.heard, [b"store", b"deflate", b"a"])
        self.assertEqual((connection.how, len(connection.deflaters)), ("ended", 0))
        self.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])
