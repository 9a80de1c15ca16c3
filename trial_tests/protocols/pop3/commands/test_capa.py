"""CAPA, STLS, UTF8, LANG."""

from datetime import timedelta

from twisted.internet.defer import Deferred, fail

from sora.errors import Unavailable
from sora.storage.rows import Kept, RetentionOwner, RetentionRule, ServerRetention
from trial_tests.protocols.pop3.world import POP3TestCase, POPClient


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


class ExpireTests(POP3TestCase):
    """RFC 2449 §6.7: what CAPA says of how long messages are kept."""

    def setUp(self) -> None:
        super().setUp()
        self.retention = self.server.storage.retention

    def told(self, client: POPClient | None = None) -> list[bytes]:
        said = (client or self.connect()).ask(b"CAPA")
        return [line for line in said.split(b"\r\n") if line.startswith(b"EXPIRE")]

    def rule(self, owner: RetentionOwner, age: timedelta | None, use: str = "") -> None:
        """A rule, as known everywhere a minute later."""
        self.successResultOf(self.retention.set(owner, RetentionRule(use, age)))
        self.clock.advance(61)

    def test_the_rule_of_an_account_is_told_to_who_has_logged_in(self) -> None:
        fred = RetentionOwner(next(iter(self.server.storage.tables.accounts)))
        self.assertEqual(self.told(), [b"EXPIRE NEVER"])
        self.rule(fred, timedelta(days=30, hours=5))
        # Before the login: the least of all, which may be longer for others.
        self.assertEqual(self.told(), [b"EXPIRE 30 USER"])
        self.assertEqual(self.told(self.login()), [b"EXPIRE 30"])

    def test_another_account_keeps_its_mail_for_ever(self) -> None:
        self.rule(RetentionOwner(999), timedelta(hours=5))
        self.assertEqual(self.told(), [b"EXPIRE 0 USER"])
        self.assertEqual(self.told(self.login()), [b"EXPIRE NEVER"])

    def test_rules_for_other_mailboxes_do_not_count(self) -> None:
        fred = RetentionOwner(next(iter(self.server.storage.tables.accounts)))
        self.rule(fred, timedelta(days=3), "\\Trash")
        self.assertEqual(self.told(), [b"EXPIRE NEVER"])
        self.assertEqual(self.told(self.login()), [b"EXPIRE NEVER"])

    def test_who_has_not_logged_in_asks_storage_once_a_minute(self) -> None:
        statements = self.server.storage.tables.statements
        for _ in range(9):
            self.told()
        self.assertEqual(statements["retention.kept"], 1)
        client = self.login()
        for _ in range(9):
            self.told(client)
        self.assertEqual(statements["retention.kept"], 2)


class WhileStorageIsAway(POP3TestCase):
    """Nothing is promised."""

    def test_an_answer_that_does_not_come(self) -> None:
        class Away:
            def kept(self, server: ServerRetention, account_id: int | None) -> "Deferred[Kept]":
                return fail(Unavailable())

        self.post.factory._services.keeping._retention = Away()  # type: ignore[attr-defined]
        self.assertNotIn(b"EXPIRE", self.pop.ask(b"CAPA"))
        self.assertNotIn(b"EXPIRE", self.login().ask(b"CAPA"))
