"""IDLE."""

from sora.errors import ShuttingDown
from sora.mailbox.updates import PORTION
from sora.net.outgoing import STALLED
from trial_tests.support.transcript import TranscriptTestCase


class IdleTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"s SELECT INBOX")
        self.client.send(b"a IDLE\r\n")
        self.assertEqual(self.client.take(), b"+ idling\r\n")

    def test_tells_at_once(self) -> None:
        """RFC 2177: without any octet from the client."""
        self.append_some(1)
        self.assertEqual(self.client.take(), b"* 1 EXISTS\r\n* 1 RECENT\r\n")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1 +FLAGS (\\Deleted)")
        self.assertEqual(self.client.take(), b"* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))\r\n")
        other.ask(b"a EXPUNGE")
        self.assertEqual(self.client.take(), b"* 1 EXPUNGE\r\n* 0 RECENT\r\n")
        self.assertEqual(self.client.ask(b"DONE"), b"a OK IDLE completed\r\n")

    def test_a_client_that_does_not_read_is_told_all_at_once_when_it_does(self) -> None:
        """Whatever happens meanwhile is not kept for it, and what it says is heard then."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        self.client.connection.pauseProducing()
        self.append_some(1)
        for number in range(50):
            self.append_some(1)
            other.ask(b"a STORE 1 +FLAGS.SILENT ($k%d)" % number)
        self.client.send(b"DONE\r\n")
        self.assertEqual(self.client.transport.value(), b"")
        self.client.connection.resumeProducing()
        said = self.client.take()
        # One was on its way already, the other is for all that came since.
        self.assertEqual(said.count(b" EXISTS"), 2)
        self.assertIn(b"* 51 EXISTS", said)
        self.assertEqual(said.count(b" FETCH ("), 1)
        self.assertTrue(said.endswith(b"a OK IDLE completed\r\n"))

    def test_a_client_that_never_reads_is_cut_off(self) -> None:
        """G40: not one that reads slowly, but one that reads nothing."""
        self.client.connection.pauseProducing()
        self.append_some(1)
        self.clock.advance(STALLED - 1)
        self.assertFalse(self.client.is_hung_up_on)
        self.clock.advance(1)
        self.assertTrue(self.client.is_hung_up_on)

    def test_after_it_nothing_is_pushed(self) -> None:
        self.client.ask(b"done")
        self.append_some(1)
        self.assertEqual(self.client.take(), b"")
        self.assertIn(b"* 1 EXISTS\r\n", self.client.ask(b"b NOOP"))

    def test_says_something_every_two_minutes(self) -> None:
        """G40, for hours: also when wakings without news come in between."""
        for _ in range(20):
            self.clock.advance(60)
            self.client.connection.wake()
            self.assertIn(self.client.take(), (b"", b"* OK Still here\r\n"))
            self.clock.advance(59)
            self.client.connection.wake()
            self.assertEqual(self.client.take(), b"* OK Still here\r\n")
        self.assertEqual(self.client.ask(b"DONE"), b"a OK IDLE completed\r\n")

    def test_anything_else_ends_it_badly(self) -> None:
        self.assertEqual(self.client.ask(b"b NOOP"), b"a BAD IDLE is ended with DONE\r\n")
        self.assertEqual(self.client.ask(b"b NOOP"), b"b OK NOOP completed\r\n")

    def test_a_pipelined_done(self) -> None:
        self.client.ask(b"DONE")
        self.assertEqual(
            self.client.ask(b"b IDLE\r\nDONE\r\nc NOOP"),
            b"+ idling\r\nb OK IDLE completed\r\nc OK NOOP completed\r\n",
        )

    def test_hanging_up_ends_it(self) -> None:
        self.client.hang_up()
        self.successResultOf(self.client.connection.ended)
        self.append_some(1)

    def test_the_server_stops(self) -> None:
        self.client.connection.shutdown(ShuttingDown())
        self.assertEqual(self.client.take(), b"* BYE [UNAVAILABLE] The server is shutting down\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_mailbox_that_is_deleted(self) -> None:
        client = self.new_client()
        client.ask(b"a CREATE foo")
        client.ask(b"a SELECT foo")
        client.ask(b"a IDLE")
        self.new_client().ask(b"a DELETE foo")
        self.assertIn(b"* BYE The selected mailbox was deleted\r\n", client.take())
        self.assertTrue(client.is_hung_up_on)


class ManyFlagsTests(TranscriptTestCase):
    """Flags of very many messages are told as the client reads them, in bounded memory."""

    count = 2 * PORTION + 500

    def setUp(self) -> None:
        super().setUp()
        self.append_some(1)
        self.client.ask(b"s SELECT INBOX")
        have = 1
        while have < self.count:
            more = min(have, self.count - have)
            self.client.ask(b"c COPY 1:%d INBOX" % more)
            have += more
        self.other = self.new_client()
        self.other.ask(b"s SELECT INBOX")

    def read_slowly(self) -> None:
        """From now on the client takes one write at a time, until `resumeProducing`."""
        write = self.client.transport.write

        def slow(data: bytes) -> None:
            write(data)
            self.client.connection.pauseProducing()

        self.client.transport.write = slow  # type: ignore[method-assign]

    def taken(self) -> list[bytes]:
        said: bytes = self.client.transport.value()
        self.client.transport.clear()
        return said.splitlines()

    def test_in_idle(self) -> None:
        self.client.ask(b"i IDLE")
        self.read_slowly()
        self.other.ask(b"a STORE 1:* +FLAGS.SILENT (\\Flagged)")
        told = self.taken()
        self.assertLessEqual(len(told), 2 * PORTION)
        # What changes meanwhile is told as it is then, and once more as a change.
        self.other.ask(b"b STORE %d +FLAGS.SILENT (\\Answered)" % self.count)
        for _ in range(10):
            self.client.connection.resumeProducing()
            more = self.taken()
            self.assertLessEqual(len(more), 2 * PORTION)
            told += more
        lines = [line for line in told if b" FETCH (" in line]
        self.assertEqual(len(lines), self.count + 1)
        numbers = [int(line.split()[1]) for line in lines]
        self.assertEqual(numbers, [*range(1, self.count + 1), self.count])
        self.assertIn(b"\\Answered", lines[-2])

    def test_with_a_command(self) -> None:
        self.other.ask(b"a STORE 1:* +FLAGS.SILENT (\\Flagged)")
        self.other.ask(b"b STORE 1:10 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"c EXPUNGE")
        said = self.client.ask(b"a NOOP").splitlines()
        self.assertEqual(said[:10], [b"* 1 EXPUNGE"] * 10)
        self.assertEqual(sum(b" FETCH (" in line for line in said), self.count - 10)
        self.assertEqual(said[-1], b"a OK NOOP completed")
        self.assertEqual(self.client.ask(b"b NOOP"), b"b OK NOOP completed\r\n")

    def test_an_expunge_while_it_is_told(self) -> None:
        """Numbers are right, whatever is told when."""
        self.client.ask(b"i IDLE")
        self.read_slowly()
        self.other.ask(b"a STORE 1:* +FLAGS.SILENT (\\Flagged)")
        self.other.ask(b"b STORE 2400 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"c EXPUNGE")
        told = self.taken()
        for _ in range(10):
            self.client.connection.resumeProducing()
            told += self.taken()
        lines = [line for line in told if b" FETCH (" in line]
        for line in lines:
            number, uid = int(line.split()[1]), int(line.split()[4])
            self.assertEqual(number, uid)
        # All but the one that was gone before its turn came.
        self.assertEqual(len(lines), self.count - 1)
        self.assertIn(b"* 2400 EXPUNGE", told[-2:])


class IdleWithoutMailboxTests(TranscriptTestCase):
    def test_is_allowed(self) -> None:
        self.client.send(b"a IDLE\r\n")
        self.assertEqual(self.client.take(), b"+ idling\r\n")
        self.clock.advance(110)
        self.assertEqual(self.client.take(), b"* OK Still here\r\n")
        self.assertEqual(self.client.ask(b"DONE"), b"a OK IDLE completed\r\n")
