"""LIST-STATUS (RFC 5819)."""

from trial_tests.support.transcript import TranscriptTestCase


class ListStatusTests(TranscriptTestCase):
    def test_counters_follow_each_name_that_can_be_selected(self) -> None:
        """RFC 5819 §2."""
        self.append_some(2)
        self.client.ask(b"a CREATE foo/bar")
        self.client.ask(b"a SUBSCRIBE foo/bar")
        self.client.ask(b"a DELETE foo/bar")
        self.client.ask(b"a UNSUBSCRIBE INBOX")
        self.converse("""
            C: a LIST "" % RETURN (STATUS (MESSAGES UNSEEN))
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * STATUS INBOX (MESSAGES 2 UNSEEN 2)
            S: * LIST (\\HasNoChildren) "/" foo
            S: * STATUS foo (MESSAGES 0 UNSEEN 0)
            S: a OK LIST completed
            C: b LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES))
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" foo/bar
            S: b OK LIST completed
            C: c LIST "" % RETURN (STATUS (NONSENSE))
            S: c BAD ...
        """)
