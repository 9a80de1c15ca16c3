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
            (b"UID FETCH 1:* (UID FLAGS MODSEQ)", 0),
            (b"UID FETCH 1:* FLAGS (CHANGEDSINCE 5)", 0),
            (b"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE FLAGS)", 1),
            (b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]", 1),
            (b"FETCH 1 BODY[]", 1),  # sets \\Seen
            (b"FETCH 1 BODY[]", 0),
            (b"FETCH 1:* (BODY[])", 1),
            (b"STORE 1 +FLAGS (\\Flagged)", 1),
            (b"STORE 1:* +FLAGS ($New)", 1),
            (b"STORE 1:* (UNCHANGEDSINCE 5) +FLAGS.SILENT ($Other)", 1),
            (b"SEARCH UNSEEN NOT DELETED", 0),
            (b"SEARCH SUBJECT x", 1),
            (b"SEARCH DRAFT TEXT x", 0),
            (b"UID SORT (DATE) UTF-8 DRAFT TEXT x", 0),
            (b"SEARCH RETURN (SAVE COUNT) 2:9 SEEN", 0),
            (b"UID SEARCH RETURN (MIN) $ NOT FLAGGED", 0),
            (b"SEARCH RETURN (PARTIAL -1:-5) SUBJECT x", 1),
            (b"SORT (SUBJECT) UTF-8 ALL", 1),
            (b"UID THREAD REFERENCES UTF-8 $", 1),
            (b"SEARCH RETURN (ALL RELEVANCY) FUZZY SUBJECT message", 2),
            (b"ESEARCH IN (mailboxes INBOX) SUBJECT message", 2),
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

    def test_resynchronising(self) -> None:
        """RFC 7162 §3.2: one more than SELECT at most; none when nothing has happened, or all
        of it in this process since the mailbox was opened."""
        self.client.ask(b"e ENABLE QRESYNC")
        now = self.client.ask(b"a STATUS INBOX (HIGHESTMODSEQ)").split(b"HIGHESTMODSEQ ")[1]
        now = now.split(b")")[0]
        self.client.ask(b"x STORE 3:5 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x EXPUNGE")
        self.client.ask(b"x UNSELECT")
        for since, cost in [(now, 0), (b"5", 1)]:
            resync = b"SELECT INBOX (QRESYNC (1785585601 " + since + b"))"
            self.assertEqual(self.cost(resync), cost)
        fetch = b"UID FETCH 1:* FLAGS (CHANGEDSINCE %b VANISHED)"
        self.assertEqual(self.cost(fetch % now), 0)
        self.assertEqual(self.cost(fetch % b"5"), 1)

    def test_what_never_changes_is_read_once(self) -> None:
        for items in [
            b"(ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE FLAGS)",
            b"BODY.PEEK[HEADER.FIELDS (Subject)]",
            b"BODY",
            b"BODY.PEEK[]",
        ]:
            self.assertEqual(self.cost(b"FETCH 1:* " + items), 1, items)
            self.assertEqual(self.cost(b"FETCH 1:* " + items), 0, items)
            self.assertEqual(self.cost(b"UID FETCH 3,5:7 " + items), 0, items)
        other = self.new_client()
        other.ask(b"s EXAMINE INBOX")
        before = sum(self.server.storage.tables.statements.values())
        self.assertIn(b"* 2 FETCH (ENVELOPE (", other.ask(b"a FETCH 1:* ENVELOPE"))
        self.assertEqual(sum(self.server.storage.tables.statements.values()), before)

    def test_only_those_that_were_not_read_before_are_read(self) -> None:
        self.assertEqual(self.cost(b"FETCH 2:4,9 ENVELOPE"), 1)
        self.assertEqual(self.cost(b"FETCH 3,9 (UID ENVELOPE)"), 0)
        self.assertEqual(self.cost(b"FETCH 1:* ENVELOPE"), 1)
        self.assertEqual(self.cost(b"FETCH 1:* ENVELOPE"), 0)

    def test_a_message_that_is_gone_is_not_served_from_memory(self) -> None:
        """The client still believes in it (G27); its answer is the truth."""
        self.client.ask(b"a FETCH 1:* (UID ENVELOPE)")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"a EXPUNGE")
        said = self.client.ask(b"a FETCH 1:3 ENVELOPE")
        self.assertEqual(said.count(b" FETCH (ENVELOPE"), 2)
        self.assertNotIn(b"* 2 FETCH (ENVELOPE", said)
        self.assertIn(b"a NO [EXPUNGEISSUED]", said)
