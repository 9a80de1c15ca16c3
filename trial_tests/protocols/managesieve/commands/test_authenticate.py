"""AUTHENTICATE, in the forms of RFC 5804 §2.1."""

from base64 import b64decode, b64encode

from trial_tests.auth.scram_client import ScramClient
from trial_tests.protocols.managesieve.world import ManageSieveTestCase, plain


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


class AuthenticateTests(ManageSieveTestCase):
    logs_in = False

    def test_plain_with_an_initial_response(self) -> None:
        self.converse(f"""
            C: Authenticate "plain" "{plain("fred@example.com")}"
            S: OK "Logged in"
            C: AUTHENTICATE "PLAIN" "{plain("fred@example.com")}"
            S: NO "AUTHENTICATE is not allowed after the login"
        """)

    def test_plain_with_a_challenge(self) -> None:
        """An empty challenge is an empty string."""
        self.converse(f"""
            C: AUTHENTICATE "PLAIN"
            S: ""
            C: "{plain("fred")}"
            S: OK "Logged in"
        """)

    def test_responses_can_be_literals(self) -> None:
        response = plain("fred")
        self.converse(f"""
            C: AUTHENTICATE {{5+}}
            C: PLAIN {{{len(response)}+}}
            C: {response}
            S: OK "Logged in"
            C: UNAUTHENTICATE
            S: OK
            C: AUTHENTICATE "PLAIN"
            S: ""
            C: {{{len(response)}+}}
            C: {response}
            S: OK "Logged in"
        """)

    def test_login(self) -> None:
        self.converse(f"""
            C: AUTHENTICATE "LOGIN"
            S: "{base64("Username:")}"
            C: "{base64("fred")}"
            S: "{base64("Password:")}"
            C: "{base64("secret")}"
            S: OK "Logged in"
        """)

    def test_scram(self) -> None:
        """RFC 5804 §1.3: what the server says at the end stands behind OK."""
        for sends_first in (True, False):
            scram, client = ScramClient("fred", "secret"), self.new_client(logs_in=False)
            first = b64encode(scram.first())
            if sends_first:
                said = client.ask(b'AUTHENTICATE "SCRAM-SHA-256" "' + first + b'"')
            else:
                self.assertEqual(client.ask(b'AUTHENTICATE "SCRAM-SHA-256"'), b'""\r\n')
                said = client.ask(b'"' + first + b'"')
            challenge = b64decode(said.strip().strip(b'"'))
            said = client.ask(b'"' + b64encode(scram.final(challenge)) + b'"')
            final = b64encode(scram.server)
            self.assertEqual(said, b'OK (SASL "' + final + b'") "Logged in"\r\n')
            self.assertEqual(client.ask(b"LISTSCRIPTS"), b"OK\r\n")

    def test_scram_with_a_wrong_password(self) -> None:
        scram = ScramClient("fred", "wrong")
        first = b64encode(scram.first())
        said = self.client.ask(b'AUTHENTICATE "SCRAM-SHA-256" "' + first + b'"')
        challenge = b64decode(said.strip().strip(b'"'))
        said = self.client.ask(b'"' + b64encode(scram.final(challenge)) + b'"')
        self.assertEqual(said, b'NO "The credentials are not right."\r\n')
        self.assertEqual(
            self.client.ask(b'AUTHENTICATE "SCRAM-SHA-256-PLUS"'),
            b'NO "The mechanism SCRAM-SHA-256-PLUS is not supported"\r\n',
        )

    def test_an_initial_response_where_the_server_speaks_first(self) -> None:
        """RFC 5804 §2.1: it has to be rejected."""
        self.converse(f"""
            C: AUTHENTICATE "LOGIN" "{base64("fred")}"
            S: NO "With LOGIN the server speaks first"
        """)

    def test_the_client_can_cancel(self) -> None:
        self.converse("""
            C: AUTHENTICATE "PLAIN"
            S: ""
            C: "*"
            S: NO "The authentication was cancelled"
            C: AUTHENTICATE "LOGIN"
            S: ...
            C: {1+}
            C: *
            S: NO "The authentication was cancelled"
            C: NOOP
            S: OK "NOOP completed"
        """)

    def test_who_is_not_there_is_told_what_a_wrong_password_is(self) -> None:
        """G51"""
        for user, password in (("fred", "wrong"), ("nobody", "secret")):
            self.assertEqual(
                self.client.ask(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"'.encode()),
                b'NO "The credentials are not right."\r\n',
            )

    def test_too_many_failures(self) -> None:
        """RFC 5804 §2.1: BYE"""
        wrong = f'AUTHENTICATE "PLAIN" "{plain("fred", "wrong")}"'.encode()
        for _ in range(4):
            self.assertTrue(self.client.ask(wrong).startswith(b"NO "))
            self.client.ask(b"NOOP")
        self.assertEqual(
            self.client.ask(wrong), b'BYE "Too many failed authentication attempts"\r\n'
        )
        self.assertTrue(self.client.is_hung_up_on)

    def test_wrong_commands(self) -> None:
        self.converse("""
            C: AUTHENTICATE "KERBEROS_V4"
            S: NO "The mechanism KERBEROS_V4 is not supported"
            C: AUTHENTICATE "PLAIN" "%%%"
            S: NO "The response is not base64"
            C: AUTHENTICATE "PLAIN"
            S: ""
            C: what
            S: NO "A string is missing at octet 1 of the command"
            C: AUTHENTICATE PLAIN
            S: NO "A string is missing at octet 14 of the command"
        """)

    def test_a_response_that_is_too_large_is_not_taken(self) -> None:
        self.client.ask(b'AUTHENTICATE "PLAIN"')
        self.client.send(b"{9000+}\r\n")
        self.assertEqual(self.client.take(), b'NO "A string was expected"\r\n')
        self.client.send(b"x" * 9000 + b"\r\nNOOP\r\n")
        self.assertEqual(self.client.take(), b'OK "NOOP completed"\r\n')
        self.assertEqual(
            self.client.ask(b'AUTHENTICATE "PLAIN" {9000+}'),
            b'NO "A string that is no script has at most 8192 octets"\r\n',
        )

    def test_the_login_is_pipelined(self) -> None:
        """RFC 5804 §2: with an initial response it may be."""
        self.client.send(
            f'AUTHENTICATE "PLAIN" "{plain("fred")}"\r\nLISTSCRIPTS\r\nLOGOUT\r\n'.encode()
        )
        self.assertEqual(self.client.take(), b'OK "Logged in"\r\nOK\r\nOK "Goodbye"\r\n')
