"""COPY, MOVE and their forms by UID."""

from trial_tests.support.transcript import TranscriptTestCase


class CopyTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(3)
        self.client.ask(b"c CREATE Archive")
        self.client.ask(b"s SELECT INBOX")

    def test_copies_and_says_where(self) -> None:
        """RFC 3501 §6.4.7, RFC 4315 §3."""
        self.converse("""
            C: a COPY 2:3 Archive
            S: a OK [COPYUID ... 2:3 1:2] COPY completed
            C: b UID COPY 1,3 Archive
            S: b OK [COPYUID ... 1,3 3:4] COPY completed
            C: c STATUS Archive (MESSAGES)
            S: * STATUS Archive (MESSAGES 4)
            S: c OK STATUS completed
        """)

    def test_keeps_everything(self) -> None:
        """G39."""
        self.client.ask(b"a STORE 1 FLAGS (\\Flagged $Mine)")
        date = self.client.ask(b"a FETCH 1 (INTERNALDATE BODY.PEEK[])")
        self.client.ask(b"a COPY 1 Archive")
        self.client.ask(b"a SELECT Archive")
        self.assertEqual(self.client.ask(b"a FETCH 1 (INTERNALDATE BODY.PEEK[])"), date)
        self.assertIn(b"(\\Flagged $Mine \\Recent)", self.client.ask(b"a FETCH 1 FLAGS"))

    def test_what_cannot_be(self) -> None:
        self.converse("""
            C: a COPY 1 Nowhere
            S: a NO [TRYCREATE] ...
            C: b MOVE 1 Nowhere
            S: b NO [TRYCREATE] ...
            C: c COPY 4 Archive
            S: c BAD There is no message 4: there are 3
            C: d UID COPY 77 Archive
            S: d OK There is no such message
            C: e UID MOVE 77 Archive
            S: e OK There is no such message
            C: f COPY 1
            S: f BAD ...
        """)

    def test_copy_of_what_is_gone_copies_nothing(self) -> None:
        """RFC 3501 §6.4.7: all or nothing."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"b EXPUNGE")
        self.converse("""
            C: a COPY 1:2 Archive
            S: * 1 EXPUNGE
            S: * 2 RECENT
            S: a NO [EXPUNGEISSUED] ...
            C: b STATUS Archive (MESSAGES)
            S: * STATUS Archive (MESSAGES 0)
            S: b OK STATUS completed
        """)

    def test_moves(self) -> None:
        """RFC 6851 §3.3, §4.3: COPYUID before the EXPUNGEs."""
        self.converse("""
            C: a MOVE 1:2 Archive
            S: * OK [COPYUID ... 1:2 1:2] Moved
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 RECENT
            S: a OK MOVE completed
            C: b UID MOVE 3 Archive
            S: * OK [COPYUID ... 3 3] Moved
            S: * 1 EXPUNGE
            S: * 0 RECENT
            S: b OK UID MOVE completed
            C: c STATUS Archive (MESSAGES)
            S: * STATUS Archive (MESSAGES 3)
            S: c OK STATUS completed
        """)
