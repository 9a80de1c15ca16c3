"""Hundreds of commands sent at once (RFC 3501 §5.5). That a client which does not read is not
read from either is tested with the connection."""

import re

from trial_tests.support.transcript import TranscriptTestCase


class PipeliningTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(20)
        self.client.ask(b"x CREATE Other")
        self.client.ask(b"s SELECT INBOX")

    def settle(self) -> bytes:
        """All that is said, as the client reads it."""
        said = b""
        while True:
            self.clock.advance(0)
            more = self.client.take()
            if not more:
                return said
            said += more

    def test_hundreds_of_commands_are_answered_in_order(self) -> None:
        """Of all kinds, some with literals and some that are refused."""
        kinds = [
            b"NOOP",
            b"FETCH %d (FLAGS UID)",
            b"UID STORE %d +FLAGS.SILENT (\\Flagged)",
            b"STORE %d -FLAGS (\\Flagged)",
            b"UID FETCH %d (BODY.PEEK[])",
            b"SEARCH FLAGGED %d",
            b"APPEND Other {3+}\r\nhi\n",
            b"NONSENSE %d",
            b"FETCH 99%d FLAGS",
            b"UID COPY %d Other",
            b"STATUS Other (MESSAGES)",
        ]
        commands = []
        for number in range(600):
            kind = kinds[number % len(kinds)]
            commands.append(b"t%d " % number + (kind % (number % 20 + 1) if b"%" in kind else kind))
        self.client.send(b"".join(command + b"\r\n" for command in commands))
        said = self.settle()
        tags = re.findall(rb"^t(\d+) (OK|NO|BAD)", said, re.MULTILINE)
        # Bad commands in a row are counted; here they are not in a row.
        self.assertEqual([int(tag) for tag, _ in tags], list(range(600)))
        self.assertEqual(
            sum(status == b"BAD" for _, status in tags),
            sum(b"NONSENSE" in command or b"FETCH 99" in command for command in commands),
        )
        self.assertFalse(self.client.is_hung_up_on)

    def test_thousands_that_the_view_answers_ask_nothing_of_storage(self) -> None:
        before = self.server.storage.tables.statements.copy()
        for _ in range(50):
            self.client.connection.dataReceived(b"a UID FETCH 1:* (FLAGS)\r\n" * 100)
        said = self.settle()
        self.assertEqual(said.count(b"a OK "), 5000)
        self.assertEqual(self.server.storage.tables.statements, before)

    def test_another_session_expunges_in_the_middle(self) -> None:
        """G24, G27: numbers mean what was told before, and each expunge is told once."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"d STORE 3,5,20 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"n NOOP")
        other.ask(b"e EXPUNGE")
        commands = [b"f%d FETCH %d (UID)" % (number, number) for number in range(1, 21)]
        self.client.send(b"".join(command + b"\r\n" for command in commands) + b"n NOOP\r\n")
        said = self.settle()
        for number, uid in re.findall(rb"\* (\d+) FETCH \(UID (\d+)\)", said):
            self.assertEqual(number, uid)
        self.assertEqual(re.findall(rb"\* (\d+) EXPUNGE", said), [b"3", b"4", b"18"])
        self.assertLess(said.index(b"f20 "), said.index(b" EXPUNGE\r\n"))
