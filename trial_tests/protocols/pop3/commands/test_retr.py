"""RETR and TOP."""

from typing import Any

from twisted.internet.defer import Deferred

from sora.errors import Unavailable
from sora.mailbox.maildrop import SMALL
from trial_tests.protocols.pop3.world import POP3TestCase, POPClient

LARGE = (
    b"Subject: large\nX: y\n\n"
    + b"".join(b".%d %s\n" % (n, b"z" * (n % 90)) for n in range(12_000))
    + b"the end, without a line end"
)
SENT = LARGE.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n") + b"\r\n.\r\n"
UTF8 = "From: Käthe <kathe@example.com>\r\nSubject: Grüße\r\n\r\nÄ\r\n".encode()


class RetrTests(POP3TestCase):
    def retr(self, client: POPClient, number: int) -> bytes:
        said = client.ask(b"RETR %d" % number)
        line, _, rest = said.partition(b"\r\n")
        self.assertTrue(line.startswith(b"+OK"), line)
        self.assertTrue(rest.endswith(b"\r\n.\r\n"), rest[-20:])
        return rest

    def test_dots_and_line_ends(self) -> None:
        self.append(b"A: b\n\n.\n..\n.x\ny.\n")
        self.talk(
            """
            C: LIST 1
            S: +OK 1 23
            C: RETR 1
            S: +OK 23 octets
            S: A: b
            S:
            S: ..
            S: ...
            S: ..x
            S: y.
            S: .
            """,
            self.login(),
        )

    def test_sizes_are_those_of_what_is_sent(self) -> None:
        stored = (b"A: b\r\n\r\nc", b"A: b\n\nc\n", b"A: b", b"\n", b"A: b\r\n\r\n.\r\n.", LARGE)
        for octets in stored:
            self.append(octets)
        client = self.login()
        for number in range(1, len(stored) + 1):
            size = int(client.ask(b"LIST %d" % number).split()[2])
            said = client.ask(b"RETR %d" % number)
            first, _, sent = said.partition(b"\r\n")
            self.assertEqual(int(first.split()[1]), size)
            lines = sent.removesuffix(b".\r\n").split(b"\r\n")
            self.assertEqual(sum(len(line.removeprefix(b".")) + 2 for line in lines[:-1]), size)

    def test_a_large_message(self) -> None:
        self.assertGreater(len(LARGE), 2 * SMALL)
        self.append(LARGE)
        self.assertEqual(self.retr(self.login(), 1), SENT)

    def test_a_large_message_to_a_slow_client(self) -> None:
        self.append(LARGE)
        client = self.login()
        client.connection.pauseProducing()
        client.send(b"RETR 1\r\nNOOP\r\n")
        said = client.take()
        self.assertLess(len(said), 2 * SMALL)
        while not said.endswith(b"Nothing was done\r\n"):
            client.connection.resumeProducing()
            client.connection.pauseProducing()
            self.clock.advance(0)
            said += client.take()
        self.assertIn(SENT, said)

    def test_a_client_that_leaves_in_the_middle(self) -> None:
        self.append(LARGE)
        client = self.login()
        client.connection.pauseProducing()
        client.send(b"RETR 1\r\n")
        client.hang_up()
        self.assertEqual(len(self.post.house), 0)

    def test_top(self) -> None:
        """RFC 1939 §7"""
        self.append(b"A: b\nC: d\n\n1\n.2\n3\n")
        self.append(LARGE)
        client = self.login()
        self.talk(
            """
            C: TOP 1 0
            S: +OK The header
            S: A: b
            S: C: d
            S:
            S: .
            C: TOP 1 2
            S: +OK The first lines
            S: A: b
            S: C: d
            S:
            S: 1
            S: ..2
            S: .
            C: TOP 1 100
            S: +OK The first lines
            S: A: b
            S: C: d
            S:
            S: 1
            S: ..2
            S: 3
            S: .
            C: TOP 2 1
            S: +OK The first lines
            S: Subject: large
            S: X: y
            S:
            S: ..0...
            S: .
            """,
            client,
        )
        self.assertTrue(
            client.ask(b"TOP 2 4000").endswith(b"\r\n..3999 " + b"z" * 39 + b"\r\n.\r\n")
        )
        self.assertEqual(client.ask(b"TOP 2 4000000"), b"+OK The first lines\r\n" + SENT)
        client.ask(b"QUIT")
        self.assertNotIn(b"Seen", self.flags_in_imap())

    def test_bodies_are_not_read_for_headers(self) -> None:
        self.append_some(3)
        client = self.login()
        self.server.objects.objects.clear()
        self.assertEqual(
            client.ask(b"TOP 2 0"), b"+OK The header\r\nSubject: message 2\r\n\r\n.\r\n"
        )

    def test_what_is_not_there_now_is_not_an_empty_message(self) -> None:
        """G8"""
        self.append_some(2)
        client = self.login()
        self.server.objects.objects.clear()
        refused = (
            b"-ERR [SYS/TEMP] A part of the server cannot be reached now; try again later.\r\n"
        )
        self.assertEqual(client.ask(b"RETR 1"), refused)
        self.assertEqual(client.ask(b"TOP 2 1"), refused)
        client.ask(b"QUIT")
        self.assertNotIn(b"Seen", self.flags_in_imap())

    def test_a_failure_in_the_middle_ends_the_connection(self) -> None:
        self.append(LARGE)
        client = self.login()
        bodies: Any = self.post.bodies

        async def fail(*args: Any) -> None:
            raise Unavailable("away")

        bodies.stream = fail
        said = client.ask(b"RETR 1")
        self.assertTrue(said.startswith(b"+OK"))
        self.assertNotIn(b"\r\n.\r\n", said)
        self.assertTrue(client.transport.aborted)

    def test_a_failure_of_storage_is_said(self) -> None:
        self.append_some(2)
        client = self.login()

        def pause(name: str) -> "Deferred[None]":
            raise Unavailable("away")

        self.server.storage.tables.pause = pause
        self.assertIn(b"-ERR [SYS/TEMP]", client.ask(b"RETR 1"))
        self.server.storage.tables.pause = None
        self.assertIn(b"+OK 30 octets", client.ask(b"RETR 1"))


class UTF8Tests(POP3TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(UTF8)

    def test_a_header_in_ascii(self) -> None:
        """RFC 6856 §2.1"""
        self.talk(
            """
            C: RETR 1
            S: +OK 89 octets
            S: From: =?utf-8?b?S8OkdGhl?= <kathe@example.com>
            S: Subject: =?utf-8?b?R3LDvMOfZQ==?=
            S:
            S: Ä
            S: .
            C: TOP 1 0
            S: +OK The header
            S: From: =?utf-8?b?S8OkdGhl?= <kathe@example.com>
            S: Subject: =?utf-8?b?R3LDvMOfZQ==?=
            S:
            S: .
            """,
            self.login(),
        )

    def test_as_it_is(self) -> None:
        self.talk(
            """
            C: UTF8
            S: +OK UTF-8 it is
            C: USER fred
            S: +OK And the password?
            C: PASS secret
            S: +OK 1 messages (58 octets)
            C: RETR 1
            S: +OK 58 octets
            S: From: Käthe <kathe@example.com>
            S: Subject: Grüße
            S:
            S: Ä
            S: .
            """
        )

    def test_a_large_message(self) -> None:
        self.append(UTF8 + b"line\n" * 100_000)
        said = self.login().ask(b"RETR 2")
        first, _, sent = said.partition(b"\r\n")
        self.assertTrue(sent.startswith(b"From: =?utf-8?b?S8OkdGhl?= <kathe@example.com>\r\n"))
        self.assertEqual(int(first.split()[1]), len(sent) - 3)
        self.assertIn("\r\nÄ\r\nline\r\n".encode(), sent)

    def test_a_header_that_is_too_long(self) -> None:
        long = b"X: y\r\n" * 60_000
        self.append(long + UTF8)
        self.append(long + b"\r\nbody\r\n")
        client = self.login()
        self.assertEqual(
            client.ask(b"RETR 2"), b"-ERR [UTF8] The message cannot be shown without UTF8.\r\n"
        )
        self.assertEqual(
            client.ask(b"RETR 3"), b"+OK 360008 octets\r\n" + long + b"\r\nbody\r\n.\r\n"
        )


class ReadyTests(POP3TestCase):
    """The answer that is made before it is asked for."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(1, 13):
            self.append(b"Subject: %d\r\n\r\n.text %d\r\n" % (number, number))
        self.session = self.login()

    def expected(self, number: int) -> bytes:
        text = b"Subject: %d\r\n\r\n..text %d\r\n.\r\n" % (number, number)
        return b"+OK %d octets\r\n" % (len(text) - 4) + text

    def is_ready(self, command: bytes) -> bool:
        """Whether the conversation need not be woken for it; the answer has to be right."""
        waiting = self.session.connection.incoming._waiting
        kind, number = command.split()[:2]
        expected = self.expected(int(number))
        if kind == b"TOP":
            expected = b"+OK The header\r\nSubject: %s\r\n\r\n.\r\n" % number
        self.assertEqual(self.session.ask(command), expected)
        return self.session.connection.incoming._waiting is waiting

    def test_who_goes_on_gets_what_is_ready(self) -> None:
        found = [self.is_ready(b"RETR %d" % number) for number in range(1, 13)]
        self.assertEqual(found, [False, False, *[True] * 10])
        self.assertTrue(self.session.ask(b"QUIT").startswith(b"+OK"))
        self.assertEqual(
            self.client.ask(b"a STATUS INBOX (UNSEEN)").splitlines()[0],
            b"* STATUS INBOX (UNSEEN 0)",
            "it counts as retrieved",
        )

    def test_headers(self) -> None:
        found = [self.is_ready(b"TOP %d 0" % number) for number in range(1, 13)]
        self.assertEqual(found, [False, False, *[True] * 10])

    def test_backwards(self) -> None:
        found = [self.is_ready(b"RETR %d" % number) for number in range(12, 0, -1)]
        self.assertEqual(sum(found), 10)

    def test_who_does_something_else(self) -> None:
        for number in (1, 2, 9, 4, 5, 6):
            self.is_ready(b"RETR %d" % number)
        self.is_ready(b"TOP 7 0")
        self.is_ready(b"RETR 7")
        self.is_ready(b"RETR 7")
        self.assertFalse(self.is_ready(b"retr 8"))
        self.assertEqual(self.session.ask(b"RETR 99")[:4], b"-ERR")
        self.assertEqual(self.session.ask(b""), b"-ERR There is no such command\r\n")

    def test_what_is_marked_as_deleted_meanwhile(self) -> None:
        for number in (1, 2):
            self.is_ready(b"RETR %d" % number)
        self.session.ask(b"DELE 3")
        self.assertEqual(self.session.ask(b"RETR 3"), b"-ERR Message 3 is marked as deleted\r\n")
        self.session.ask(b"RSET")
        self.is_ready(b"RETR 3")

    def test_each_is_deleted_when_it_was_retrieved(self) -> None:
        for number in range(1, 13):
            ready = self.is_ready(b"RETR %d" % number)
            self.assertEqual(ready, number > 2)
            self.session.ask(b"DELE %d" % number)
        self.assertIn(b"12 messages", self.session.ask(b"QUIT"))

    def test_several_at_once(self) -> None:
        self.session.send(b"".join(b"RETR %d\r\n" % number for number in range(1, 13)))
        said = self.session.take()
        self.assertEqual(said, b"".join(self.expected(number) for number in range(1, 13)))

    def test_who_has_lost_the_lease(self) -> None:
        for number in (1, 2):
            self.is_ready(b"RETR %d" % number)
        self.session.connection._session._maildrop.is_superseded = True  # type: ignore[union-attr]
        self.assertEqual(self.session.ask(b"RETR 3")[:4], b"-ERR")
        self.assertTrue(self.session.is_hung_up_on)

    def test_a_client_that_does_not_read(self) -> None:
        for number in (1, 2):
            self.is_ready(b"RETR %d" % number)
        self.session.connection.pauseProducing()
        self.assertFalse(self.is_ready(b"RETR 3"))
        self.session.connection.resumeProducing()
        self.is_ready(b"RETR 4")
