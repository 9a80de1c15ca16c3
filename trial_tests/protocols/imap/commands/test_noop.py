"""NOOP and CHECK."""

from trial_tests.support.transcript import TranscriptTestCase


class NoopTests(TranscriptTestCase):
    def test_tells_what_is_new(self) -> None:
        """RFC 3501 §6.1.2: EXISTS and RECENT of new messages."""
        self.client.ask(b"s SELECT INBOX")
        self.append_some(1)
        self.converse("""
            C: a NOOP
            S: * 1 EXISTS
            S: * 1 RECENT
            S: a OK NOOP completed
            C: b CHECK
            S: b OK CHECK completed
        """)

    def test_check_needs_a_mailbox(self) -> None:
        self.converse("""
            C: a CHECK
            S: a BAD [CLIENTBUG] CHECK needs a selected mailbox
        """)

    def test_flags_set_by_another_session_are_told_once(self) -> None:
        """G24."""
        self.append_some(2)
        self.client.ask(b"s SELECT INBOX")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 2 +FLAGS ($Mine \\Flagged)")
        self.converse("""
            C: a NOOP
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Mine)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Mine \\*)] ...
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged $Mine \\Recent))
            S: a OK NOOP completed
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_takes_no_argument(self) -> None:
        self.converse("""
            C: a NOOP x
            S: a BAD There is more than the command takes, at octet 7 of the command
        """)
