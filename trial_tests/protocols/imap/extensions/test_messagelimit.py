"""MESSAGELIMIT and SAVELIMIT (RFC 9738), with a limit of three messages."""

from sora.protocols.imap.services import Limits
from trial_tests.protocols.imap.extensions.modseqs import ModSeqTestCase


class MessageLimitTests(ModSeqTestCase):
    """Six messages; a command works on three."""

    limits = Limits(messages=3)

    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"x CREATE Trash")

    def test_it_is_told_of(self) -> None:
        said = self.client.ask(b"a CAPABILITY")
        self.assertIn(b" MESSAGELIMIT=3", said)
        self.assertNotIn(b"SAVELIMIT", said)

    def test_fetch(self) -> None:
        """§3.1: the highest UIDs; within the limit nothing is different."""
        self.converse("""
            C: 03 FETCH 1:5 (UID FLAGS)
            S: * 3 FETCH (UID 3 FLAGS (\\Seen))
            S: * 4 FETCH (UID 4 FLAGS (\\Seen))
            S: * 5 FETCH (UID 5 FLAGS (\\Seen))
            S: 03 OK [MESSAGELIMIT 3 3] FETCH completed for the last messages
            C: 04 UID FETCH 1:3 (FLAGS)
            S: * 1 FETCH (UID 1 FLAGS (\\Seen))
            S: * 2 FETCH (UID 2 FLAGS (\\Seen))
            S: * 3 FETCH (UID 3 FLAGS (\\Seen))
            S: 04 OK UID FETCH completed
        """)

    def test_search(self) -> None:
        """§3.1, §3.4: it counts the messages that are looked at, not those that are found."""
        self.client.ask(b"x UID STORE 5 +FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: 04 UID SEARCH UID 1:5 UNFLAGGED
            S: * SEARCH 3 4
            S: 04 OK [MESSAGELIMIT 3 3] SEARCH completed for the last messages
            C: 05 SEARCH UID 1:3 UNFLAGGED
            S: * SEARCH 1 2 3
            S: 05 OK SEARCH completed
            C: 06 SEARCH (1:4 2:6) SEEN
            S: * SEARCH 2 3 4
            S: 06 OK SEARCH completed
            C: 07 SEARCH FLAGGED
            S: * SEARCH 5
            S: 07 OK [MESSAGELIMIT 3 4] SEARCH completed for the last messages
            C: D0004 UID SEARCH RETURN (SAVE) SEEN
            S: D0004 OK [MESSAGELIMIT 3 4] SEARCH completed for the last messages
            C: D0005 UID FETCH $ UID
            S: * 4 FETCH (UID 4)
            S: * 5 FETCH (UID 5)
            S: * 6 FETCH (UID 6)
            S: D0005 OK UID FETCH completed
        """)

    def test_copy_is_refused_as_a_whole(self) -> None:
        self.converse("""
            C: 05 UID COPY 1:5 "Trash"
            S: 05 NO [MESSAGELIMIT 3 3] These are too many messages for one command; name fewer.
            C: 06 STATUS Trash (MESSAGES)
            S: * STATUS Trash (MESSAGES 0)
            S: 06 OK STATUS completed
            C: 07 UID COPY 1:3 Trash
            S: 07 OK [COPYUID ... 1:3 1:3] COPY completed
        """)

    def test_move_is_repeated_until_all_have_gone(self) -> None:
        self.converse("""
            C: 06 UID MOVE 1:5 "Trash"
            S: * OK [COPYUID ... 3:5 1:3] Moved
            S: * 3 EXPUNGE
            S: * 3 EXPUNGE
            S: * 3 EXPUNGE
            S: 06 OK [MESSAGELIMIT 3 3] MOVE completed for the last messages
            C: 07 UID MOVE 1:5 "Trash"
            S: * OK [COPYUID ... 1:2 4:5] Moved
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: 07 OK UID MOVE completed
        """)

    def test_store(self) -> None:
        self.converse("""
            C: 07 UID STORE 1:5 +FLAGS (\\Flagged)
            S: * 3 FETCH (UID 3 FLAGS (\\Flagged \\Seen))
            S: * 4 FETCH (UID 4 FLAGS (\\Flagged \\Seen))
            S: * 5 FETCH (UID 5 FLAGS (\\Flagged \\Seen))
            S: 07 OK [MESSAGELIMIT 3 3] STORE completed for the last messages
        """)

    def test_store_with_another_code(self) -> None:
        """§3.1: then the limit stands in an untagged NO."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.converse("""
            C: 07 STORE 1:5 (UNCHANGEDSINCE M04) +FLAGS.SILENT (\\Flagged)
            S: * 3 FETCH (UID 3 MODSEQ (M07))
            S: * 4 FETCH (UID 4 MODSEQ (M07))
            S: * 5 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (M05))
            S: * NO [MESSAGELIMIT 3 3] Only the last messages
            S: 07 OK [MODIFIED 5] Some have changed since
        """)

    def test_fetch_of_messages_some_of_which_are_gone(self) -> None:
        """§3.1, the example with EXPUNGEISSUED."""
        self.other.ask(b"x STORE 4 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x EXPUNGE")
        self.converse("""
            C: 11 FETCH 1:5 (UID)
            S: * 3 FETCH (UID 3)
            S: * 5 FETCH (UID 5)
            S: * NO [MESSAGELIMIT 3 3] Only the last messages
            S: 11 NO [EXPUNGEISSUED] ...
        """)

    def test_uid_expunge_counts_deleted_messages(self) -> None:
        self.other.ask(b"x UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x UID STORE 5 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x NOOP")
        self.converse("""
            C: 08 UID EXPUNGE 1:6
            S: * 2 EXPUNGE
            S: * 2 EXPUNGE
            S: * 3 EXPUNGE
            S: 08 OK [MESSAGELIMIT 3 2] UID EXPUNGE completed for the last messages
            C: 09 UID EXPUNGE 1:6
            S: * 1 EXPUNGE
            S: 09 OK UID EXPUNGE completed
        """)

    def test_with_qresync_the_modseq_stands_in_the_tagged_line(self) -> None:
        """RFC 7162 §3.2.9"""
        self.client.ask(b"e ENABLE QRESYNC")
        self.other.ask(b"x UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x UID STORE 4:6 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x NOOP")
        self.converse("""
            C: 08 UID EXPUNGE 1:6
            S: * VANISHED 4:6
            S: * NO [MESSAGELIMIT 3 4] Only the last messages
            S: 08 OK [HIGHESTMODSEQ M09] It is done
        """)

    def test_expunge_and_close_have_no_limit(self) -> None:
        self.other.ask(b"x UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x UID STORE 4:6 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x NOOP")
        self.converse("""
            C: 09 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: 09 OK EXPUNGE completed
        """)

    def test_uidafter_and_uidbefore(self) -> None:
        """§3.2"""
        for key, found in [
            ("UIDAFTER 4", " 5 6"),
            ("UIDAFTER 6", ""),
            ("UIDAFTER 4294967295", ""),
            ("UIDBEFORE 3", " 1 2"),
            ("UIDBEFORE 1", ""),
            ("UIDAFTER 2 UIDBEFORE 5", " 3 4"),
        ]:
            said = self.client.ask(f"12 UID SEARCH {key}".encode()).decode()
            self.assertEqual(said, f"* SEARCH{found}\r\n12 OK UID SEARCH completed\r\n", key)
        self.assertIn(b"a BAD", self.client.ask(b"a UID SEARCH UIDAFTER 0"))
        self.assertIn(b"a BAD", self.client.ask(b"a UID SEARCH UIDBEFORE *"))


class SaveLimitTests(ModSeqTestCase):
    limits = Limits(messages=0, saved=3)

    def test_only_copy_is_limited(self) -> None:
        self.client.ask(b"x CREATE Trash")
        said = self.client.ask(b"a CAPABILITY")
        self.assertIn(b" SAVELIMIT=3", said)
        self.assertNotIn(b"MESSAGELIMIT", said)
        self.converse("""
            C: 05 COPY 1:5 "Trash"
            S: 05 NO [MESSAGELIMIT 3 3] ...
            C: 06 STORE 1:5 +FLAGS.SILENT (\\Flagged)
            S: 06 OK STORE completed
            C: 07 SEARCH ALL
            S: * SEARCH 1 2 3 4 5 6
            S: 07 OK SEARCH completed
        """)


class NoLimitTests(ModSeqTestCase):
    limits = Limits(messages=0)

    def test_none_is_told_of(self) -> None:
        self.client.ask(b"x CREATE Trash")
        self.assertNotIn(b"LIMIT=", self.client.ask(b"a CAPABILITY").replace(b"APPENDLIMIT=", b""))
        self.assertIn(b"a OK", self.client.ask(b"a COPY 1:6 Trash"))
