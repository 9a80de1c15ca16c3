"""PARTIAL (RFC 9394), of SEARCH, SORT and UID FETCH."""

from trial_tests.support.transcript import TranscriptTestCase


class PartialSearchTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for number in range(1, 13):
            self.append(
                b"Subject: %c\r\n\r\n" % (96 + number),
                flags=["\\Seen", *(["\\Deleted"] if number in (3, 8) else [])],
            )
        self.client.ask(b"s SELECT INBOX")

    def test_pages_from_either_end(self) -> None:
        """§3.1: the range as it was written; what does not exist is left out, or NIL."""
        for asked, given in {
            "1:5": "1:2,4:6",
            "5:1": "1:2,4:6",
            "6:10": "7,9:12",
            "9:50": "11:12",
            "11:20": "NIL",
            "1:4294967295": "1:2,4:7,9:12",
            "2:2": "2",
            "-1:-3": "10:12",
            "-3:-1": "10:12",
            "-9:-20": "1:2",
            "-11:-20": "NIL",
            "-1:-1": "12",
        }.items():
            shown = "1:5" if asked == "5:1" else asked
            self.converse(f"""
                C: A01 UID SEARCH RETURN (PARTIAL {asked}) UNDELETED
                S: * ESEARCH (TAG "A01") UID PARTIAL ({shown} {given})
                S: A01 OK UID SEARCH completed
            """)

    def test_with_other_options(self) -> None:
        self.client.ask(b"x EXPUNGE")
        self.converse("""
            C: a SEARCH RETURN (PARTIAL 2:3 MIN MAX COUNT) NOT 1
            S: * ESEARCH (TAG "a") PARTIAL (2:3 3:4) MIN 2 MAX 10 COUNT 9
            S: a OK SEARCH completed
            C: b UID SORT RETURN (PARTIAL -1:-2 COUNT) (REVERSE SUBJECT) UTF-8 ALL
            S: * ESEARCH (TAG "b") UID PARTIAL (-1:-2 2,1) COUNT 10
            S: b OK UID SORT completed
            C: c SEARCH RETURN (PARTIAL 1:2) ANSWERED
            S: * ESEARCH (TAG "c") PARTIAL (1:2 NIL)
            S: c OK SEARCH completed
        """)

    def test_what_is_saved(self) -> None:
        """§3.2, table 1."""
        for returns, kept in {
            "PARTIAL 3:4": "4:5",
            "PARTIAL 3:4 MIN": "1,4:5",
            "PARTIAL 3:4 MAX": "4:5,12",
            "PARTIAL 3:4 MIN MAX": "1,4:5,12",
            "PARTIAL 3:4 COUNT": "1:2,4:7,9:12",
            "PARTIAL 3:4 COUNT MIN": "1:2,4:7,9:12",
        }.items():
            self.client.ask(f"a SEARCH RETURN (SAVE {returns}) UNDELETED".encode())
            self.converse(f"""
                C: b SEARCH RETURN () $
                S: * ESEARCH (TAG "b") ALL {kept}
                S: b OK SEARCH completed
            """)

    def test_what_cannot_be(self) -> None:
        for returns in (
            "PARTIAL",
            "PARTIAL 1",
            "PARTIAL 0:5",
            "PARTIAL 1:*",
            "PARTIAL *",
            "PARTIAL -1:5",
            "PARTIAL 1:-5",
            "PARTIAL 1:5,7:8",
            "PARTIAL 1:4294967296",
            "PARTIAL 1:5 ALL",
            "ALL PARTIAL 1:5",
            "PARTIAL 1:5 PARTIAL 6:7",
        ):
            said = self.client.ask(f"a SEARCH RETURN ({returns}) ALL".encode())
            self.assertTrue(said.startswith(b"a BAD "), (returns, said))


class PartialFetchTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append_some(8)
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"s STORE 1:* FLAGS.SILENT (\\Seen)")

    def test_a_page_of_the_set(self) -> None:
        """§3.3."""
        self.converse("""
            C: 10 UID FETCH 2:7 (UID FLAGS) (PARTIAL -1:-2)
            S: * 6 FETCH (UID 6 FLAGS (\\Seen \\Recent))
            S: * 7 FETCH (UID 7 FLAGS (\\Seen \\Recent))
            S: 10 OK UID FETCH completed
            C: 11 UID FETCH 2:7 UID (PARTIAL 1:2)
            S: * 2 FETCH (UID 2)
            S: * 3 FETCH (UID 3)
            S: 11 OK UID FETCH completed
            C: 12 UID FETCH 2:7 UID (PARTIAL 7:9)
            S: 12 OK UID FETCH completed
            C: 13 UID SEARCH RETURN (SAVE) 1:4
            C: 14 UID FETCH $ UID (PARTIAL -1:-1)
            S: 13 OK UID SEARCH completed
            S: * 4 FETCH (UID 4)
            S: 14 OK UID FETCH completed
        """)

    def test_the_page_is_cut_before_changes_are_looked_for(self) -> None:
        """§3.4, in either order."""
        self.client.ask(b"a FETCH 1 MODSEQ")
        said = self.client.ask(b"a STORE 6 +FLAGS.SILENT (\\Flagged)")
        modseq = int(said.partition(b"MODSEQ (")[2].partition(b")")[0]) - 1
        self.client.ask(b"a STORE 2 +FLAGS.SILENT (\\Flagged)")
        for modifiers in (
            f"PARTIAL -1:-4 CHANGEDSINCE {modseq}",
            f"CHANGEDSINCE {modseq} PARTIAL -1:-4",
        ):
            self.converse(f"""
                C: b UID FETCH 1:* UID ({modifiers})
                S: * 6 FETCH (MODSEQ (...) UID 6)
                S: b OK UID FETCH completed
            """)

    def test_what_cannot_be(self) -> None:
        for command in (
            "FETCH 1:* UID (PARTIAL 1:2)",
            "UID FETCH 1:* UID (PARTIAL)",
            "UID FETCH 1:* UID (PARTIAL 0:1)",
            "UID FETCH 1:* UID (PARTIAL 1:2 PARTIAL 1:2)",
        ):
            said = self.client.ask(f"a {command}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (command, said))
