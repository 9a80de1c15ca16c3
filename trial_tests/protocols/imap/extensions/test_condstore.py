"""CONDSTORE (RFC 7162 §3.1): the RFC's examples, and what happens beside them."""

from sora.protocols.imap.dialect import Dialect
from trial_tests.protocols.imap.extensions.modseqs import ModSeqTestCase


class EnablingTests(ModSeqTestCase):
    """Each of the commands of §3.1, "CONDSTORE enabling commands"."""

    def assert_enabled_by(self, command: bytes, first: bytes) -> None:
        """`first` begins the answer; afterwards updates have MODSEQ."""
        client = self.new_client()
        client.ask(b"s SELECT INBOX")
        said = client.ask(b"a " + command)
        self.assertTrue(said.startswith(first), said)
        self.assertIn(b"a OK", said)
        self.assertNotIn(b"OK [HIGHESTMODSEQ", client.ask(b"b " + command))
        self.other.ask(b"c STORE 1 -FLAGS \\Seen")
        self.other.ask(b"c STORE 1 +FLAGS \\Seen")
        self.assertIn(b"* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (20", client.ask(b"b NOOP"))

    def test_with_a_selected_mailbox(self) -> None:
        told = b"* OK [HIGHESTMODSEQ 2077488000000"
        self.assert_enabled_by(b"ENABLE CONDSTORE", b"* ENABLED CONDSTORE\r\n" + told)
        self.assert_enabled_by(b"STATUS INBOX (HIGHESTMODSEQ)", told)
        self.assert_enabled_by(b"FETCH 1 MODSEQ", told)
        self.assert_enabled_by(b"SEARCH MODSEQ 5", told)
        self.assert_enabled_by(b"UID FETCH 1 FLAGS (CHANGEDSINCE 5)", told)
        self.assert_enabled_by(b"STORE 2 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)", told)

    def test_with_status(self) -> None:
        """Example 17."""
        self.converse("""
            C: A042 STATUS inbox (UIDNEXT MESSAGES HIGHESTMODSEQ)
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: * STATUS INBOX (UIDNEXT 7 MESSAGES 6 HIGHESTMODSEQ M06)
            S: A042 OK STATUS completed
        """)

    def test_with_select(self) -> None:
        """Example 18; SELECT tells it anyway, and once."""
        self.converse("""
            C: A142 SELECT INBOX (CONDSTORE)
            S: * OK [CLOSED] ...
            S: * FLAGS ...
            S: * OK [PERMANENTFLAGS ...
            S: * 6 EXISTS
            S: * 0 RECENT
            S: * OK [UIDVALIDITY ...
            S: * OK [UIDNEXT 7] ...
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: * OK [MAILBOXID ...] ...
            S: A142 OK [READ-WRITE] SELECT completed
        """)
        self.other.ask(b"a STORE 2 +FLAGS \\Flagged")
        self.converse("""
            C: b NOOP
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen) MODSEQ (M07))
            S: b OK NOOP completed
        """)

    def test_nobody_else_is_told_modseqs(self) -> None:
        """G30."""
        self.other.ask(b"a STORE 2 +FLAGS \\Flagged")
        self.converse("""
            C: b NOOP
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))
            S: b OK NOOP completed
        """)

    def test_what_is_refused(self) -> None:
        self.converse("""
            C: a SELECT INBOX (NONSENSE)
            S: a BAD NONSENSE is not a parameter of SELECT
            C: b SELECT INBOX (CONDSTORE CONDSTORE)
            S: b BAD CONDSTORE is there twice
            C: c SELECT INBOX ()
            S: c BAD ...
            C: d FETCH 1 FLAGS (CHANGEDSINCE)
            S: d BAD ...
            C: e FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)
            S: e BAD ...
            C: f STORE 1 (UNCHANGEDSINCE x) FLAGS ()
            S: f BAD ...
            C: g FETCH 1 FAST (CHANGEDSINCE 99999999999999999)
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: g OK FETCH completed
        """)

    def test_without_it_its_words_are_unknown(self) -> None:
        smaller: Dialect = self.dialect.without(b"CONDSTORE")
        self.assertNotIn(b"MODSEQ", smaller.fetch_items)
        self.assertNotIn(b"UNCHANGEDSINCE", smaller.store_modifiers)
        self.assertEqual(smaller.enabled_by, {})


class StoreTests(ModSeqTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"e ENABLE CONDSTORE")

    def test_all_pass(self) -> None:
        """Example 3."""
        self.converse("""
            C: a103 UID STORE 6,4,5 (UNCHANGEDSINCE M06) +FLAGS.SILENT (\\Deleted)
            S: * 4 FETCH (UID 4 MODSEQ (M07))
            S: * 5 FETCH (UID 5 MODSEQ (M07))
            S: * 6 FETCH (UID 6 MODSEQ (M07))
            S: a103 OK UID STORE completed
        """)

    def test_with_the_last_message_and_a_keyword(self) -> None:
        """Example 4."""
        self.converse("""
            C: a104 STORE * (UNCHANGEDSINCE M06) +FLAGS.SILENT (\\Deleted $Processed)
            S: * FLAGS (... $Processed)
            S: * OK [PERMANENTFLAGS ... $Processed \\*)] ...
            S: * 6 FETCH (UID 6 MODSEQ (M07))
            S: a104 OK STORE completed
        """)

    def test_some_have_changed(self) -> None:
        """Examples 6 and 10: those are told, as numbers in STORE and as UIDs in UID STORE (G30)."""
        self.client.ask(b"x STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x EXPUNGE")
        self.other.ask(b"x NOOP")
        self.other.ask(b"x STORE 2,4 +FLAGS.SILENT (\\Answered \\Draft)")
        self.other.ask(b"x STORE 2,4 -FLAGS.SILENT (\\Answered)")
        self.converse("""
            C: d105 STORE 4,3,2 (UNCHANGEDSINCE M08) +FLAGS.SILENT (\\Answered)
            S: * 3 FETCH (UID 4 MODSEQ (M11))
            S: * 2 FETCH (UID 3 FLAGS (\\Seen \\Draft) MODSEQ (M10))
            S: * 4 FETCH (UID 5 FLAGS (\\Seen \\Draft) MODSEQ (M10))
            S: d105 OK [MODIFIED 2,4] Some have changed since
            C: d106 UID STORE 3:5 (UNCHANGEDSINCE M08) +FLAGS (\\Draft)
            S: * 2 FETCH (UID 3 FLAGS (\\Seen \\Draft) MODSEQ (M10))
            S: * 3 FETCH (UID 4 FLAGS (\\Answered \\Seen \\Draft) MODSEQ (M12))
            S: * 4 FETCH (UID 5 FLAGS (\\Seen \\Draft) MODSEQ (M10))
            S: d106 OK [MODIFIED 3,5] Some have changed since
            C: d107 NOOP
            S: d107 OK NOOP completed
        """)

    def test_other_flags_are_no_hindrance(self) -> None:
        """§3.1.12, the last variant of example 10: the client is told of all flags."""
        self.other.ask(b"x STORE 1 +FLAGS.SILENT (\\Answered)")
        self.other.ask(b"x STORE 2 +FLAGS.SILENT ($Processed)")
        self.client.ask(b"x STORE 3 (UNCHANGEDSINCE 1) +FLAGS.SILENT ($Processed)")
        self.other.ask(b"x STORE 3 +FLAGS.SILENT (\\Answered)")
        self.converse("""
            C: a106 STORE 1:3 (UNCHANGEDSINCE M06) +FLAGS.SILENT ($Processed)
            S: * 3 FETCH (UID 3 FLAGS (\\Answered \\Seen $Processed) MODSEQ (M10))
            S: * 1 FETCH (UID 1 MODSEQ (M10))
            S: * 3 FETCH (UID 3 MODSEQ (M10))
            S: * 2 FETCH (UID 2 FLAGS (\\Seen $Processed) MODSEQ (M08))
            S: a106 OK [MODIFIED 2] Some have changed since
        """)

    def test_zero_is_a_value(self) -> None:
        """Example 8, and G30: system flags are always there; a keyword is tested for."""
        self.other.ask(b"x STORE 5 +FLAGS.SILENT ($MDNSent)")
        self.client.ask(b"x NOOP")
        self.converse("""
            C: a101 STORE 5 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Deleted)
            S: * 5 FETCH (UID 5 FLAGS (\\Seen $MDNSent) MODSEQ (M07))
            S: a101 OK [MODIFIED 5] Some have changed since
            C: a102 STORE 4:5 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)
            S: * 4 FETCH (UID 4 MODSEQ (M08))
            S: * 5 FETCH (UID 5 FLAGS (\\Seen $MDNSent) MODSEQ (M07))
            S: a102 OK [MODIFIED 5] Some have changed since
        """)

    def test_a_message_named_twice_fails_not_itself(self) -> None:
        """The note behind Example 11."""
        self.converse("""
            C: e105 STORE 5,3:6 (UNCHANGEDSINCE M06) +FLAGS.SILENT (\\Deleted)
            S: * 3 FETCH (UID 3 MODSEQ (M07))
            S: * 4 FETCH (UID 4 MODSEQ (M07))
            S: * 5 FETCH (UID 5 MODSEQ (M07))
            S: * 6 FETCH (UID 6 MODSEQ (M07))
            S: e105 OK STORE completed
        """)

    def test_expunged_and_changed_ones_together(self) -> None:
        """Example 11."""
        self.other.ask(b"x STORE 4:6 +FLAGS.SILENT (\\Deleted)")
        self.other.ask(b"x STORE 2 +FLAGS.SILENT (\\Flagged)")
        self.other.ask(b"x EXPUNGE")
        self.converse("""
            C: B001 STORE 1:6 (UNCHANGEDSINCE M07) +FLAGS (\\Flagged)
            S: * 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen) MODSEQ (M10))
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen) MODSEQ (M08))
            S: * 3 FETCH (UID 3 FLAGS (\\Flagged \\Seen) MODSEQ (M10))
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: B001 NO [MODIFIED 2] Some of the messages have been deleted.
            C: B002 NOOP
            S: * 4 EXPUNGE
            S: * 4 EXPUNGE
            S: * 4 EXPUNGE
            S: * OK [HIGHESTMODSEQ M10] Highest
            S: B002 OK NOOP completed
        """)

    def test_silent_without_a_condition(self) -> None:
        """Example 14: the modseq is told where something changed (§3.1.11), to both sessions."""
        self.converse("""
            C: A160 STORE 1:2 +FLAGS.SILENT (\\Deleted)
            S: * 1 FETCH (UID 1 MODSEQ (M07))
            S: * 2 FETCH (UID 2 MODSEQ (M07))
            S: A160 OK STORE completed
            C: A161 STORE 1:3 +FLAGS.SILENT (\\Deleted)
            S: * 3 FETCH (UID 3 MODSEQ (M08))
            S: A161 OK STORE completed
            C: A162 STORE 1 +FLAGS (\\Deleted)
            S: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen) MODSEQ (M07))
            S: A162 OK STORE completed
        """)
        self.converse(
            """
            C: C180 NOOP
            S: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen))
            S: * 2 FETCH (UID 2 FLAGS (\\Deleted \\Seen))
            S: * 3 FETCH (UID 3 FLAGS (\\Deleted \\Seen))
            S: C180 OK NOOP completed
        """,
            self.other,
        )


class FetchTests(ModSeqTestCase):
    def test_changed_since(self) -> None:
        """Example 12: MODSEQ comes with it."""
        self.other.ask(b"x STORE 2,4 +FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE M05)
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: * 2 FETCH (UID 2 MODSEQ (M07) FLAGS (\\Flagged \\Seen))
            S: * 4 FETCH (UID 4 MODSEQ (M07) FLAGS (\\Flagged \\Seen))
            S: * 6 FETCH (UID 6 MODSEQ (M06) FLAGS (\\Seen))
            S: s100 OK UID FETCH completed
            C: s101 FETCH 1:4 (UID) (CHANGEDSINCE M03)
            S: * 2 FETCH (MODSEQ (M07) UID 2)
            S: * 4 FETCH (MODSEQ (M07) UID 4)
            S: s101 OK FETCH completed
        """)

    def test_modseq(self) -> None:
        """Example 13."""
        self.converse("""
            C: a FETCH 1:3 (MODSEQ)
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: * 1 FETCH (MODSEQ (M01))
            S: * 2 FETCH (MODSEQ (M02))
            S: * 3 FETCH (MODSEQ (M03))
            S: a OK FETCH completed
        """)

    def test_with_other_items(self) -> None:
        """From the view and from storage, in a run and with gaps."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.converse("""
            C: a FETCH 1,5 (RFC822.SIZE MODSEQ UID)
            S: * 1 FETCH (RFC822.SIZE 14 MODSEQ (M01) UID 1)
            S: * 5 FETCH (RFC822.SIZE 14 MODSEQ (M05) UID 5)
            S: a OK FETCH completed
            C: b FETCH 2 (MODSEQ BODY.PEEK[TEXT])
            S: * 2 FETCH (MODSEQ (M02) BODY[TEXT] {0}
            S: )
            S: b OK FETCH completed
        """)

    def test_setting_seen_tells_the_modseq(self) -> None:
        """§3.2.4: UID and MODSEQ belong to flags that were changed by the way."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.client.ask(b"x STORE 2 -FLAGS.SILENT (\\Seen)")
        self.converse("""
            C: a FETCH 1:2 BODY[TEXT]
            S: * 1 FETCH (BODY[TEXT] {0}
            S: )
            S: * 2 FETCH (BODY[TEXT] {0}
            S:  UID 2 FLAGS (\\Seen) MODSEQ (M08))
            S: a OK FETCH completed
        """)

    def test_flags_alone_are_not_all_that_an_update_tells(self) -> None:
        """§3.1: an update has MODSEQ, also after a FETCH that had none."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.other.ask(b"x STORE 2 +FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: a FETCH 2 FLAGS
            S: * 2 FETCH (FLAGS (\\Flagged \\Seen))
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen) MODSEQ (M07))
            S: a OK FETCH completed
            C: b NOOP
            S: b OK NOOP completed
        """)
        self.other.ask(b"x STORE 2 -FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: a FETCH 2 (FLAGS MODSEQ)
            S: * 2 FETCH (FLAGS (\\Seen) MODSEQ (M08))
            S: a OK FETCH completed
        """)


class SearchTests(ModSeqTestCase):
    def test_entries_are_understood(self) -> None:
        """Examples 15, 16 and 19: there is one modseq for all flags."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.converse("""
            C: a SEARCH MODSEQ "/flags/\\\\draft" all M03
            S: * SEARCH 3 4 5 6 (MODSEQ M06)
            S: a OK SEARCH completed
            C: b UID SEARCH MODSEQ "/flags/$MDNSent" shared M03 2:4
            S: * SEARCH 3 4 (MODSEQ M04)
            S: b OK UID SEARCH completed
            C: t SEARCH OR NOT MODSEQ 0 LARGER 50000
            S: * SEARCH
            S: t OK SEARCH completed
            C: c SEARCH RETURN (ALL) MODSEQ M02 NOT 4
            S: * ESEARCH (TAG "c") ALL 2:3,5:6 MODSEQ M06
            S: c OK SEARCH completed
        """)

    def test_what_is_refused(self) -> None:
        for key in [b'MODSEQ "/comment" all 5', b'MODSEQ "/flags/x" some 5', b"MODSEQ x"]:
            self.assertIn(b"a BAD ", self.client.ask(b"a SEARCH " + key))


class EveryModSeqIsToldOnceTests(ModSeqTestCase):
    def test_changes_of_another_session(self) -> None:
        """G24: what a conditional STORE has told is not told again."""
        self.client.ask(b"e ENABLE CONDSTORE")
        self.other.ask(b"x STORE 1:3 +FLAGS.SILENT (\\Flagged)")
        self.converse("""
            C: a STORE 3 (UNCHANGEDSINCE M06) -FLAGS.SILENT (\\Flagged)
            S: * 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen) MODSEQ (M07))
            S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen) MODSEQ (M07))
            S: * 3 FETCH (UID 3 FLAGS (\\Flagged \\Seen) MODSEQ (M07))
            S: a OK [MODIFIED 3] Some have changed since
            C: b NOOP
            S: b OK NOOP completed
        """)
