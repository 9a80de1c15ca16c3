"""Which capabilities are told of, and what a smaller dialect lacks."""

from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.imap.capabilities import Capability, When, offered
from sora.protocols.imap.services import Limits
from sora.protocols.imap.spoken import DIALECT


class CapabilityTests(SynchronousTestCase):
    def test_what_builds_on_something_hidden_is_hidden(self) -> None:
        graph = (
            Capability(b"A"),
            Capability(b"B", needs=(b"A",)),
            Capability(b"C", needs=(b"B", b"X")),
            Capability(b"D", needs=(b"E",)),
            Capability(b"E", needs=(b"D",)),
        )
        self.assertEqual(offered(graph, When.AFTER_LOGIN), (b"A", b"B"))
        self.assertEqual(offered(graph, When.BEFORE_LOGIN), ())

    def test_one_with_a_limit_is_told_with_its_number(self) -> None:
        graph = (Capability(b"APPENDLIMIT", limit=lambda limits: limits.message),)
        told = offered(graph, When.AFTER_LOGIN, Limits(message=1234))
        self.assertEqual(told, (b"APPENDLIMIT=1234",))

    def test_before_the_login(self) -> None:
        before = When.BEFORE_LOGIN
        plain = DIALECT.capabilities(before | When.MAY_NOT_LOG_IN | When.CAN_START_TLS)
        self.assertEqual(plain[:1], (b"IMAP4rev1",))
        self.assertLessEqual({b"STARTTLS", b"LOGINDISABLED", b"LITERAL-"}, set(plain))
        self.assertFalse([name for name in plain if name.startswith(b"AUTH=")])
        safe = DIALECT.capabilities(before | When.MAY_LOG_IN)
        self.assertLessEqual({b"AUTH=PLAIN", b"SASL-IR"}, set(safe))
        self.assertFalse({b"STARTTLS", b"LOGINDISABLED", b"LITERAL+"} & set(safe))
        bound = DIALECT.capabilities(before | When.MAY_LOG_IN | When.CAN_BIND)
        self.assertEqual(set(bound) - set(safe), {b"AUTH=SCRAM-SHA-256-PLUS"})

    def test_one_kind_of_literal_at_a_time(self) -> None:
        """RFC 7888 §3."""
        after = DIALECT.capabilities(When.AFTER_LOGIN | When.MAY_LOG_IN)
        self.assertIn(b"LITERAL+", after)
        self.assertNotIn(b"LITERAL-", after)

    def test_without_takes_commands_and_options_away(self) -> None:
        scram = (b"AUTH=SCRAM-SHA-256", b"AUTH=SCRAM-SHA-256-PLUS")
        smaller = DIALECT.without(b"MOVE", b"IDLE", b"LIST-EXTENDED", b"AUTH=LOGIN", *scram)
        self.assertNotIn(b"MOVE", smaller.commands)
        self.assertNotIn(b"IDLE", smaller.capabilities(When.AFTER_LOGIN))
        self.assertNotIn(b"LIST-STATUS", smaller.capabilities(When.AFTER_LOGIN))
        self.assertEqual(smaller.sasl, ("PLAIN",))
        self.assertFalse(smaller.has(b"LIST-STATUS"))
        self.assertTrue(DIALECT.has(b"LIST-STATUS"))
