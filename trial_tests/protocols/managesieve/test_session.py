"""Conversations with ManageSieve as a whole: states, time, hostile clients, the end."""

import re
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred

from sora.errors import (
    AccountClosed,
    OutcomeUnknown,
    SessionEnded,
    ShuttingDown,
    TooMany,
    Unavailable,
)
from sora.protocols.managesieve.dialect import COMMANDS
from sora.protocols.managesieve.protocol import refusal
from sora.protocols.managesieve.services import Limits
from trial_tests.protocols.managesieve.world import ManageSieveTestCase, Server, plain
from trial_tests.support.books import Books
from trial_tests.support.transcript import Client

DIALOGUE = (
    b'AUTHENTICATE "PLAIN" "' + plain("fred").encode() + b'"\r\n'
    b'PUTSCRIPT "a" {7+}\r\nkeep;\r\n\r\n'
    b"PUTSCRIPT {1+}\r\nb {6}\r\nnono;\n\r\n"
    b'HAVESPACE "a" 99999\r\n'
    b"SETACTIVE {1+}\r\na\r\n"
    b"LISTSCRIPTS\r\n"
    b'GETSCRIPT "a"\r\n'
    b"WHAT\r\n"
    b'NOOP "end"\r\n'
)
ANSWERS = (
    b'OK "Logged in"\r\n'
    b"OK\r\n"
    b"NO ...\r\n"
    b'NO (QUOTA/MAXSIZE) "A script has at most 1000 octets."\r\n'
    b"OK\r\n"
    b'"a" ACTIVE\r\nOK\r\n'
    b"{7}\r\nkeep;\r\n\r\nOK\r\n"
    b'NO "There is no command WHAT"\r\n'
    b'OK (TAG "end") "Done"\r\n'
)


class SplitTests(ManageSieveTestCase):
    logs_in = False

    def test_split_at_every_octet(self) -> None:
        pattern = re.escape(ANSWERS).replace(rb"\.\.\.", rb"[^\r\n]*(\r\nline[^\r\n]*)*")
        for size in (1, 2, 3, 5, 11, 50, len(DIALOGUE)):
            self.server = Server()
            client = self.new_client(logs_in=False)
            for start in range(0, len(DIALOGUE), size):
                client.send(DIALOGUE[start : start + size])
            said = client.take()
            self.assertIsNotNone(re.fullmatch(pattern, said), said)


class StateTests(ManageSieveTestCase):
    logs_in = False

    def test_what_is_allowed_before_the_login(self) -> None:
        """RFC 5804 §2: all else is rejected with NO, also while its literal is coming."""
        for word in COMMANDS:
            client = self.new_client(logs_in=False)
            said = client.ask(word)
            if word in (b"AUTHENTICATE", b"CAPABILITY", b"STARTTLS", b"NOOP", b"LOGOUT"):
                self.assertNotIn(b"before the login", said)
            else:
                self.assertEqual(said, b'NO "%s is not allowed before the login"\r\n' % word)
        self.client.send(b'PUTSCRIPT "a" {5+}\r\n')
        self.assertEqual(self.client.take(), b'NO "PUTSCRIPT is not allowed before the login"\r\n')
        self.client.send(b"keep;\r\nNOOP\r\n")
        self.assertEqual(self.client.take(), b'OK "NOOP completed"\r\n')

    def test_what_is_no_command(self) -> None:
        self.converse("""
            C: FETCH 1
            S: NO "There is no command FETCH"
            C:
            S: NO "The word of a command is missing at octet 1 of the command"
            C: "NOOP"
            S: NO "The word of a command is missing at octet 1 of the command"
            C: a NOOP
            S: NO "There is no command A"
            C: GET / HTTP/1.1
            S: BYE "Too many bad commands"
        """)
        self.assertTrue(self.client.is_hung_up_on)


class HostileTests(ManageSieveTestCase):
    """G59: little is taken of strangers, and not too much of anybody."""

    logs_in = False

    def test_unending_literals_before_the_login(self) -> None:
        for size in (65_537, 4_294_967_295, 10**30):
            client = self.new_client(logs_in=False)
            client.send(b'AUTHENTICATE "PLAIN" {%d+}\r\n' % size)
            self.assertTrue(
                client.take().endswith(b'BYE "Too much was sent that cannot be taken"\r\n')
            )
            self.assertTrue(client.is_hung_up_on)

    def test_unending_literals_after_the_login(self) -> None:
        client = self.new_client()
        client.send(b'PUTSCRIPT "a" {4294967295+}\r\n')
        self.assertEqual(
            client.take(),
            b'NO (QUOTA/MAXSIZE) "A script has at most 1000 octets"\r\n'
            b'BYE "Too much was sent that cannot be taken"\r\n',
        )
        self.assertTrue(client.is_hung_up_on)

    def test_a_line_without_end(self) -> None:
        for _ in range(100):
            self.client.send(b"x" * 1000)
            self.assertLess(self.client.connection.reader.buffered, 10_000)
        self.assertEqual(
            self.client.take(),
            b'NO "The line is too long"\r\nBYE "Too much was sent that cannot be taken"\r\n',
        )
        self.assertTrue(self.client.is_hung_up_on)

    def test_huge_names(self) -> None:
        client = self.new_client()
        huge = "n" * 8000
        for command in (
            f'SETACTIVE "{huge}"',
            f"GETSCRIPT {{8000+}}\r\n{huge}",
            f"HAVESPACE {{8000+}}\r\n{huge} 5",
            f'RENAMESCRIPT "a" {{8000+}}\r\n{huge}',
        ):
            said = client.ask(command.encode())
            self.assertRegex(said, b'^NO "(The name of a script has|A longer string has to be)')
            self.assertLess(len(said), 200)

    def test_thousands_of_scripts(self) -> None:
        client = self.new_client()
        said = b""
        for number in range(10_000):
            client.send(b'PUTSCRIPT "s%d" "keep;"\r\n' % number)
            said += client.take()
        self.assertEqual(said.count(b"OK\r\n"), 5)
        self.assertEqual(said.count(b"NO (QUOTA/MAXSCRIPTS) "), 9995)
        self.assertEqual(client.ask(b"LISTSCRIPTS").count(b"\r\n"), 6)

    def test_hundreds_of_commands_at_once(self) -> None:
        """Answered in order, and the reactor gets its turn."""
        client = self.new_client()
        client.connection.dataReceived(
            b"".join(b'NOOP "%d"\r\nHAVESPACE "a" 5\r\n' % number for number in range(600))
        )
        said = client.take()
        self.assertLess(said.count(b"TAG"), 600)
        while more := (self.clock.advance(0), client.take())[1]:
            said += more
        tags = [int(tag) for tag in re.findall(rb'TAG "(\d+)"', said)]
        self.assertEqual(tags, list(range(600)))
        self.assertEqual(said.count(b"\r\nOK\r\n"), 600)

    def test_a_client_that_does_not_read(self) -> None:
        """It is not written to, and its commands wait."""
        client = self.new_client()
        source = b"#" + b"x" * 998 + b"\n"
        client.ask(b'PUTSCRIPT "a" {1000+}\r\n' + source)
        client.connection.pauseProducing()
        client.send(b'GETSCRIPT "a"\r\n' * 50)
        self.assertLess(len(client.take()), 2000)
        client.connection.resumeProducing()
        while client.connection.reader.buffered:
            self.clock.advance(0)
        self.assertEqual(client.take().count(source), 49)
        self.assertEqual(client.ask(b"NOOP"), b'OK "NOOP completed"\r\n')

    def test_bad_commands_after_the_login(self) -> None:
        client = self.new_client()
        for _ in range(49):
            self.assertEqual(client.ask(b"FOO"), b'NO "There is no command FOO"\r\n')
        client.ask(b"NOOP")
        for _ in range(49):
            client.ask(b"FOO")
        self.assertEqual(client.ask(b"FOO"), b'BYE "Too many bad commands"\r\n')
        self.assertTrue(client.is_hung_up_on)


class TimeTests(ManageSieveTestCase):
    logs_in = False
    limits = Limits(login_timeout=60, idle_timeout=1800)

    def test_who_does_not_log_in(self) -> None:
        """However much he says."""
        for _ in range(5):
            self.clock.advance(11)
            self.assertEqual(self.client.ask(b"NOOP"), b'OK "NOOP completed"\r\n')
        self.clock.advance(6)
        self.assertEqual(self.client.take(), b'BYE "Nothing was heard for too long"\r\n')
        self.assertTrue(self.client.is_hung_up_on)

    def test_who_has_logged_in_has_half_an_hour(self) -> None:
        """RFC 5804 §1.2; NOOP begins it anew (§2.13)."""
        client = self.new_client()
        for _ in range(2):
            self.clock.advance(1799)
            self.assertEqual(client.ask(b"NOOP"), b'OK "NOOP completed"\r\n')
        self.clock.advance(1801)
        self.assertEqual(client.take(), b'BYE "Nothing was heard for too long"\r\n')
        self.assertTrue(client.is_hung_up_on)

    def test_why_is_told_apart(self) -> None:
        """`sora_connection_timeouts_total`, of all protocols alike."""
        for logs_in, seconds, reason in ((False, 61, "login"), (True, 1801, "idle")):
            client = self.new_client(logs_in=logs_in)
            client.connection.session = books = Books()
            self.clock.advance(seconds)
            self.assertEqual(books.reasons, [reason])


class EndTests(ManageSieveTestCase):
    def test_a_stopping_server_says_goodbye(self) -> None:
        """G67"""
        self.client.connection.shutdown(ShuttingDown())
        self.assertEqual(self.client.take(), b'BYE (TRYLATER) "The server is shutting down."\r\n')
        self.assertTrue(self.client.is_hung_up_on)

    def test_an_ended_session_is_told_why(self) -> None:
        """RFC 5804 §1.3: it says nothing of when to come again."""
        for why, said in (
            (SessionEnded(), b'BYE "An administrator ended this session."\r\n'),
            (AccountClosed(), b'BYE "This account is closed."\r\n'),
        ):
            client = self.new_client()
            client.connection.shutdown(why)
            self.assertEqual(client.take(), said)
            self.assertTrue(client.is_hung_up_on)

    def test_after_the_command_in_hand(self) -> None:
        held: Deferred[None] = Deferred()
        tables = self.server.storage.tables
        tables.pause = lambda family: held
        self.client.send(b'PUTSCRIPT "a" "keep;"\r\nNOOP\r\n')
        self.client.connection.shutdown(ShuttingDown())
        self.assertEqual(self.client.take(), b"")
        tables.pause = None
        held.callback(None)
        said = self.client.take()
        self.assertTrue(said.startswith(b"OK\r\n"), said)
        self.assertTrue(said.endswith(b'BYE (TRYLATER) "The server is shutting down."\r\n'), said)

    def test_hanging_up_does_not_interrupt_what_storage_does(self) -> None:
        held: Deferred[None] = Deferred()
        tables = self.server.storage.tables
        tables.pause = lambda family: held
        self.client.send(b'PUTSCRIPT "a" "keep;"\r\n')
        self.client.hang_up()
        tables.pause = None
        held.callback(None)
        self.assertEqual(self.new_client().ask(b"LISTSCRIPTS"), b'"a"\r\nOK\r\n')

    def test_a_client_that_is_one_too_many(self) -> None:
        self.assertEqual(refusal("Too many clients"), b'BYE (TRYLATER) "Too many clients"\r\n')


class Broken:
    """Scripts that storage says something else of."""

    capabilities = "fileinto"
    max_redirects = 1
    notify_methods = ""
    list_schemes = ""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def list(self, account_id: int) -> Any:
        """See `Scripts`."""
        raise self.error


class FailureTests(ManageSieveTestCase):
    def answer(self, error: Exception) -> bytes:
        self.server = Server(scripts=Broken(error))
        return self.new_client().ask(b"LISTSCRIPTS")

    def test_a_database_that_is_away(self) -> None:
        self.assertEqual(
            self.answer(Unavailable("db7 is down")),
            b'NO (TRYLATER) "A part of the server cannot be reached now; try again later."\r\n',
        )
        self.assertTrue(self.answer(OutcomeUnknown()).startswith(b"NO (TRYLATER) "))

    def test_a_bug_is_logged_and_told_of(self) -> None:
        self.assertEqual(
            self.answer(ZeroDivisionError("secret")),
            b'NO "Something went wrong here; see the log: session"\r\n',
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_user_with_too_many_connections(self) -> None:
        """No matter of scripts: not QUOTA/MAXSCRIPTS."""

        class Full:
            def identify(self, user: str) -> None:
                raise TooMany("You have too many connections")

            def leave(self) -> None:
                """Nothing to leave."""

        client = Client(self.server)
        client.connection.session = Full()
        client.take()
        self.assertEqual(
            client.ask(f'AUTHENTICATE "PLAIN" "{plain("fred")}"'.encode()),
            b'NO (TRYLATER) "You have too many connections"\r\n',
        )
        self.assertTrue(client.ask(b"LISTSCRIPTS").startswith(b"NO "))

    def test_commands_are_counted(self) -> None:
        self.client.ask(b"LISTSCRIPTS")
        self.client.ask(b"FOO")
        self.client.ask(b'GETSCRIPT "x"')
        registry: CollectorRegistry = self.server.registry
        for command, status, count in (
            ("authenticate", "ok", 1),
            ("listscripts", "ok", 1),
            ("unknown", "bad", 1),
            ("getscript", "no", 1),
        ):
            labels = {"protocol": "managesieve", "command": command, "status": status}
            self.assertEqual(registry.get_sample_value("sora_commands_total", labels), count)
