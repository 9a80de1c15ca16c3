"""USER, PASS and AUTH."""

from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import digest

from trial_tests.protocols.pop3.world import POP3TestCase


class UserTests(POP3TestCase):
    def test_unknown_and_wrong_are_answered_alike(self) -> None:
        """G51; RFC 3206 §4"""
        for user, password in (("fred", "wrong"), ("nobody", "secret"), ("fred", "secret ")):
            self.talk(
                f"""
                C: USER {user}
                S: +OK And the password?
                C: PASS {password}
                S: -ERR [AUTH] The credentials are not right.
                """
            )

    def test_pass_needs_user_each_time(self) -> None:
        self.talk(
            """
            C: USER fred
            S: +OK And the password?
            C: PASS wrong
            S: -ERR [AUTH] The credentials are not right.
            C: PASS secret
            S: -ERR Say USER first
            C: USER fred
            S: +OK And the password?
            C: CAPA
            S: +OK Capabilities:
            S: TOP
            S: UIDL
            S: RESP-CODES
            S: AUTH-RESP-CODE
            S: PIPELINING
            S: USER
            S: SASL ...
            S: EXPIRE NEVER
            S: LOGIN-DELAY 0
            S: UTF8 USER
            S: LANG
            S: IMPLEMENTATION Sora
            S: .
            C: PASS secret
            S: +OK 0 messages (0 octets)
            """
        )

    def test_too_many_failures(self) -> None:
        for _ in range(5):
            self.assertFalse(self.pop.is_hung_up_on)
            self.pop.send(b"USER fred\r\nPASS wrong\r\n")
        self.assertTrue(self.pop.is_hung_up_on)

    def test_utf8(self) -> None:
        """RFC 6856 §2.2"""
        self.pop.send(b"USER fred\xff\r\n")
        self.assertEqual(self.pop.take(), b"-ERR User and password have to be UTF-8\r\n")
        forbidden = b"-ERR There are characters that user and password cannot have\r\n"
        self.pop.send("USER fr\u200eed\r\n".encode())
        self.assertEqual(self.pop.take(), forbidden)
        self.pop.send("USER fr\u00aded\r\nPASS sec\u0007ret\r\n".encode())
        self.assertEqual(self.pop.take(), b"+OK And the password?\r\n" + forbidden)
        self.assertEqual(self.pop.ask(b"PASS secret"), b"+OK 0 messages (0 octets)\r\n")

    def test_empty_ones(self) -> None:
        self.talk(
            """
            C: USER
            S: -ERR The form is USER name
            C: USER fred
            S: +OK And the password?
            C: PASS
            S: -ERR The form is PASS password
            """
        )


class AuthTests(POP3TestCase):
    plain = b64encode(b"\0fred\0secret").decode()

    def test_an_initial_response(self) -> None:
        """RFC 5034 §4"""
        self.talk(
            f"""
            C: AUTH PLAIN {self.plain}
            S: +OK 0 messages (0 octets)
            """
        )

    def test_a_challenge(self) -> None:
        self.talk(
            f"""
            C: auth plain
            S: + ...
            C: {self.plain}
            S: +OK 0 messages (0 octets)
            """
        )

    def test_login(self) -> None:
        self.talk(
            """
            C: AUTH LOGIN
            S: + VXNlcm5hbWU6
            C: ZnJlZA==
            S: + UGFzc3dvcmQ6
            C: c2VjcmV0
            S: +OK 0 messages (0 octets)
            """
        )

    def scram(self, password: str) -> bytes:
        """What is said when somebody logs in by SCRAM (RFC 7677 §3)."""
        first = "n=fred,r=fyko"
        self.pop.send(
            f"AUTH SCRAM-SHA-256 {b64encode(f'n,,{first}'.encode()).decode()}\r\n".encode()
        )
        challenge = b64decode(self.pop.take().removeprefix(b"+ ")).decode()
        facts = dict(each.split("=", 1) for each in challenge.split(","))
        self.assertTrue(facts["r"].startswith("fyko"))
        salted = pbkdf2_hmac("sha256", password.encode(), b64decode(facts["s"]), int(facts["i"]))
        client_key = digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={facts['r']}"
        auth = f"{first},{challenge},{without_proof}".encode()
        signature = digest(sha256(client_key).digest(), auth, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        final = f"{without_proof},p={b64encode(proof).decode()}"
        said = self.pop.ask(b64encode(final.encode()))
        if said.startswith(b"+ "):
            server_key = digest(salted, b"Server Key", "sha256")
            verifier = b64encode(digest(server_key, auth, "sha256"))
            self.assertEqual(b64decode(said.removeprefix(b"+ ")), b"v=" + verifier)
            said = self.pop.ask(b"")
        return said

    def test_scram(self) -> None:
        """RFC 5034 §4: what the server says at the end is a challenge with an empty response."""
        self.assertIn(b" SCRAM-SHA-256\r\n", self.pop.ask(b"CAPA"))
        self.assertEqual(self.scram("wrong"), b"-ERR [AUTH] The credentials are not right.\r\n")
        self.assertEqual(self.scram("secret"), b"+OK 0 messages (0 octets)\r\n")

    def test_cancelled(self) -> None:
        self.talk(
            """
            C: AUTH PLAIN
            S: + ...
            C: *
            S: -ERR The authentication was cancelled
            C: AUTH LOGIN
            S: + VXNlcm5hbWU6
            C: *
            S: -ERR The authentication was cancelled
            """
        )

    def test_wrong(self) -> None:
        wrong = b64encode(b"\0fred\0wrong").decode()
        self.talk(
            f"""
            C: AUTH PLAIN {wrong}
            S: -ERR [AUTH] The credentials are not right.
            C: AUTH PLAIN !!!
            S: -ERR The response is not base64
            C: AUTH PLAIN =
            S: -ERR PLAIN needs an identity, a user and a password, with NULs between
            C: AUTH KERBEROS_V9
            S: -ERR The mechanism KERBEROS_V9 is not supported
            C: AUTH PLAIN a b
            S: -ERR The form is AUTH mechanism [response]
            """
        )

    def test_the_mechanisms(self) -> None:
        said = self.pop.ask(b"AUTH")
        self.assertTrue(said.startswith(b"+OK Mechanisms:\r\nPLAIN\r\n"), said)
        self.assertTrue(said.endswith(b"\r\n.\r\n"), said)

    def test_a_response_that_is_too_long(self) -> None:
        self.pop.send(b"AUTH PLAIN\r\n" + b"A" * 20_000 + b"\r\n")
        self.assertEqual(self.pop.take(), b"+ \r\n-ERR The response is too long\r\n")
        self.pop.send(b"AUTH PLAIN " + b"A" * 8000 + b"\r\n")
        self.assertEqual(self.pop.take(), b"-ERR The response is too long\r\n")

    def test_pipelined_behind_the_command(self) -> None:
        self.pop.send(f"AUTH PLAIN\r\n{self.plain}\r\nSTAT\r\n".encode())
        self.assertEqual(self.pop.take(), b"+ \r\n+OK 0 messages (0 octets)\r\n+OK 0 0\r\n")
