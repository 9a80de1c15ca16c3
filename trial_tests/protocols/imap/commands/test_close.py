"""CLOSE and UNSELECT."""

from trial_tests.support.transcript import TranscriptTestCase


class CloseTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(1)
        self.append(b"Subject: gone\r\n\r\n", flags=["\\Deleted"])
        self.client.ask(b"s SELECT INBOX")

    def test_close_expunges_and_says_nothing_of_it(self) -> None:
        """RFC 3501 §6.4.2."""
        self.converse("""
            C: a CLOSE
            S: a OK CLOSE completed
            C: b STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 1)
            S: b OK STATUS completed
            C: c CLOSE
            S: c BAD [CLIENTBUG] CLOSE needs a selected mailbox
        """)

    def test_unselect_expunges_nothing(self) -> None:
        """RFC 3691 §2."""
        self.converse("""
            C: a UNSELECT
            S: a OK UNSELECT completed
            C: b STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 2)
            S: b OK STATUS completed
        """)
