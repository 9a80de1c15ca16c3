"""IDLE."""

from sora.net.connection import STALLED
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
        self.client.connection.shutdown()
        self.assertEqual(self.client.take(), b"* BYE The server is shutting down\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_mailbox_that_is_deleted(self) -> None:
        client = self.new_client()
        client.ask(b"a CREATE foo")
        client.ask(b"a SELECT foo")
        client.ask(b"a IDLE")
        self.new_client().ask(b"a DELETE foo")
        self.assertIn(b"* BYE The selected mailbox was deleted\r\n", client.take())
        self.assertTrue(client.is_hung_up_on)


class IdleWithoutMailboxTests(TranscriptTestCase):
    def test_is_allowed(self) -> None:
        self.client.send(b"a IDLE\r\n")
        self.assertEqual(self.client.take(), b"+ idling\r\n")
        self.clock.advance(110)
        self.assertEqual(self.client.take(), b"* OK Still here\r\n")
        self.assertEqual(self.client.ask(b"DONE"), b"a OK IDLE completed\r\n")
