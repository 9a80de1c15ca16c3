"""LOGIN and what comes before it."""

from sora.protocols.imap.services import Limits
from trial_tests.support.transcript import TranscriptTestCase


class LoginTests(TranscriptTestCase):
    logs_in = False

    def test_greets_with_its_capabilities(self) -> None:
        self.converse("""
            C: a CAPABILITY
            S: * CAPABILITY IMAP4rev1 LITERAL- SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 ENABLE ID IDLE IMAP4rev2
            S: a OK CAPABILITY completed
        """)
        greeting = self.client.greeting  # type: ignore[attr-defined]
        self.assertEqual(
            greeting,
            b"* OK [CAPABILITY IMAP4rev1 LITERAL- SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 ENABLE ID IDLE IMAP4rev2]"
            b" Sora is ready\r\n",
        )

    def test_logs_in(self) -> None:
        self.converse("""
            C: a LOGIN fred@example.com secret
            S: a OK [CAPABILITY IMAP4rev1 LITERAL+ ...] Logged in
            C: b LOGIN fred@example.com secret
            S: b BAD [CLIENTBUG] LOGIN is not allowed after the login
        """)

    def test_takes_quoted_strings_and_literals(self) -> None:
        """RFC 3501 §6.2.3, and RFC 7888 §4."""
        self.converse("""
            C: a LOGIN {16}
            S: + Ready for the literal
            C: fred@example.com {6}
            S: + Ready for the literal
            C: secret
            S: a OK ...
        """)

    def test_takes_a_literal_that_does_not_wait(self) -> None:
        self.converse("""
            C: a LOGIN "fred@example.com" {6+}
            C: secret
            S: a OK ...
        """)

    def test_a_wrong_password_and_an_unknown_user_look_alike(self) -> None:
        """G51."""
        self.converse("""
            C: a LOGIN fred@example.com wrong
            S: a NO [AUTHENTICATIONFAILED] The credentials are not right.
            C: b LOGIN nobody@example.com secret
            S: b NO [AUTHENTICATIONFAILED] The credentials are not right.
        """)

    def test_other_commands_have_to_wait(self) -> None:
        self.converse("""
            C: a SELECT INBOX
            S: a BAD [CLIENTBUG] SELECT is not allowed before the login
            C: b UID FETCH 1 FLAGS
            S: b BAD [CLIENTBUG] FETCH is not allowed before the login
            C: c NOOP
            S: c OK NOOP completed
        """)

    def test_a_large_literal_is_refused_before_it_comes(self) -> None:
        """G59: a gigabyte is announced; nothing but the tagged answer is said."""
        self.converse("""
            C: a LOGIN {1073741824}
            S: a NO [TOOBIG] The literals of a LOGIN may have 4096 octets
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_a_large_literal_that_does_not_wait_is_skipped(self) -> None:
        """G37."""
        self.client.send(b"a LOGIN {5000+}\r\n")
        self.assertEqual(
            self.client.take(), b"a NO [TOOBIG] The literals of a LOGIN may have 4096 octets\r\n"
        )
        self.client.send(b"b NOOP\r\n" * 600 + b"x" * 200)
        self.assertEqual(self.client.take(), b"")
        self.assertEqual(self.client.ask(b" x\r\nc NOOP"), b"c OK NOOP completed\r\n")

    def test_an_absurd_literal_that_does_not_wait_ends_the_connection(self) -> None:
        """G37: a gigabyte is on its way."""
        self.client.send(b"a LOGIN {1073741824+}\r\n")
        self.assertTrue(self.client.take().startswith(b"* BYE "))
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_line_of_ten_megabytes_is_refused_and_forgotten(self) -> None:
        """G59."""
        for _ in range(160):
            self.client.send(b"a LOGIN " + b"x" * 65_528)
            self.assertLess(self.client.connection.reader.buffered, 8192)
        self.assertEqual(self.client.take(), b"a BAD The line is too long\r\n")
        self.assertEqual(self.client.ask(b"\r\nb NOOP"), b"b OK NOOP completed\r\n")

    def test_too_many_bad_commands_end_the_connection(self) -> None:
        self.client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nmore\r\nmore\r\nmore\r\n")
        said = self.client.take()
        self.assertTrue(said.endswith(b"* BYE Too many bad commands\r\n"), said)
        self.assertEqual(said.count(b"BAD"), 5)
        self.assertTrue(self.client.is_hung_up_on)

    def test_silence_ends_the_connection(self) -> None:
        self.clock.advance(Limits().login_timeout - 1)
        self.assertEqual(self.client.take(), b"")
        self.client.send(b"a LOG")
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual(self.client.take(), b"* BYE Nothing was heard for too long\r\n")
        self.assertTrue(self.client.is_hung_up_on)

    def test_a_password_is_not_utf8(self) -> None:
        self.client.send(b"a LOGIN fred {1+}\r\n\xff\r\n")
        self.assertEqual(self.client.take(), b"a BAD User and password have to be UTF-8\r\n")


class WithoutTLSTests(TranscriptTestCase):
    logs_in = False

    def setUp(self) -> None:
        super().setUp()
        self.server = type(self.server)(self.limits, insecure_auth=False)
        self.add_account("fred@example.com")
        self.client = self.new_client(logs_in=False)

    def test_passwords_are_not_taken(self) -> None:
        """RFC 3501 §6.2.3, RFC 5530: PRIVACYREQUIRED."""
        self.converse("""
            C: a CAPABILITY
            S: * CAPABILITY IMAP4rev1 LITERAL- SASL-IR LOGINDISABLED ENABLE ID IDLE IMAP4rev2
            S: a OK CAPABILITY completed
            C: b LOGIN fred@example.com secret
            S: b NO [PRIVACYREQUIRED] ...
            C: c AUTHENTICATE PLAIN
            S: c NO [PRIVACYREQUIRED] ...
        """)
