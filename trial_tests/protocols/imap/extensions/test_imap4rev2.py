"""IMAP4rev2 (RFC 9051) once it is enabled, and what stays as it is before."""

from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.transcript import TranscriptTestCase


class IMAP4rev2Tests(TranscriptTestCase):
    def enable(self) -> None:
        self.converse("""
            C: e ENABLE IMAP4rev2
            S: * ENABLED IMAP4rev2
            S: e OK ENABLE completed
        """)

    def test_a_select_is_that_of_the_rfc(self) -> None:
        """RFC 9051 §8 and §6.3.2: LIST, and nothing of what is recent or unseen."""
        self.append(b"Subject: x\r\n\r\n")
        self.enable()
        self.converse("""
            C: a002 select inbox
            S: * FLAGS (...)
            S: * OK [PERMANENTFLAGS ...] ...
            S: * 1 EXISTS
            S: * LIST () "/" INBOX ("OLDNAME" (inbox))
            S: * OK [UIDVALIDITY ...] ...
            S: * OK [UIDNEXT 2] ...
            S: * OK [HIGHESTMODSEQ ...] ...
            S: * OK [MAILBOXID ...] ...
            S: a002 OK [READ-WRITE] SELECT completed
            C: a003 FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS ())
            S: a003 OK FETCH completed
        """)
        self.append(b"Subject: y\r\n\r\n")
        self.converse("""
            C: b NOOP
            S: * 2 EXISTS
            S: b OK NOOP completed
            C: c FETCH 2 FLAGS
            S: * 2 FETCH (FLAGS ())
            S: c OK FETCH completed
        """)

    def test_what_is_recent_goes_when_it_is_enabled_late(self) -> None:
        self.append(b"Subject: x\r\n\r\n")
        self.client.ask(b"s SELECT INBOX")
        self.converse("""
            C: a FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS (\\Recent))
            S: a OK FETCH completed
        """)
        self.enable()
        self.converse("""
            C: b FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS ())
            S: b OK FETCH completed
        """)

    def test_search_answers_with_esearch(self) -> None:
        """RFC 9051 §6.4.4."""
        self.append_some(3)
        self.client.ask(b"s SELECT INBOX")
        self.converse("""
            C: a SEARCH ALL
            S: * SEARCH 1 2 3
            S: a OK SEARCH completed
        """)
        self.enable()
        self.converse("""
            C: b SEARCH ALL
            S: * ESEARCH (TAG "b") ALL 1:3
            S: b OK SEARCH completed
            C: c UID SEARCH SUBJECT nothing
            S: * ESEARCH (TAG "c") UID
            S: c OK UID SEARCH completed
        """)

    def test_names_are_utf8(self) -> None:
        """RFC 9051 §5.1; without ENABLE no quoted string has UTF-8 in it (appendix A)."""
        self.client.ask(b"a CREATE Entw&APw-rfe")
        self.client.ask(b"a CREATE R&-D")
        self.converse("""
            C: b LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Entw&APw-rfe
            S: * LIST (\\HasNoChildren) "/" R&-D
            S: b OK LIST completed
        """)
        self.enable()
        self.converse("""
            C: c LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" "Entw\u00fcrfe"
            S: * LIST (\\HasNoChildren) "/" R&D
            S: c OK LIST completed
            C: d STATUS "Entw\u00fcrfe" (MESSAGES)
            S: * STATUS "Entw\u00fcrfe" (MESSAGES 0)
            S: d OK STATUS completed
            C: e DELETE R&D
            S: e OK DELETE completed
        """)

    def test_a_name_that_is_put_into_nfc_is_told(self) -> None:
        """RFC 9051 §6.3.4: the old name comes with the new one."""
        self.enable()
        self.converse("""
            C: a CREATE "u\u0308ber"
            S: * LIST () "/" "\u00fcber" ("OLDNAME" ("u\u0308ber"))
            S: a OK [MAILBOXID ...] CREATE completed
            C: b CREATE owatagusiam/
            S: b OK [MAILBOXID ...] CREATE completed
        """)

    def test_it_is_not_told_of_without_its_parts(self) -> None:
        self.assertIn(b"IMAP4rev2", self.client.ask(b"a CAPABILITY"))
        smaller = DIALECT.without(b"ESEARCH")
        self.assertFalse(smaller.has(b"IMAP4rev2"))
        self.assertNotIn(b"IMAP4REV2", smaller.enabling)


class UTF8AcceptTests(TranscriptTestCase):
    def test_names_are_utf8_once_it_is_enabled(self) -> None:
        """RFC 6855 §3."""
        self.converse("""
            C: a ENABLE utf8=accept
            S: * ENABLED UTF8=ACCEPT
            S: a OK ENABLE completed
            C: b CREATE "\u65e5\u672c\u8a9e"
            S: b OK [MAILBOXID ...] CREATE completed
            C: c LSUB "" "*"
            S: * LSUB () "/" INBOX
            S: c OK LSUB completed
            C: d LIST "" "\u65e5*"
            S: * LIST (\\HasNoChildren) "/" "\u65e5\u672c\u8a9e"
            S: d OK LIST completed
        """)

    def test_a_message_with_utf8_in_its_header(self) -> None:
        """RFC 6855 §4, also in CATENATE; it is stored as it came."""
        self.client.ask(b"a ENABLE UTF8=ACCEPT")
        self.converse("""
            C: b APPEND INBOX UTF8 (~{15+}
            C: Subject: ä
            C:
            C: )
            S: b OK [APPENDUID ... 1] APPEND completed
            C: c APPEND INBOX CATENATE (UTF8 (~{15+}
            C: Subject: ö
            C:
            C: ) TEXT {1+}
            C: x)
            S: c OK [APPENDUID ... 2] APPEND completed
            C: d APPEND INBOX UTF8 ~{1+}
            C: x
            S: d BAD ...
        """)
        self.client.ask(b"s EXAMINE INBOX")
        self.converse("""
            C: e FETCH 1:2 BODY[]
            S: * 1 FETCH (BODY[] {15}
            S: Subject: ä
            S:
            S: )
            S: * 2 FETCH (BODY[] {16}
            S: Subject: ö
            S:
            S: x)
            S: e OK FETCH completed
        """)

    def test_octets_that_are_no_utf8_are_refused(self) -> None:
        """RFC 6855 §3."""
        self.client.ask(b"a ENABLE UTF8=ACCEPT")
        self.assertTrue(self.client.ask(b'b CREATE "\xff"').startswith(b"b NO [CANNOT]"))
