"""AUTHENTICATE and SASL-IR."""

from base64 import b64decode, b64encode

from trial_tests.auth.scram_client import ScramClient
from trial_tests.support.transcript import TranscriptTestCase


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


class AuthenticateTests(TranscriptTestCase):
    logs_in = False

    def test_plain_with_a_challenge(self) -> None:
        """RFC 3501 §6.2.2: an empty challenge."""
        self.converse(f"""
            C: a AUTHENTICATE PLAIN
            S: +...
            C: {base64(chr(0) + "fred@example.com" + chr(0) + "secret")}
            S: a OK [CAPABILITY IMAP4rev1 ...] Logged in
        """)

    def test_plain_with_an_initial_response(self) -> None:
        """RFC 4959 §3."""
        self.converse(f"""
            C: a authenticate plain {base64(chr(0) + "fred@example.com" + chr(0) + "secret")}
            S: a OK [CAPABILITY IMAP4rev1 ...] Logged in
        """)

    def test_login(self) -> None:
        self.converse(f"""
            C: a AUTHENTICATE LOGIN
            S: + {base64("Username:")}
            C: {base64("fred@example.com")}
            S: + {base64("Password:")}
            C: {base64("secret")}
            S: a OK [CAPABILITY IMAP4rev1 ...] Logged in
        """)

    def test_scram(self) -> None:
        """RFC 7677: with and without an initial response; the last challenge is the server's proof,
        and is answered with nothing (RFC 4422 §3.5)."""
        for sends_first in (True, False):
            scram, client = ScramClient("fred", "secret"), self.new_client(False)
            first = b64encode(scram.first())
            if sends_first:
                said = client.ask(b"a AUTHENTICATE SCRAM-SHA-256 " + first)
            else:
                self.assertEqual(client.ask(b"a AUTHENTICATE SCRAM-SHA-256"), b"+ \r\n")
                said = client.ask(first)
            said = client.ask(b64encode(scram.final(b64decode(said.removeprefix(b"+ ")))))
            self.assertEqual(said, b"+ " + b64encode(scram.server) + b"\r\n")
            self.assertRegex(client.ask(b""), rb"a OK \[CAPABILITY .*\] Logged in\r\n")

    def test_scram_with_a_wrong_password(self) -> None:
        scram = ScramClient("fred", "wrong")
        said = self.client.ask(b"a AUTHENTICATE SCRAM-SHA-256 " + b64encode(scram.first()))
        challenge = b64decode(said.removeprefix(b"+ "))
        said = self.client.ask(b64encode(scram.final(challenge)))
        self.assertEqual(said[:31], b"a NO [AUTHENTICATIONFAILED] The")

    def test_scram_is_given_up(self) -> None:
        scram = ScramClient("fred", "secret")
        self.client.ask(b"a AUTHENTICATE SCRAM-SHA-256 " + b64encode(scram.first()))
        self.assertEqual(self.client.ask(b"*"), b"a BAD The authentication was cancelled\r\n")

    def test_binding_needs_tls(self) -> None:
        """RFC 5802 §6: without it, -PLUS is not offered, and not there."""
        self.assertNotIn(b"-PLUS", self.client.ask(b"a CAPABILITY"))
        self.converse("""
            C: b AUTHENTICATE SCRAM-SHA-256-PLUS
            S: b NO [CANNOT] The mechanism SCRAM-SHA-256-PLUS is not supported
        """)

    def test_a_wrong_password(self) -> None:
        self.converse(f"""
            C: a AUTHENTICATE PLAIN {base64(chr(0) + "fred@example.com" + chr(0) + "wrong")}
            S: a NO [AUTHENTICATIONFAILED] ...
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_the_client_can_cancel(self) -> None:
        self.converse("""
            C: a AUTHENTICATE PLAIN
            S: +...
            C: *
            S: a BAD The authentication was cancelled
        """)

    def test_what_is_no_base64_is_bad(self) -> None:
        self.converse("""
            C: a AUTHENTICATE PLAIN
            S: +...
            C: %%%
            S: a BAD The response is not base64
            C: b AUTHENTICATE PLAIN =
            S: b BAD ...
            C: c AUTHENTICATE PLAIN
            S: +...
            C: {100}
            S: c BAD A line was expected
            C: d NOOP
            S: d OK NOOP completed
        """)

    def test_an_unknown_mechanism(self) -> None:
        self.converse("""
            C: a AUTHENTICATE KERBEROS_V4
            S: a NO [CANNOT] The mechanism KERBEROS_V4 is not supported
        """)

    def test_hanging_up_in_between_leaves_nothing(self) -> None:
        self.client.ask(b"a AUTHENTICATE PLAIN")
        self.client.hang_up()
        self.successResultOf(self.client.connection.ended)
