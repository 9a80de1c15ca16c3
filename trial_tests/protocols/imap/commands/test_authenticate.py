"""AUTHENTICATE and SASL-IR."""

from base64 import b64encode

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
