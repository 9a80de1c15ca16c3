"""STATUS=SIZE (RFC 8438)."""

from trial_tests.support.transcript import TranscriptTestCase


class StatusSizeTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"c CREATE frop")
        for length in (3224, 1222, 444):
            self.append(b"Subject: x\r\n\r\n" + b"x" * (length - 14), "frop")

    def test_the_examples(self) -> None:
        """§3: the size is that of all RFC822.SIZE together; \\Deleted ones are counted too."""
        self.converse("""
            C: A01 STATUS frop (MESSAGES SIZE UIDNEXT)
            S: * STATUS frop (MESSAGES 3 SIZE 4890 UIDNEXT 4)
            S: A01 OK STATUS completed
            C: A04 LIST "" % RETURN (STATUS (MESSAGES SIZE))
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * STATUS INBOX (MESSAGES 0 SIZE 0)
            S: * LIST (\\HasNoChildren) "/" frop
            S: * STATUS frop (MESSAGES 3 SIZE 4890)
            S: A04 OK LIST completed
        """)
        self.client.ask(b"s SELECT frop")
        self.client.ask(b"d STORE 2:3 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: A05 STATUS frop (DELETED SIZE)
            S: * STATUS frop (DELETED 2 SIZE 4890)
            S: A05 OK STATUS completed
        """)
        self.client.ask(b"e EXPUNGE")
        self.converse("""
            C: A06 STATUS frop (DELETED SIZE)
            S: * STATUS frop (DELETED 0 SIZE 3224)
            S: A06 OK STATUS completed
        """)
