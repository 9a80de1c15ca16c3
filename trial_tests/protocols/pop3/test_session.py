"""Whole conversations."""

from typing import Any

from twisted.internet.defer import Deferred

from sora.errors import AccountClosed, SessionEnded, ShuttingDown, Unavailable
from sora.mailbox.maildrops import LEASE, RENEWALS
from sora.net.incoming import READ_AHEAD
from sora.protocols.pop3.protocol import refusal
from sora.protocols.pop3.services import Settings
from trial_tests.protocols.pop3.world import POP3TestCase

SECOND = b"Subject: two\n\n.dot\nbare\n"


class ConversationTests(POP3TestCase):
    def test_the_example_of_rfc_1939(self) -> None:
        """RFC 1939 §10, with USER and PASS in the place of APOP"""
        self.append(b"A: 1\r\n\r\n" + b"x" * 110 + b"\r\n")
        self.append(b"A: 2\r\n\r\n" + b"y" * 190 + b"\r\n")
        self.assertEqual(self.greeting, b"+OK Sora is ready\r\n")
        self.talk(
            f"""
            C: USER fred
            S: +OK And the password?
            C: PASS secret
            S: +OK 2 messages (320 octets)
            C: STAT
            S: +OK 2 320
            C: LIST
            S: +OK 2 messages (320 octets)
            S: 1 120
            S: 2 200
            S: .
            C: RETR 1
            S: +OK 120 octets
            S: A: 1
            S:
            S: {"x" * 110}
            S: .
            C: DELE 1
            S: +OK Message 1 is marked as deleted
            C: RETR 2
            S: +OK 200 octets
            S: A: 2
            S:
            S: {"y" * 190}
            S: .
            C: DELE 2
            S: +OK Message 2 is marked as deleted
            C: QUIT
            S: +OK Goodbye, 2 messages were removed
            """
        )
        self.assertTrue(self.pop.is_hung_up_on)
        self.assertIn(b"* 0 EXISTS", self.client.ask(b"s SELECT INBOX"))

    def test_words_in_any_case(self) -> None:
        self.talk(
            """
            C: uSeR fred
            S: +OK And the password?
            C: pass secret
            S: +OK 0 messages (0 octets)
            C: quit
            S: +OK Goodbye, 0 messages were removed
            """
        )

    def test_commands_in_the_wrong_state(self) -> None:
        self.talk(
            """
            C: STAT
            S: -ERR STAT is not allowed before the login
            C: NOOP
            S: -ERR NOOP is not allowed before the login
            C: PASS secret
            S: -ERR Say USER first
            C: USER fred
            S: +OK And the password?
            C: PASS secret
            S: +OK 0 messages (0 octets)
            C: USER fred
            S: -ERR USER is not allowed after the login
            C: UTF8
            S: -ERR UTF8 is not allowed after the login
            C: AUTH PLAIN
            S: -ERR AUTH is not allowed after the login
            """
        )

    def test_what_is_not_understood(self) -> None:
        client = self.login()
        self.talk(
            """
            C: APOP fred c4c9334bac560ecc979e58001b3e22fb
            S: -ERR There is no such command
            C:
            S: -ERR There is no such command
            C: LIST one
            S: -ERR A number is expected
            C: LIST 1 2
            S: -ERR The form is LIST [number]
            C: RETR
            S: -ERR The form is RETR number
            C: RETR -1
            S: -ERR A number is expected
            C: RETR 0
            S: -ERR There is no message 0
            C: RETR 99999999999
            S: -ERR A number is expected
            C: TOP 1
            S: -ERR The form is TOP number lines
            C: STAT 1
            S: -ERR The form is STAT
            C: DELE 4294967295
            S: -ERR There is no message 4294967295
            """,
            client,
        )
        client.send(b"NOOP " + b"x" * 300 + b"\r\n")
        self.assertEqual(client.take(), b"-ERR The line is too long\r\n")

    def test_too_many_bad_commands(self) -> None:
        for number in range(5):
            self.assertFalse(self.pop.is_hung_up_on)
            self.assertIn(b"-ERR", self.pop.ask(b"HELO %d" % number))
        self.assertTrue(self.pop.is_hung_up_on)
        client = self.login()
        client.send(b"FOO\r\nNOOP\r\n" * 60)
        self.assertFalse(client.is_hung_up_on)
        client.take()
        client.send(b"FOO\r\n" * 60)
        self.assertTrue(client.is_hung_up_on)
        self.assertEqual(client.take().count(b"-ERR"), 50)

    def test_pipelining(self) -> None:
        """RFC 2449 §6.6"""
        self.append_some(3)
        everything = (
            b"USER fred\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nLIST\r\nFOO\r\n"
            b"RETR 2\r\nTOP 3 1\r\nUIDL\r\nRSET\r\nNOOP\r\nQUIT\r\nSTAT\r\n"
        )
        self.pop.send(everything)
        expected = self.pop.take()
        self.assertTrue(expected.endswith(b"+OK Goodbye, 0 messages were removed\r\n"))
        self.assertEqual(expected.count(b"+OK"), 12)
        for size in (1, 2, 3, 7, 50):
            client = self.connect()
            client.take()
            for start in range(0, len(everything), size):
                client.send(everything[start : start + size])
            self.assertEqual(client.take(), expected)

    def test_a_client_that_does_not_read_is_not_read_from(self) -> None:
        self.append(b"A: b\r\n\r\n" + b"x" * 50_000 + b"\r\n")
        client = self.login()
        client.connection.pauseProducing()
        client.send(b"RETR 1\r\n" * 200)
        self.assertEqual(client.take().count(b"+OK 50010 octets"), 1)
        client.send(b"NOOP\r\n" * (READ_AHEAD // 6 + 2))
        self.assertEqual(client.transport.producerState, "paused")
        said = b""
        for _ in range(1000):
            client.connection.resumeProducing()
            self.clock.advance(0)
            said += client.take()
        self.assertEqual(said.count(b"+OK 50010 octets"), 199)
        self.assertEqual(said.count(b"+OK Nothing"), READ_AHEAD // 6 + 2)


class TimeTests(POP3TestCase):
    def test_who_does_not_log_in_is_cut_off(self) -> None:
        self.clock.advance(30)
        self.pop.send(b"NO")
        self.clock.advance(29)
        self.assertFalse(self.pop.is_hung_up_on)
        self.clock.advance(1)
        self.assertTrue(self.pop.is_hung_up_on)

    def test_who_is_silent_is_cut_off_without_a_word_and_nothing_is_removed(self) -> None:
        """RFC 1939 §3"""
        self.append_some(1)
        client = self.login()
        client.ask(b"DELE 1")
        self.clock.pump([20] * 29)
        client.ask(b"NOOP")
        self.clock.pump([20] * 29)
        self.assertFalse(client.is_hung_up_on)
        self.clock.pump([20] * 2)
        self.assertTrue(client.is_hung_up_on)
        self.assertEqual(client.take(), b"")
        self.assertIn(b"* 1 EXISTS", self.client.ask(b"s SELECT INBOX"))
        self.assertEqual(len(self.post.house), 0)

    def test_the_server_stops(self) -> None:
        """G67"""
        self.append_some(1)
        client = self.login()
        client.ask(b"DELE 1")
        for each in (client, self.pop):
            each.connection.shutdown(ShuttingDown())
            self.assertEqual(each.take(), b"-ERR [SYS/TEMP] The server is shutting down.\r\n")
            self.assertTrue(each.is_hung_up_on)
        self.assertIn(b"* 1 EXISTS", self.client.ask(b"s SELECT INBOX"))

    def test_an_ended_session_is_told_why(self) -> None:
        """RFC 3206: it may be tried again, or somebody has to mend it."""
        for why, said in (
            (SessionEnded(), b"-ERR [SYS/TEMP] An administrator ended this session.\r\n"),
            (AccountClosed(), b"-ERR [SYS/PERM] This account is closed.\r\n"),
        ):
            client = self.login()
            client.connection.shutdown(why)
            self.assertEqual(client.take(), said)
            self.assertTrue(client.is_hung_up_on)

    def test_the_server_stops_while_a_command_is_answered(self) -> None:
        self.append_some(1)
        client = self.login()
        held: list[Deferred[None]] = []

        def pause(name: str) -> "Deferred[None]":
            held.append(Deferred())
            return held[-1]

        self.server.storage.tables.pause = pause
        client.ask(b"RETR 1")
        client.connection.shutdown(ShuttingDown())
        self.assertEqual(client.take(), b"")
        self.server.storage.tables.pause = None
        held[0].callback(None)
        said = client.take()
        self.assertTrue(said.startswith(b"+OK 30 octets\r\n"), said)
        self.assertTrue(said.endswith(b"\r\n.\r\n-ERR [SYS/TEMP] The server is shutting down.\r\n"))

    def test_the_server_stops_for_one_who_pipelines_without_end(self) -> None:
        client = self.login()
        client.connection.pauseProducing()
        self.append_some(1)
        client.send(b"NOOP\r\n" * 500)
        client.connection.shutdown(ShuttingDown())
        for _ in range(20):
            self.clock.advance(0)
            client.connection.resumeProducing()
        self.assertTrue(client.is_hung_up_on)
        self.assertTrue(client.take().endswith(b"The server is shutting down.\r\n"))

    def test_who_is_refused_hears_why(self) -> None:
        self.assertEqual(refusal("Too many"), b"-ERR [SYS/TEMP] Too many\r\n")


class LeaseTests(POP3TestCase):
    def login_fails(self) -> bytes:
        client = self.connect()
        client.take()
        client.send(b"USER fred\r\nPASS secret\r\n")
        return client.take().partition(b"\r\n")[2]

    def test_one_session_at_a_time(self) -> None:
        """RFC 1939 §4, RFC 2449 §8.1.1"""
        first = self.login()
        refused = b"-ERR [IN-USE] Another session has this maildrop open\r\n"
        self.assertEqual(self.login_fails(), refused)
        first.ask(b"QUIT")
        self.login().ask(b"QUIT")

    def test_a_broken_connection_lets_go_at_once(self) -> None:
        first = self.login()
        first.hang_up()
        self.login()

    def test_who_comes_back_waits_for_the_old_session_to_let_go(self) -> None:
        first = self.login()
        held: list[Deferred[None]] = []

        def pause(name: str) -> "Deferred[None]":
            held.append(Deferred())
            return held[-1]

        self.server.storage.tables.pause = pause
        first.hang_up()
        self.server.storage.tables.pause = None
        second = self.connect()
        second.take()
        second.send(b"USER fred\r\nPASS secret\r\n")
        self.assertEqual(second.take(), b"+OK And the password?\r\n")
        held[0].callback(None)
        self.assertEqual(second.take(), b"+OK 0 messages (0 octets)\r\n")

    def test_leases_are_renewed_while_the_session_lasts(self) -> None:
        first = self.login()
        for _ in range(RENEWALS * 5):
            self.clock.advance(LEASE / RENEWALS)
            first.ask(b"NOOP")
        self.assertIn(b"[IN-USE]", self.login_fails())
        self.assertEqual(self.statements["maildrops.renew"], RENEWALS * 5)

    def test_nothing_is_asked_while_nobody_is_there(self) -> None:
        self.clock.pump([LEASE / RENEWALS] * 10)
        self.assertNotIn("maildrops.renew", self.statements)

    def taken_over(self) -> Any:
        """A session whose maildrop another node has taken over."""
        self.append_some(2)
        first = self.login()
        first.ask(b"RETR 1")
        first.ask(b"DELE 2")
        record = self.server.storage.tables.maildrops[1]
        record.session = None
        return first

    def test_who_has_lost_the_lease_removes_nothing_and_says_so(self) -> None:
        first = self.taken_over()
        self.assertEqual(
            first.ask(b"QUIT"),
            b"-ERR [SYS/TEMP] Another session has this maildrop by now: nothing was changed\r\n",
        )
        self.assertTrue(first.is_hung_up_on)
        self.assertNotIn(b"Seen", self.flags_in_imap())
        self.assertEqual(self.flags_in_imap().count(b"FETCH"), 3)

    def test_who_hears_that_it_has_lost_the_lease_ends(self) -> None:
        first = self.taken_over()
        self.clock.advance(LEASE / RENEWALS)
        self.assertEqual(
            first.ask(b"NOOP"),
            b"-ERR [SYS/TEMP] Another session has this maildrop by now: nothing was changed\r\n",
        )
        self.assertTrue(first.is_hung_up_on)

    def test_a_maildrop_that_was_opened_after_the_client_left_is_let_go(self) -> None:
        held: list[Deferred[None]] = []

        def pause(name: str) -> "Deferred[None]":
            held.append(Deferred())
            return held[-1]

        self.pop.send(b"USER fred\r\n")
        self.server.storage.tables.pause = pause
        self.pop.send(b"PASS secret\r\n")
        self.pop.hang_up()
        while held:
            held.pop().callback(None)
        self.server.storage.tables.pause = None
        self.assertEqual(len(self.post.house), 0)
        self.login()

    def test_storage_that_cannot_be_reached(self) -> None:
        first = self.login()

        def pause(name: str) -> "Deferred[None]":
            raise Unavailable("postgres at 10.0.0.1 is away")

        self.server.storage.tables.pause = pause
        self.assertEqual(
            first.ask(b"QUIT"),
            b"-ERR [SYS/TEMP] A part of the server cannot be reached now; try again later.\r\n",
        )
        self.server.storage.tables.pause = None


class LoginDelayTests(POP3TestCase):
    settings = Settings(login_delay=60)
    house = {"login_delay": 60.0}

    def test_the_next_login_has_to_wait(self) -> None:
        """RFC 2449 §6.5, §8.1.2"""
        self.assertIn(b"\r\nLOGIN-DELAY 60\r\n", self.pop.ask(b"CAPA"))
        self.login().ask(b"QUIT")
        refused = b"-ERR [LOGIN-DELAY] The last login was too short a time ago\r\n"
        self.clock.advance(10)
        self.pop.send(b"USER fred\r\nPASS secret\r\n")
        self.assertTrue(self.pop.take().endswith(refused))
        self.clock.advance(49)
        self.pop.send(b"USER fred\r\nPASS secret\r\n")
        self.assertTrue(self.pop.take().endswith(refused))
        self.clock.advance(1)
        self.login()
