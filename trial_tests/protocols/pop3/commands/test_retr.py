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
