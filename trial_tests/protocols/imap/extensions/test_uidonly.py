"""UIDONLY (RFC 9586)."""

from trial_tests.protocols.imap.extensions.modseqs import ModSeqTestCase


class UidOnlyTests(ModSeqTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"x CREATE Archive")
        self.client.ask(b"x STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x EXPUNGE")
        self.other.ask(b"x NOOP")
        self.converse("""
            C: 01 ENABLE UIDONLY
            S: * ENABLED UIDONLY
            S: 01 OK ENABLE completed
        """)

    def test_numbers_are_refused(self) -> None:
        """§3, §3.2 and §3.8: each command that takes or gives message numbers."""
        for command in [
            b"FETCH 1:4 (UID FLAGS)",
            b"STORE 1 +FLAGS (\\Seen)",
            b"SEARCH ALL",
            b"SEARCH UID 2",
            b"COPY 1 Archive",
            b"MOVE 1 Archive",
            b"SORT (DATE) UTF-8 ALL",
            b"THREAD REFERENCES UTF-8 ALL",
            b"REPLACE 1 Archive {1+}\r\nx",
            b"UID SEARCH 1:3",
            b"UID SEARCH OR UID 2 NOT (SEEN *)",
            b"UID SORT (DATE) UTF-8 1:3",
            b"UID THREAD REFERENCES UTF-8 1:3",
        ]:
            said = self.client.ask(b"07 " + command)
            refusal = (
                b"07 BAD [UIDREQUIRED] Message numbers are not allowed once UIDONLY is enabled"
            )
            self.assertIn(refusal, said, command)
            self.assertEqual(said.count(b"\r\n"), 1, said)

    def test_fetch(self) -> None:
        """§3.3: the UID comes first, and once more only where it was asked for."""
        self.converse("""
            C: 10 UID FETCH 2:4 (FLAGS)
            S: * 2 UIDFETCH (FLAGS (\\Seen))
            S: * 3 UIDFETCH (FLAGS (\\Seen))
            S: * 4 UIDFETCH (FLAGS (\\Seen))
            S: 10 OK UID FETCH completed
            C: 11 UID FETCH 5:* (FLAGS UID)
            S: * 5 UIDFETCH (FLAGS (\\Seen) UID 5)
            S: * 6 UIDFETCH (FLAGS (\\Seen) UID 6)
            S: 11 OK UID FETCH completed
            C: 12 UID FETCH 5 (RFC822.SIZE)
            S: * 5 UIDFETCH (RFC822.SIZE 14)
            S: 12 OK UID FETCH completed
            C: 13 UID FETCH 5 (BODY.PEEK[TEXT])
            S: * 5 UIDFETCH (BODY[TEXT] {0}
            S: )
            S: 13 OK UID FETCH completed
        """)

    def test_a_large_message(self) -> None:
        self.append(b"Subject: x\r\n\r\n" + b"x" * 300_000)
        self.client.ask(b"n NOOP")
        said = self.client.ask(b"a UID FETCH 7 BODY.PEEK[TEXT]")
        self.assertTrue(said.startswith(b"* 7 UIDFETCH (BODY[TEXT] {300000}\r\nxxx"), said[:60])

    def test_store(self) -> None:
        self.converse("""
            C: a UID STORE 4 +FLAGS (\\Flagged)
            S: * 4 UIDFETCH (FLAGS (\\Flagged \\Seen))
            S: a OK UID STORE completed
            C: b UID STORE 4 +FLAGS.SILENT (\\Draft)
            S: b OK UID STORE completed
        """)

    def test_setting_seen(self) -> None:
        self.client.ask(b"x UID STORE 2 -FLAGS.SILENT (\\Seen)")
        self.converse("""
            C: a UID FETCH 2 BODY[TEXT]
            S: * 2 UIDFETCH (BODY[TEXT] {0}
            S:  FLAGS (\\Seen))
            S: a OK UID FETCH completed
        """)

    def test_expunge_and_move(self) -> None:
        """§3.4 and §3.6; QRESYNC need not be enabled."""
        self.client.ask(b"x UID STORE 2,4,6 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: 12 EXPUNGE
            S: * VANISHED 2,4,6
            S: 12 OK EXPUNGE completed
            C: 15 UID move 5 Archive
            S: * OK [COPYUID ... 5 1] Moved
            S: * VANISHED 5
            S: 15 OK UID MOVE completed
        """)

    def test_searching(self) -> None:
        """§3.5, §3.8"""
        self.converse("""
            C: a UID SEARCH UID 3:5 SEEN
            S: * SEARCH 3 4 5
            S: a OK UID SEARCH completed
            C: b UID SORT (ARRIVAL) UTF-8 ALL
            S: * SORT 2 3 4 5 6
            S: b OK UID SORT completed
            C: c UID SEARCH RETURN (MIN SAVE) ALL
            S: * ESEARCH (TAG "c") UID MIN 2
            S: c OK UID SEARCH completed
            C: d UID FETCH $ FLAGS
            S: * 2 UIDFETCH (FLAGS (\\Seen))
            S: d OK UID FETCH completed
            C: e UID SEARCH $
            S: * SEARCH 2
            S: e OK UID SEARCH completed
        """)

    def test_what_others_do(self) -> None:
        """§3.6: EXISTS and RECENT are as ever."""
        self.other.ask(b"x UID STORE 4 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x EXPUNGE")
        self.other.ask(b"x UID STORE 5 +FLAGS.SILENT (\\Flagged)")
        self.append(b"Subject: y\r\n\r\n")
        self.converse("""
            C: a NOOP
            S: * VANISHED 4
            S: * 5 EXISTS
            S: * 1 RECENT
            S: * 5 UIDFETCH (FLAGS (\\Flagged \\Seen))
            S: a OK NOOP completed
        """)

    def test_with_condstore_and_qresync(self) -> None:
        """§3.7: MODSEQ stands in UIDFETCH; message numbers are no match data."""
        self.client.ask(b"e ENABLE QRESYNC")
        self.other.ask(b"x UID STORE 5 +FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: a NOOP
            S: * 5 UIDFETCH (FLAGS (\\Flagged \\Seen) MODSEQ (M09))
            S: a OK NOOP completed
            C: b UID STORE 5 (UNCHANGEDSINCE M09) +FLAGS.SILENT (\\Draft)
            S: * 5 UIDFETCH (MODSEQ (M10))
            S: b OK UID STORE completed
            C: c SELECT INBOX (QRESYNC (VALID M05 1:9 (1 2)))
            S: c BAD [UIDREQUIRED] ...
            C: d UID FETCH 1:* (FLAGS) (CHANGEDSINCE M08 VANISHED)
            S: * 5 UIDFETCH (MODSEQ (M10) FLAGS (\\Flagged \\Seen \\Draft))
            S: d OK UID FETCH completed
        """)
        said = self.client.ask(b"a SELECT INBOX (QRESYNC (1785585601 207748800000006 1:9))")
        self.assertIn(b"* VANISHED (EARLIER) 1\r\n* 5 UIDFETCH (FLAGS ", said)
        self.assertNotIn(b"UNSEEN", said)

    def test_no_number_of_the_first_unseen_message(self) -> None:
        """§3: it is a message number."""
        self.client.ask(b"x UID STORE 2 -FLAGS.SILENT (\\Seen)")
        self.assertNotIn(b"UNSEEN", self.client.ask(b"s SELECT INBOX"))
        self.assertIn(b"[UNSEEN 1]", self.other.ask(b"s SELECT INBOX"))
