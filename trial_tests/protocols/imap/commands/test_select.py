"""SELECT and EXAMINE."""

from trial_tests.support.transcript import TranscriptTestCase


class SelectTests(TranscriptTestCase):
    def test_describes_the_mailbox(self) -> None:
        """RFC 3501 §6.3.1: FLAGS, EXISTS, RECENT, UNSEEN, PERMANENTFLAGS, UIDNEXT, UIDVALIDITY."""
        self.append(b"Subject: a\r\n\r\n", flags=["\\Seen", "Urgent"])
        self.append(b"Subject: b\r\n\r\n")
        self.converse("""
            C: a SELECT inbox
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Urgent)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Urgent \\*)] ...
            S: * 2 EXISTS
            S: * 2 RECENT
            S: * OK [UNSEEN 2] ...
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 3] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: a OK [READ-WRITE] SELECT completed
        """)

    def test_an_empty_mailbox(self) -> None:
        self.converse("""
            C: a SELECT INBOX
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ...
            S: * 0 EXISTS
            S: * 0 RECENT
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 1] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: a OK [READ-WRITE] SELECT completed
        """)

    def test_a_missing_mailbox_leaves_none_selected(self) -> None:
        """RFC 3501 §6.3.1."""
        self.client.ask(b"a SELECT INBOX")
        self.converse("""
            C: b SELECT Nowhere
            S: * OK [CLOSED] ...
            S: b NO [NONEXISTENT] ...
            C: c FETCH 1 FLAGS
            S: c BAD [CLIENTBUG] FETCH needs a selected mailbox
        """)

    def test_a_name_that_is_none(self) -> None:
        self.converse("""
            C: a SELECT "a//b"
            S: a NO [CANNOT] The name of a mailbox cannot have an empty level
            C: b SELECT "&bad"
            S: b NO [CANNOT] ...
            C: c SELECT ..
            S: c NO [CANNOT] ...
            C: d SELECT
            S: d BAD A space is missing at octet 9 of the command
        """)

    def test_examine_changes_nothing(self) -> None:
        """G34: no \\Seen, no flags, no expunge, and \\Recent stays for others."""
        self.append(b"Subject: a\r\n\r\nText\r\n", flags=["\\Deleted"])
        self.converse("""
            C: a EXAMINE INBOX
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS ()] ...
            S: * 1 EXISTS
            S: * 1 RECENT
            S: * OK [UNSEEN 1] ...
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 2] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: a OK [READ-ONLY] EXAMINE completed
            C: b FETCH 1 BODY[TEXT]
            S: * 1 FETCH (BODY[TEXT] {6}
            S: Text
            S: )
            S: b OK FETCH completed
            C: c STORE 1 +FLAGS (\\Flagged)
            S: c NO [READ-ONLY] ...
            C: d EXPUNGE
            S: d NO [READ-ONLY] ...
            C: e MOVE 1 INBOX
            S: e NO [READ-ONLY] ...
            C: f CLOSE
            S: f OK CLOSE completed
            C: g SELECT INBOX
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ...
            S: * 1 EXISTS
            S: * 1 RECENT
            S: * OK [UNSEEN 1] ...
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 2] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: g OK [READ-WRITE] SELECT completed
            C: h FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS (\\Deleted \\Recent))
            S: h OK FETCH completed
        """)
