"""SPECIAL-USE (RFC 6154)."""

from sora.storage.rows import NewMailbox
from trial_tests.support.transcript import TranscriptTestCase


class SpecialUseTests(TranscriptTestCase):
    def test_attributes_are_told_and_selected_by(self) -> None:
        """RFC 6154 §5.1, §5.2."""
        self.add_account("jane@example.com", NewMailbox("Sent", "\\Sent"), NewMailbox("Other"))
        self.client = self.new_client(user="jane")
        self.converse("""
            C: a LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Other
            S: * LIST (\\HasNoChildren \\Sent) "/" Sent
            S: a OK LIST completed
            C: b LIST (SPECIAL-USE) "" *
            S: * LIST (\\HasNoChildren \\Sent) "/" Sent
            S: b OK LIST completed
            C: c LIST "" Sent RETURN (SPECIAL-USE)
            S: * LIST (\\HasNoChildren \\Sent) "/" Sent
            S: c OK LIST completed
        """)
