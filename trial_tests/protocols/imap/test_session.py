"""What all commands have in common."""

from trial_tests.support.transcript import TranscriptTestCase


class SessionTests(TranscriptTestCase):
    def test_answers_noop(self) -> None:
        self.converse("""
            C: a NOOP
            S: a OK NOOP completed
        """)

    def test_select_and_fetch(self) -> None:
        self.append_some(2)
        self.converse("""
            C: a SELECT INBOX
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ...
            S: * 2 EXISTS
            S: * 2 RECENT
            S: * OK [UNSEEN 1] ...
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 3] ...
            S: a OK [READ-WRITE] SELECT completed
            C: b FETCH 1:2 (FLAGS UID)
            S: * 1 FETCH (UID 1 FLAGS (\\Recent))
            S: * 2 FETCH (UID 2 FLAGS (\\Recent))
            S: b OK FETCH completed
            C: c FETCH 2 (BODY[] RFC822.SIZE)
            S: * 2 FETCH (BODY[] {30}
            S: Subject: message 2
            S:
            S: Text 2
            S:  RFC822.SIZE 30 FLAGS (\\Seen \\Recent))
            S: c OK FETCH completed
        """)
