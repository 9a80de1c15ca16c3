"""EXPUNGE and UID EXPUNGE."""

from trial_tests.support.transcript import TranscriptTestCase


class ExpungeTests(TranscriptTestCase):
    def test_the_example_of_the_rfc(self) -> None:
        """RFC 3501 §6.4.3: numbers fall as lines are sent."""
        self.append_some(11)
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"a STORE 3,4,7,11 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: A202 EXPUNGE
            S: * 3 EXPUNGE
            S: * 3 EXPUNGE
            S: * 5 EXPUNGE
            S: * 8 EXPUNGE
            S: * 7 RECENT
            S: A202 OK EXPUNGE completed
            C: b EXPUNGE
            S: b OK EXPUNGE completed
        """)

    def test_by_uid_only_those(self) -> None:
        """RFC 4315 §2.1."""
        self.append_some(3)
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"a STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: a UID EXPUNGE 2:9
            S: * 2 EXPUNGE
            S: * 2 RECENT
            S: a OK UID EXPUNGE completed
            C: b UID EXPUNGE
            S: b BAD ...
            C: c EXPUNGE 1
            S: c BAD ...
        """)
