"""STORE and UID STORE."""

from trial_tests.support.transcript import TranscriptTestCase


class StoreTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for _ in range(4):
            self.append(b"Subject: x\r\n\r\n", flags=["\\Seen"])
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")

    def test_the_example_of_the_rfc(self) -> None:
        """RFC 3501 §6.4.6."""
        self.converse("""
            C: A003 STORE 2:4 +FLAGS (\\Deleted)
            S: * 2 FETCH (FLAGS (\\Deleted \\Seen))
            S: * 3 FETCH (FLAGS (\\Deleted \\Seen))
            S: * 4 FETCH (FLAGS (\\Deleted \\Seen))
            S: A003 OK STORE completed
            C: b STORE 2 -FLAGS \\Seen \\Deleted
            S: * 2 FETCH (FLAGS ())
            S: b OK STORE completed
            C: c STORE 2 FLAGS (\\Flagged Work work)
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)
            S: * OK [PERMANENTFLAGS ...] ...
            S: * 2 FETCH (FLAGS (\\Flagged Work))
            S: c OK STORE completed
        """)

    def test_by_uid_the_answer_has_uids(self) -> None:
        """RFC 3501 §6.4.8; UIDs that are not there are passed over."""
        self.converse("""
            C: a UID STORE 4,77 FLAGS (\\Draft)
            S: * 4 FETCH (UID 4 FLAGS (\\Draft))
            S: a OK UID STORE completed
            C: b UID STORE 77 FLAGS (\\Draft)
            S: b OK UID STORE completed
        """)

    def test_silent_says_nothing_now_or_later(self) -> None:
        self.converse("""
            C: a STORE 1:* +FLAGS.SILENT (\\Answered)
            S: a OK STORE completed
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_another_session_is_told(self) -> None:
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        self.client.ask(b"a STORE 1 +FLAGS.SILENT (\\Answered)")
        self.converse(
            """
            C: b NOOP
            S: * 1 FETCH (UID 1 FLAGS (\\Answered \\Seen))
            S: b OK NOOP completed
        """,
            other,
        )

    def test_what_cannot_be(self) -> None:
        self.converse("""
            C: a STORE 5 +FLAGS (\\Seen)
            S: a BAD There is no message 5: there are 4
            C: b STORE 0 +FLAGS (\\Seen)
            S: b BAD ...
            C: c STORE 1 +FLAGS (\\Nonsense)
            S: c BAD ...
            C: d STORE 1 FLAGS
            S: d BAD ...
            C: e STORE 1 +FLAGS (\\Seen
            S: e BAD ...
            C: f STORE 4294967296 +FLAGS (\\Seen)
            S: f BAD ...
        """)

    def test_a_keyword_that_no_message_can_have(self) -> None:
        """G33, RFC 5530 §3: it is well formed, and refused all the same, whatever is with it."""
        self.converse("""
            C: a STORE 1 +FLAGS NIL
            S: a NO [CANNOT] No message can have the keyword NIL
            C: b UID STORE 1:2 FLAGS.SILENT (\\Seen Nil)
            S: b NO [CANNOT] No message can have the keyword NIL
            C: c STORE 1 -FLAGS NILS
            S: * 1 FETCH (FLAGS (\\Seen))
            S: c OK STORE completed
            C: d SEARCH KEYWORD NIL
            S: * SEARCH
            S: d OK SEARCH completed
        """)

    def test_recent_cannot_be_set(self) -> None:
        """RFC 3501 §2.3.2."""
        self.converse("""
            C: a STORE 1 FLAGS (\\Recent)
            S: * 1 FETCH (FLAGS ())
            S: a OK STORE completed
        """)

    def test_pipelined_commands_are_answered_in_order(self) -> None:
        self.converse("""
            C: a STORE 1 +FLAGS (\\Flagged)
            C: b FETCH 1 FLAGS
            C: c NOOP
            C: d STORE 1 -FLAGS.SILENT (\\Flagged)
            C: e FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS (\\Flagged \\Seen))
            S: a OK STORE completed
            S: * 1 FETCH (FLAGS (\\Flagged \\Seen))
            S: b OK FETCH completed
            S: c OK NOOP completed
            S: d OK STORE completed
            S: * 1 FETCH (FLAGS (\\Seen))
            S: e OK FETCH completed
        """)

    def test_silence_is_about_its_own_change_alone(self) -> None:
        """RFC 3501 §6.4.6: what somebody else has changed too is told."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1 +FLAGS (\\Answered)")
        self.converse("""
            C: a STORE 1:2 +FLAGS.SILENT (\\Draft)
            S: * 1 FETCH (UID 1 FLAGS (\\Answered \\Seen \\Draft))
            S: a OK STORE completed
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_an_expunge_waits_until_numbers_may_change(self) -> None:
        """G25, G27 and RFC 3501 §7.4.1: none during STORE by numbers; the right messages. What
        is answered for those that are gone: RFC 2180 §4.2."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"b EXPUNGE")
        self.append_some(1)
        self.converse("""
            C: a STORE 2 FLAGS (\\Flagged)
            S: * 2 FETCH (FLAGS (\\Flagged))
            S: a OK STORE completed
            C: b STORE 1:2 +FLAGS (\\Draft)
            S: * 2 FETCH (FLAGS (\\Flagged \\Draft))
            S: b NO [EXPUNGEISSUED] Some of the messages have been deleted.
            C: b1 STORE 1:2 +FLAGS.SILENT (\\Draft)
            S: b1 OK [EXPUNGEISSUED] Some of the messages have been deleted
            C: c UID STORE 2 FLAGS ()
            S: * 2 FETCH (UID 2 FLAGS ())
            S: * 1 EXPUNGE
            S: * 4 EXISTS
            S: * 1 RECENT
            S: c OK UID STORE completed
        """)
