"""APPENDLIMIT (RFC 7889)."""

from attrs import evolve

from sora.protocols.imap.services import Limits
from trial_tests.support.transcript import TranscriptTestCase


class AppendLimitTests(TranscriptTestCase):
    limits = evolve(Limits(), message=257890)

    def test_it_is_told(self) -> None:
        """§3.1, §4: one limit for all mailboxes."""
        self.assertIn(b" APPENDLIMIT=257890", self.client.ask(b"t1 CAPABILITY"))
        self.converse("""
            C: t1 STATUS INBOX (APPENDLIMIT)
            S: * STATUS INBOX (APPENDLIMIT 257890)
            S: t1 OK STATUS completed
            C: t2 LIST "" % RETURN (STATUS (APPENDLIMIT))
            S: * LIST (...) "/" INBOX
            S: * STATUS INBOX (APPENDLIMIT 257890)
            S: t2 OK LIST completed
        """)

    def test_it_is_enforced_before_a_message_comes(self) -> None:
        """§4: TOOBIG."""
        self.converse("""
            C: t1 APPEND INBOX {257891}
            S: t1 NO [TOOBIG] A message may have 257890 octets
            C: t2 APPEND INBOX ~{257891}
            S: t2 NO [TOOBIG] A message may have 257890 octets
        """)
        self.client.send(b"t3 APPEND INBOX {257891+}\r\n" + b"x" * 257891 + b"\r\nt4 NOOP\r\n")
        self.assertEqual(
            self.client.take(),
            b"t3 NO [TOOBIG] A message may have 257890 octets\r\nt4 OK NOOP completed\r\n",
        )
