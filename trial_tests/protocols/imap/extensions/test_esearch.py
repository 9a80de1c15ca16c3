"""ESEARCH (RFC 4731)."""

from datetime import UTC, datetime

from trial_tests.protocols.imap.extensions.modseqs import ModSeqTestCase
from trial_tests.support.transcript import TranscriptTestCase


class ESearchTests(TranscriptTestCase):
    """The examples of RFC 4731 §3, on a mailbox that has what they find."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(1, 13):
            self.append(
                b"From: %b\r\n\r\n" % (b"Smith" if number == 5 else b"Jones"),
                flags=["\\Flagged"] if number in (2, 5, 10, 11) else ["\\Deleted"],
                date=datetime(1994, 2, 1, tzinfo=UTC),
            )
        self.client.ask(b"s SELECT INBOX")

    def test_exactly_what_was_asked_for(self) -> None:
        """G31."""
        self.converse("""
            C: A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
            S: * ESEARCH (TAG "A282") MIN 2 COUNT 3
            S: A282 OK SEARCH completed
            C: A283 SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
            S: * ESEARCH (TAG "A283") ALL 2,10:11
            S: A283 OK SEARCH completed
            C: A284 SEARCH RETURN (MIN) UNDELETED
            S: * ESEARCH (TAG "A284") MIN 2
            S: A284 OK SEARCH completed
            C: A286 SEARCH RETURN (COUNT) DELETED
            S: * ESEARCH (TAG "A286") COUNT 8
            S: A286 OK SEARCH completed
            C: a search return (count all max min) 2:4
            S: * ESEARCH (TAG "a") MIN 2 MAX 4 ALL 2:4 COUNT 3
            S: a OK SEARCH completed
        """)

    def test_uids(self) -> None:
        self.client.ask(b"a EXPUNGE")
        self.converse("""
            C: A285 UID SEARCH RETURN (MIN MAX) 1:5000
            S: * ESEARCH (TAG "A285") UID MIN 2 MAX 11
            S: A285 OK UID SEARCH completed
            C: a SEARCH RETURN (MIN MAX ALL) UID 5:*
            S: * ESEARCH (TAG "a") MIN 2 MAX 4 ALL 2:4
            S: a OK SEARCH completed
            C: b UID SEARCH RETURN () 2:*
            S: * ESEARCH (TAG "b") UID ALL 5,10:11
            S: b OK UID SEARCH completed
        """)

    def test_nothing_found(self) -> None:
        """§3.1: no MIN, MAX or ALL, but always a response, and a COUNT that was asked for."""
        for form in ("SEARCH", "UID SEARCH"):
            uid = " UID" * (form != "SEARCH")
            self.converse(f"""
                C: a {form} RETURN (MIN MAX ALL COUNT) ANSWERED
                S: * ESEARCH (TAG "a"){uid} COUNT 0
                S: a OK {form} completed
                C: b {form} RETURN () ANSWERED
                S: * ESEARCH (TAG "b"){uid}
                S: b OK {form} completed
            """)

    def test_what_cannot_be(self) -> None:
        for arguments in (
            "RETURN",
            "RETURN ALL",
            "RETURN ()",
            "RETURN (ALL)",
            "RETURN(ALL) ALL",
            "RETURN (ALL ALL) ALL",
            "RETURN (NONSENSE) ALL",
            "RETURN (MIN COUNT ALL",
            "RETURN (MIN 1) ALL",
        ):
            said = self.client.ask(f"a SEARCH {arguments}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (arguments, said))


class ModSeqTests(ModSeqTestCase):
    """RFC 4731 §3.2: the highest modseq of the messages that are named or counted."""

    def test_what_it_is_the_highest_of(self) -> None:
        self.client.ask(b"e ENABLE CONDSTORE")
        self.client.ask(b"x STORE 2,5 +FLAGS.SILENT (\\Flagged)")  # 07
        self.client.ask(b"x STORE 4 +FLAGS.SILENT (\\Flagged)")  # 08
        for returns, said in {
            "MIN": "MIN 2 MODSEQ M07",
            "MAX": "MAX 6 MODSEQ M06",
            "MIN MAX": "MIN 2 MAX 6 MODSEQ M07",
            "MIN COUNT": "MIN 2 COUNT 5 MODSEQ M08",
            "": "ALL 2:6 MODSEQ M08",
            "PARTIAL 1:2": "PARTIAL (1:2 2:3) MODSEQ M07",
        }.items():
            self.converse(f"""
                C: a1 SEARCH RETURN ({returns}) MODSEQ "/flags/\\\\draft" all 1 NOT 1
                S: * ESEARCH (TAG "a1") {said}
                S: a1 OK SEARCH completed
            """)
        self.converse("""
            C: a2 SEARCH RETURN (MIN COUNT) MODSEQ M99
            S: * ESEARCH (TAG "a2") COUNT 0
            S: a2 OK SEARCH completed
            C: a3 SEARCH RETURN (MAX) NOT 1
            S: * ESEARCH (TAG "a3") MAX 6
            S: a3 OK SEARCH completed
        """)


class FilteredTests(TranscriptTestCase):
    """A client that must not be told of it."""

    dialect = TranscriptTestCase.dialect.without(b"ESEARCH")

    def test_it_is_not_understood(self) -> None:
        self.assertFalse(self.dialect.has(b"SEARCHRES"))
        self.client.ask(b"s SELECT INBOX")
        self.converse("""
            C: a SEARCH RETURN () ALL
            S: a BAD RETURN is not a search key at octet 10 of the command
        """)
