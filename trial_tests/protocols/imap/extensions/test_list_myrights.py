"""LIST-MYRIGHTS (RFC 8440)."""

from trial_tests.support.sharing import WORK, SharingTestCase


class ListMyRightsTests(SharingTestCase):
    def test_rights_of_listed_mailboxes(self) -> None:
        """§4, the first example: none for a name without a mailbox."""
        self.share("lrs")
        self.say(f"""
            C: A01 LIST "" (INBOX Shared*) RETURN (MYRIGHTS)
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * MYRIGHTS INBOX lrswipkxtecda
            S: * LIST (\\NonExistent \\HasChildren) "/" Shared
            S: * LIST (\\NonExistent \\HasChildren) "/" Shared/fred@example.com
            S: * LIST (\\HasNoChildren) "/" {WORK}
            S: * MYRIGHTS {WORK} lrs
            S: A01 OK LIST completed
        """)

    def test_none_for_what_is_listed_for_its_children(self) -> None:
        """§4, the second example."""
        self.client.ask(b"0 CREATE foo/bar")
        self.client.ask(b"0 SUBSCRIBE foo/bar")
        self.converse("""
            C: A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (MYRIGHTS)
            S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
            S: * MYRIGHTS INBOX lrswipkxtecda
            S: * LIST (\\HasChildren) "/" foo ("CHILDINFO" ("SUBSCRIBED"))
            S: A02 OK LIST completed
        """)

    def test_of_what_may_be_seen_and_not_read(self) -> None:
        """G35: rights are told, counts are not."""
        self.share("lka")
        self.say(f"""
            C: a LIST "" {WORK} RETURN (MYRIGHTS STATUS (MESSAGES))
            S: * LIST (\\Noselect \\HasNoChildren) "/" {WORK}
            S: * MYRIGHTS {WORK} lkca
            S: a OK LIST completed
        """)
