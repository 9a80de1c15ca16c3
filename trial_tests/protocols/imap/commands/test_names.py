"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS."""

from trial_tests.support.transcript import TranscriptTestCase


class NamesTests(TranscriptTestCase):
    def test_creates_with_superiors(self) -> None:
        """RFC 3501 §6.3.3; G38: a trailing delimiter."""
        self.converse("""
            C: a CREATE Work/2026/
            S: a OK [MAILBOXID ...] CREATE completed
            C: b CREATE Work
            S: b NO [ALREADYEXISTS] ...
            C: c CREATE inbox
            S: c NO [ALREADYEXISTS] ...
            C: d CREATE "&AOQ-rger"
            S: d OK [MAILBOXID ...] CREATE completed
            C: e STATUS "&AOQ-rger" (MESSAGES)
            S: * STATUS &AOQ-rger (MESSAGES 0)
            S: e OK STATUS completed
            C: f CREATE a//b
            S: f NO [CANNOT] ...
            C: g CREATE "a\\\\b \\"c\\""
            S: g OK [MAILBOXID ...] CREATE completed
            C: h STATUS "a\\\\b \\"c\\"" (UNSEEN)
            S: * STATUS "a\\\\b \\"c\\"" (UNSEEN 0)
            S: h OK STATUS completed
        """)

    def test_special_use(self) -> None:
        """RFC 6154 §3, §5.3."""
        self.converse("""
            C: a CREATE Sent (USE (\\Sent))
            S: a OK [MAILBOXID ...] CREATE completed
            C: b CREATE More (USE (\\Sent))
            S: b NO [USEATTR] ...
            C: c CREATE More (USE (\\Nonsense))
            S: c NO [USEATTR] ...
            C: d CREATE More (USE (\\Drafts \\Junk))
            S: d NO [USEATTR] ...
            C: e CREATE More (USE ())
            S: e OK [MAILBOXID ...] CREATE completed
            C: f CREATE Other (NONSENSE)
            S: f BAD ...
        """)

    def test_deletes(self) -> None:
        """RFC 3501 §6.3.4."""
        self.client.ask(b"a CREATE foo/bar")
        self.converse("""
            C: a DELETE INBOX
            S: a NO [CANNOT] INBOX cannot be deleted
            C: b DELETE Nowhere
            S: b NO [NONEXISTENT] ...
            C: c DELETE foo
            S: c NO [HASCHILDREN] ...
            C: d DELETE foo/bar
            S: d OK DELETE completed
            C: e DELETE foo
            S: e OK DELETE completed
        """)

    def test_a_session_that_deletes_its_mailbox_goes_on(self) -> None:
        self.client.ask(b"a CREATE foo")
        self.client.ask(b"a SELECT foo")
        other = self.new_client()
        other.ask(b"a SELECT foo")
        self.converse("""
            C: a DELETE foo
            S: a OK DELETE completed
            C: b FETCH 1 FLAGS
            S: b BAD [CLIENTBUG] ...
        """)
        self.converse(
            """
            C: a NOOP
            S: * BYE The selected mailbox was deleted
            S: a OK NOOP completed
        """,
            other,
        )
        self.assertTrue(other.is_hung_up_on)

    def test_renames(self) -> None:
        """RFC 3501 §6.3.5."""
        self.client.ask(b"a CREATE foo/bar")
        self.append_some(1)
        self.converse("""
            C: a RENAME foo zap
            S: a OK RENAME completed
            C: b STATUS zap/bar (MESSAGES)
            S: * STATUS zap/bar (MESSAGES 0)
            S: b OK STATUS completed
            C: c RENAME foo zip
            S: c NO [NONEXISTENT] ...
            C: d RENAME zap INBOX
            S: d NO [ALREADYEXISTS] ...
            C: e RENAME zap zap/below
            S: e NO [CANNOT] ...
            C: f RENAME INBOX old-mail
            S: f OK RENAME completed
            C: g STATUS old-mail (MESSAGES)
            S: * STATUS old-mail (MESSAGES 1)
            S: g OK STATUS completed
            C: h STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: h OK STATUS completed
        """)

    def test_whoever_has_inbox_open_is_told_when_its_messages_go(self) -> None:
        """RFC 3501 §6.3.5, also when names were forgotten because of another rename."""
        self.append_some(2)
        self.client.ask(b"a CREATE other")
        self.client.ask(b"a EXAMINE INBOX")
        self.converse("""
            C: b RENAME other another
            S: b OK RENAME completed
            C: c RENAME INBOX old-mail
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: * 0 RECENT
            S: c OK RENAME completed
        """)

    def test_subscribes(self) -> None:
        self.converse("""
            C: a SUBSCRIBE INBOX
            S: a OK SUBSCRIBE completed
            C: b SUBSCRIBE Nowhere
            S: b NO [NONEXISTENT] ...
            C: c UNSUBSCRIBE INBOX
            S: c OK UNSUBSCRIBE completed
            C: d UNSUBSCRIBE INBOX
            S: d OK UNSUBSCRIBE completed
        """)

    def test_status(self) -> None:
        """RFC 3501 §6.3.10."""
        self.append_some(2)
        self.append(b"Subject: x\r\n\r\n", flags=["\\Seen"])
        self.converse("""
            C: a STATUS inbox (UIDNEXT MESSAGES UNSEEN RECENT UIDVALIDITY)
            S: * STATUS INBOX (UIDNEXT 4 MESSAGES 3 UNSEEN 2 RECENT 2 UIDVALIDITY ...)
            S: a OK STATUS completed
            C: b STATUS Nowhere (MESSAGES)
            S: b NO [NONEXISTENT] ...
            C: c STATUS INBOX (NONSENSE)
            S: c BAD NONSENSE is not an item of STATUS
            C: d STATUS INBOX ()
            S: d BAD ...
        """)
