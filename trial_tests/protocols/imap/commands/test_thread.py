"""THREAD and UID THREAD (RFC 5256 §3, §4); the algorithms are tested as pure functions."""

from trial_tests.support.transcript import TranscriptTestCase

LETTERS = (
    # id, references, subject, day it was sent
    ("a@x", "", "Lunch", 1),
    ("b@x", "", "Dinner", 2),
    ("c@x", "<a@x>", "Re: Lunch", 3),
    ("d@x", "<a@x> <c@x>", "Re: Lunch", 4),
    ("e@x", '<a@x> <"c"@x>', "Re: Lunch", 5),
    ("f@x", "", "Re: Dinner", 6),
    ("g@x", "<gone@x>", "Breakfast", 8),
    ("h@x", "<gone@x>", "Breakfast", 7),
)


class ThreadTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for own, references, subject, sent in LETTERS:
            self.append(
                (
                    f"Message-ID: <{own}>\r\nSubject: {subject}\r\n"
                    + f"References: {references}\r\n" * bool(references)
                    + f"Date: {sent} May 2026 10:00:00 +0000\r\n\r\nHello\r\n"
                ).encode(),
                flags=["\\Seen"],
            )
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")

    def test_each_algorithm(self) -> None:
        self.converse("""
            C: A283 THREAD ORDEREDSUBJECT UTF-8 ALL
            S: * THREAD (1 (3)(4)(5))(2 6)(8 7)
            S: A283 OK THREAD completed
            C: A284 THREAD ORDEREDSUBJECT US-ASCII TEXT "gewp"
            S: * THREAD
            S: A284 OK THREAD completed
            C: A285 THREAD REFERENCES UTF-8 ALL
            S: * THREAD (1 3 (4)(5))(2 6)((8)(7))
            S: A285 OK THREAD completed
            C: A286 THREAD REFS UTF-8 ALL
            S: * THREAD (2)(1 3 (4)(5))(6)((8)(7))
            S: A286 OK THREAD completed
            C: A287 thread refs utf-8 unseen
            S: * THREAD
            S: A287 OK THREAD completed
        """)

    def test_by_uid_and_of_some(self) -> None:
        """What is not searched for is a dummy."""
        self.client.ask(b"x STORE 2 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x EXPUNGE")
        self.converse("""
            C: a UID THREAD REFERENCES UTF-8 NOT 1
            S: * THREAD (3 (4)(5))(6)((8)(7))
            S: a OK UID THREAD completed
            C: b THREAD REFERENCES UTF-8 NOT 1:2
            S: * THREAD ((3)(4))(5)((7)(6))
            S: b OK THREAD completed
        """)

    def test_no_expunge_is_told_but_by_uid(self) -> None:
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 3 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"a EXPUNGE")
        self.append(b"Subject: new\r\n\r\n", flags=["\\Seen"])
        self.converse("""
            C: a THREAD REFERENCES UTF-8 1:6
            S: * THREAD (1 3 (4)(5))(2 6)
            S: a OK THREAD completed
            C: b UID THREAD ORDEREDSUBJECT UTF-8 UID 6:*
            S: * THREAD (6)(8 7)
            S: * 3 EXPUNGE
            S: * 8 EXISTS
            S: * 1 RECENT
            S: b OK UID THREAD completed
        """)

    def test_many_messages(self) -> None:
        """They are threaded beside the reactor."""
        self.client.ask(b"c CREATE Large")
        for number in range(2100):
            self.append(b"Subject: %d\r\n\r\n" % (number // 2), "Large", ["\\Seen"])
        self.client.ask(b"s SELECT Large")
        said = self.client.ask(b"a UID THREAD ORDEREDSUBJECT UTF-8 ALL")
        threads = b"".join(b"(%d %d)" % (first, first + 1) for first in range(1, 2100, 2))
        self.assertEqual(said, b"* THREAD " + threads + b"\r\na OK UID THREAD completed\r\n")

    def test_what_cannot_be(self) -> None:
        for arguments in (
            "",
            "REFERENCES",
            "REFERENCES UTF-8",
            "NONSENSE UTF-8 ALL",
            "REFERENCES UTF-8 NONSENSE",
            "RETURN () REFERENCES UTF-8 ALL",
        ):
            said = self.client.ask(f"a THREAD {arguments}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (arguments, said))
        self.converse("""
            C: a THREAD REFERENCES KLINGON ALL
            S: a NO [BADCHARSET (US-ASCII UTF-8)] The charset 'KLINGON' is not known
        """)


class FilteredTests(TranscriptTestCase):
    dialect = TranscriptTestCase.dialect.without(b"THREAD=REFS")

    def test_it_is_not_understood(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        self.assertIn(b"BAD", self.client.ask(b"a THREAD REFS UTF-8 ALL"))
        self.assertIn(b"OK", self.client.ask(b"a THREAD REFERENCES UTF-8 ALL"))
