"""SEARCH=FUZZY (RFC 6203); what a loose search finds is tested with `sora.mail.fuzzy`."""

from trial_tests.support.transcript import TranscriptTestCase


class FuzzyTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for subject, sender, text in (
            (b"IMAP is broken", b"user@example.com", b"Nothing"),
            (b"Lunch", b"else@example.com", b"It says hello in the text"),
            (b"hello", b"user@example.com", b"hello"),
            (b"broken IMAP", b"user@example.com", b"Nothing"),
        ):
            self.append(
                b"Subject: %b\r\nFrom: %b\r\n\r\n%b\r\n" % (subject, sender, text),
                flags=["\\Seen"],
            )
        self.client.ask(b"s SELECT INBOX")

    def test_the_key(self) -> None:
        """§3: it is looser for what stands behind it, and for nothing else."""
        self.converse("""
            C: A1 SEARCH FUZZY (SUBJECT "IMAP break")
            S: * SEARCH
            S: A1 OK SEARCH completed
            C: A2 SEARCH FUZZY SUBJECT "imap broke" FROM user@example.com
            S: * SEARCH 1 4
            S: A2 OK SEARCH completed
            C: A3 SEARCH SUBJECT "imap broken"
            S: * SEARCH
            S: A3 OK SEARCH completed
            C: A4 SEARCH FUZZY OR 2 SUBJECT "broken imap"
            S: * SEARCH 1 2 4
            S: A4 OK SEARCH completed
            C: A5 SEARCH FUZZY (1:2 SEEN)
            S: * SEARCH 1 2
            S: A5 OK SEARCH completed
        """)

    def test_scores(self) -> None:
        """§4, §6: from 1 to 100, for the messages that are named, in their order."""
        self.converse("""
            C: B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "helo"
            S: * ESEARCH (TAG "B1") ALL 2:3 RELEVANCY (10 10)
            S: B1 OK SEARCH completed
            C: B2 SEARCH RETURN (ALL RELEVANCY) FUZZY TEXT hello
            S: * ESEARCH (TAG "B2") ALL 2:3 RELEVANCY (80 100)
            S: B2 OK SEARCH completed
            C: C1 SORT (RELEVANCY) UTF-8 FUZZY TEXT hello
            S: * SORT 3 2
            S: C1 OK SORT completed
            C: C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT hello
            S: * ESEARCH (TAG "C2") ALL 3,2 RELEVANCY (100 80)
            S: C2 OK SORT completed
            C: C3 SORT RETURN (PARTIAL 1:1 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT hello
            S: * ESEARCH (TAG "C3") PARTIAL (1:1 3) RELEVANCY (100)
            S: C3 OK SORT completed
            C: C4 SORT (REVERSE RELEVANCY) UTF-8 FUZZY TEXT hello
            S: * SORT 2 3
            S: C4 OK SORT completed
            C: B3 SEARCH RETURN (ALL RELEVANCY) FUZZY TEXT nothingatall
            S: * ESEARCH (TAG "B3") RELEVANCY ()
            S: B3 OK SEARCH completed
        """)

    def test_it_needs_a_loose_search(self) -> None:
        """§4, §6."""
        for command in (
            "SEARCH RETURN (RELEVANCY) TEXT x",
            "SORT (RELEVANCY) UTF-8 ALL",
            "SORT RETURN (RELEVANCY) (DATE) UTF-8 ALL",
            "SEARCH FUZZY",
        ):
            said = self.client.ask(f"a {command}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (command, said))
