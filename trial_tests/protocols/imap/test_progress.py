"""INPROGRESS (RFC 9585)."""

from twisted.internet.defer import Deferred

from trial_tests.support.transcript import TranscriptTestCase


class SlowTestCase(TranscriptTestCase):
    """A storage that takes its time: until `go_on`."""

    def setUp(self) -> None:
        super().setUp()
        self.append_some(3)
        self.client.ask(b"c CREATE Other")
        self.client.ask(b"s SELECT INBOX")
        self.waiting: list[Deferred[None]] = []
        self.server.storage.tables.pause = self.pause

    def pause(self, family: str) -> "Deferred[None]":
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def go_on(self) -> None:
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.callback(None)


class ProgressTests(SlowTestCase):
    def test_who_waits_hears_of_it(self) -> None:
        """§4: every 10 to 15 seconds, in untagged lines, until the end."""
        self.client.send(b"A001 SEARCH TEXT slow\r\n")
        self.clock.advance(11.9)
        self.assertEqual(self.client.take(), b"")
        for _ in range(3):
            self.clock.advance(12.1)
            self.assertEqual(
                self.client.take(), b'* OK [INPROGRESS ("A001" NIL NIL)] Still working on it\r\n'
            )
        self.go_on()
        self.assertEqual(self.client.take(), b"* SEARCH\r\nA001 OK SEARCH completed\r\n")
        self.clock.advance(100)
        self.assertEqual(self.client.take(), b"")

    def test_each_command_that_may_take_long(self) -> None:
        for command in (
            b"UID SORT (SUBJECT) UTF-8 ALL",
            b"THREAD REFERENCES UTF-8 ALL",
            b"STORE 1:* +FLAGS.SILENT (\\Deleted)",
            b"COPY 1:* Other",
            b"UID MOVE 1 Other",
            b"EXPUNGE",
            b"UID EXPUNGE 1:2",
        ):
            self.client.send(b"a " + command + b"\r\n")
            self.clock.advance(12.1)
            self.assertIn(b'[INPROGRESS ("a" NIL NIL)]', self.client.take(), command)
            while self.waiting:
                self.go_on()
            self.assertIn(b"a OK ", self.client.take(), command)

    def test_counts_where_there_are_some(self) -> None:
        """§4: fewer are done than there are."""
        self.client.send(b"b]c ESEARCH IN (personal) ALL\r\n")
        said = []
        while self.waiting:
            self.clock.advance(12.1)
            said.append(self.client.take())
            self.go_on()
        self.assertEqual(said[0], b"")  # the list of mailboxes
        self.assertTrue(said[1].endswith(b"* OK [INPROGRESS (NIL 1 2)] Still working on it\r\n"))

    def test_nothing_is_sent_to_who_is_gone(self) -> None:
        self.client.send(b"a SEARCH TEXT slow\r\n")
        self.client.hang_up()
        self.clock.advance(30)
        self.assertEqual(self.client.take(), b"")
        self.go_on()


class FilteredTests(SlowTestCase):
    """A client that must not be told of the code."""

    dialect = TranscriptTestCase.dialect.without(b"INPROGRESS")

    def test_who_waits_hears_of_it(self) -> None:
        self.client.send(b"A001 SEARCH TEXT slow\r\n")
        self.clock.advance(12.1)
        self.assertEqual(self.client.take(), b"* OK Still working on it\r\n")
        self.go_on()
