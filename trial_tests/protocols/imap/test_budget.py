"""How many round trips to storage each command costs (docs/architecture.md, section 4)."""

from trial_tests.support.transcript import TranscriptTestCase


class BudgetTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(20)
        self.client.ask(b"c CREATE Archive")
        self.client.ask(b"s SELECT INBOX")

    def cost(self, command: bytes) -> int:
        """Round trips of a command that is answered with OK."""
        statements = self.server.storage.tables.statements
        before = sum(statements.values())
        said = self.client.ask(b"a " + command)
        self.assertIn(b"\na OK ", b"\n" + said)
        return sum(statements.values()) - before

    def test_each_command(self) -> None:
        for command, cost in [
            (b"NOOP", 0),
            (b"CHECK", 0),
            (b"FETCH 1:* FLAGS", 0),
            (b"UID FETCH 1:* (UID FLAGS)", 0),
            (b"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE FLAGS)", 1),
            (b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]", 1),
            (b"FETCH 1 BODY[]", 1),
            (b"FETCH 1 BODY[]", 1),
            (b"FETCH 1:* (BODY[])", 1),
            (b"STORE 1 +FLAGS (\\Flagged)", 1),
            (b"STORE 1:* +FLAGS ($New)", 1),
            (b"SEARCH UNSEEN NOT DELETED", 0),
            (b"SEARCH SUBJECT x", 1),
            (b"COPY 1:* Archive", 1),
            (b"MOVE 1:2 Archive", 1),
            (b"APPEND Archive {2+}\r\nhi", 1),
            (b"STORE 1:5 +FLAGS.SILENT (\\Deleted)", 1),
            (b"EXPUNGE", 1),
            (b'LIST "" *', 1),
            (b'LIST "" * RETURN (STATUS (MESSAGES UNSEEN))', 1),
            (b"STATUS Archive (MESSAGES)", 1),
            (b"IDLE\r\nDONE", 0),
            (b"UNSELECT", 0),
        ]:
            self.assertEqual(self.cost(command), cost, command)
        self.assertLessEqual(self.cost(b"SELECT INBOX"), 1)
        self.assertLessEqual(self.cost(b"EXAMINE Archive"), 1)
