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

    def test_a_mailbox_that_is_listed_for_its_children_has_none(self) -> None:
        """RFC 5819 §4, the second example; one that is chosen itself has them all the same."""
        for name in (b"INBOX", b"foo/bar"):
            self.client.ask(b"a CREATE " + name)
            self.client.ask(b"a SUBSCRIBE " + name)
        self.converse("""
            C: A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (STATUS (MESSAGES))
            S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
            S: * STATUS INBOX (MESSAGES 0)
            S: * LIST (\\HasChildren) "/" foo ("CHILDINFO" ("SUBSCRIBED"))
            S: A02 OK LIST completed
            C: a SUBSCRIBE foo
            S: a OK SUBSCRIBE completed
            C: b LIST (SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/private/a))
            S: * LIST (\\HasChildren \\Subscribed) "/" foo ("CHILDINFO" ("SUBSCRIBED"))
            S: * STATUS foo (MESSAGES 0)
            S: * MYRIGHTS foo lrswipkxtecda
            S: * METADATA foo (/private/a NIL)
            S: b OK LIST completed
        """)
