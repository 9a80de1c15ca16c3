"""CAPA, STLS, UTF8, LANG."""

from trial_tests.protocols.pop3.world import POP3TestCase


class CapaTests(POP3TestCase):
    def test_before_and_after_the_login(self) -> None:
        """RFC 2449 §5"""
        self.talk(
            """
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
            """
        )
        before = self.pop.ask(b"CAPA")
        self.assertEqual(self.login().ask(b"capa"), before)

    def test_languages(self) -> None:
        """RFC 6856 §3"""
        self.talk(
            """
            C: LANG
            S: +OK Languages:
            S: en English
            S: .
            C: LANG *
            S: +OK en It is English
            C: LANG EN-gb
            S: +OK en It is English
            C: LANG uga
            S: -ERR This language is not spoken here; LANG lists those that are
            """
        )


class WithoutTLS(POP3TestCase):
    services = {"insecure_auth": False, "tls": "context"}

    def test_passwords_are_not_taken(self) -> None:
        capabilities = self.pop.ask(b"CAPA")
        self.assertIn(b"\r\nSTLS\r\n", capabilities)
        self.assertNotIn(b"\r\nUSER", capabilities)
        self.assertNotIn(b"\r\nSASL", capabilities)
        refused = "-ERR Authentication is not possible on this connection; use TLS."
        self.talk(
            f"""
            C: USER fred
            S: {refused}
            C: AUTH PLAIN AGZyZWQAc2VjcmV0
            S: {refused}
            C: AUTH LOGIN
            S: {refused}
            C: AUTH
            S: +OK Mechanisms:
            S: .
            C: PASS secret
            S: -ERR Say USER first
            """
        )

    def test_what_was_sent_before_tls_is_forgotten(self) -> None:
        """RFC 2595 §4; G59"""
        self.pop.send(b"STLS\r\nUSER fred\r\nPASS secret\r\n")
        self.assertEqual(self.pop.take(), b"+OK Begin TLS now\r\n")
        self.assertEqual(self.pop.transport.tls, "context")

    def test_not_after_utf8(self) -> None:
        """RFC 6856 §2.1"""
        self.talk(
            """
            C: UTF8
            S: +OK UTF-8 it is
            C: STLS
            S: -ERR TLS is not possible now
            """
        )


class NoCertificate(POP3TestCase):
    def test_stls_is_not_offered(self) -> None:
        self.assertNotIn(b"STLS", self.pop.ask(b"CAPA"))
        self.assertEqual(self.pop.ask(b"STLS"), b"-ERR TLS is not possible now\r\n")
