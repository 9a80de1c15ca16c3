"""SEARCH and UID SEARCH."""

from datetime import UTC, datetime

from trial_tests.support.transcript import TranscriptTestCase


class SearchTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(
            b"From: Smith <smith@example.com>\r\nTo: fred@example.com\r\nCc: joe@example.com\r\n"
            b"Bcc: hidden@example.com\r\nSubject: Afternoon meeting\r\nX-Kind: important\r\n"
            b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\nHello Joe, at 3:30?\r\n",
            flags=["\\Flagged", "$Work"],
            date=datetime(1994, 2, 8, 1, 0, tzinfo=UTC),
        )
        self.nothing_is_recent()
        self.append(
            "From: J\u00f6rg <joerg@example.com>\r\nSubject: Gr\u00fc\u00dfe\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Date: Tue, 1 Mar 1994 10:00:00 +0000\r\n\r\nSch\u00f6ne Gr\u00fc\u00dfe\r\n".encode(),
            flags=["\\Seen", "\\Answered"],
            date=datetime(1994, 3, 2, tzinfo=UTC),
        )
        self.append(
            b"Subject: big\r\n\r\n" + b"x" * 5000,
            flags=["\\Draft", "\\Deleted"],
            date=datetime(1994, 4, 1, tzinfo=UTC),
        )
        self.client.ask(b"s SELECT INBOX")

    def search(self, keys: str, word: str = "SEARCH") -> list[int]:
        said = self.client.ask(f"a {word} {keys}".encode())
        head, _, rest = said.partition(b"\r\n")
        self.assertTrue(head.startswith(b"* SEARCH"), said)
        self.assertEqual(rest, f"a OK {word} completed\r\n".encode())
        return [int(number) for number in head.split()[2:]]

    def test_every_key_of_the_rfc(self) -> None:
        """RFC 3501 §6.4.4."""
        for keys, found in {
            "ALL": [1, 2, 3],
            "ANSWERED": [2],
            "BCC hidden": [1],
            "BEFORE 8-Feb-1994": [],
            "BEFORE 9-Feb-1994": [1],
            "BODY joe": [1],
            "BODY Subject": [],
            "CC JOE": [1],
            "DELETED": [3],
            "DRAFT": [3],
            "FLAGGED": [1],
            "FROM smith": [1],
            "HEADER X-Kind IMPORT": [1],
            'HEADER X-Kind ""': [1],
            "HEADER X-None x": [],
            "KEYWORD $work": [1],
            "KEYWORD Never": [],
            "LARGER 5000": [3],
            "NEW": [3],
            "NOT SEEN": [1, 3],
            "NOT NOT SEEN": [2],
            "OLD": [1],
            "ON 2-Mar-1994": [2],
            "OR FLAGGED SEEN": [1, 2],
            "OR FLAGGED OR SEEN DRAFT": [1, 2, 3],
            "OR (FLAGGED UNSEEN) (SEEN DRAFT)": [1],
            "RECENT": [2, 3],
            "SEEN": [2],
            "SENTBEFORE 8-Feb-1994": [1],
            "SENTON 7-Feb-1994": [1],
            "SENTON 8-Feb-1994": [],
            "SENTSINCE 8-Feb-1994": [2],
            "SINCE 1-Mar-1994": [2, 3],
            'SINCE "1-Mar-1994"': [2, 3],
            "SMALLER 5000": [1, 2],
            "SUBJECT meeting": [1],
            'SUBJECT "afternoon m"': [1],
            "TEXT 3:30": [1],
            "TEXT x-kind": [1],
            "TO fred": [1],
            "UID 2:3": [2, 3],
            "UID 3:*": [3],
            "UID 99:*": [3],
            "UNANSWERED": [1, 3],
            "UNDELETED": [1, 2],
            "UNDRAFT": [1, 2],
            "UNFLAGGED": [2, 3],
            "UNKEYWORD $Work": [2, 3],
            "UNSEEN": [1, 3],
            "1:2": [1, 2],
            "2,3": [2, 3],
            "*": [3],
            "1:2 UNSEEN": [1],
            "(1:2) (UNSEEN FLAGGED)": [1],
            "NOT 1": [2, 3],
            "2:9": [2, 3],  # RFC 7377 §2: numbers beyond the last name nothing
            "4:9": [],
            "9:*": [3],
            "3:2,1:2": [1, 2, 3],
            "NOT (FLAGGED UNSEEN)": [2, 3],
            "FROM smith NOT SUBJECT meeting": [],
        }.items():
            self.assertEqual(self.search(keys), found, keys)

    def test_by_uid(self) -> None:
        self.client.ask(b"a STORE 3 -FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"a EXPUNGE")
        self.assertEqual(self.search("ALL"), [1, 2])
        self.assertEqual(self.search("ALL", "UID SEARCH"), [2, 3])
        self.assertEqual(self.search("2", "UID SEARCH"), [3])
        self.assertEqual(self.search("UID 2"), [1])

    def test_charsets(self) -> None:
        """RFC 3501 §6.4.4, §7.1: BADCHARSET."""
        for charset, text in [
            ("UTF-8", "GR\u00dc\u00dfE".encode()),
            ("ISO-8859-1", "gr\u00fc\u00dfe".encode("latin-1")),
        ]:
            self.client.send(
                f"a SEARCH CHARSET {charset} SUBJECT {{{len(text)}+}}\r\n".encode() + text + b"\r\n"
            )
            self.assertEqual(self.client.take(), b"* SEARCH 2\r\na OK SEARCH completed\r\n")
        self.converse("""
            C: a SEARCH CHARSET KLINGON ALL
            S: a NO [BADCHARSET (US-ASCII UTF-8)] The charset 'KLINGON' is not known
        """)

    def test_no_charset_is_named_when_all_is_utf_8(self) -> None:
        """RFC 6855 §3."""
        self.client.ask(b"e ENABLE UTF8=ACCEPT")
        self.converse("""
            C: a SEARCH CHARSET UTF-8 ALL
            S: a BAD Strings are UTF-8 since that was enabled
            C: b SORT (DATE) UTF-8 SUBJECT meeting
            S: * SORT 1
            S: b OK SORT completed
        """)

    def test_what_cannot_be(self) -> None:
        for keys in [
            "",
            "NONSENSE",
            "FROM",
            "0",
            "1:0",
            "4294967296",
            "1,,2",
            "BEFORE 31-Feb-1994",
            "BEFORE yesterday",
            "LARGER -1",
            "(ALL",
            "()",
            "OR ALL",
            "NOT",
            "ALL ",
        ]:
            said = self.client.ask(f"a SEARCH {keys}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (keys, said))

    def test_what_is_bounded_is_refused_with_a_code(self) -> None:
        """G36."""
        for keys in ["(" * 60 + "ALL" + ")" * 60, "NOT " * 60 + "ALL", "ALL " * 3000 + "ALL"]:
            said = self.client.ask(f"a SEARCH {keys}".encode())
            self.assertTrue(said.startswith(b"a NO [LIMIT]"), (keys, said))

    def test_long_alternatives_are_not_deep(self) -> None:
        """G36: programs write long lists as nested ORs."""
        keys = "".join(f"OR UID {number} " for number in range(100, 600)) + "UID 2"
        keys = keys.rsplit("OR ", 1)[0] + "OR UID 700 UID 2"
        self.assertEqual(self.search(keys), [2])
        self.assertEqual(self.search("OR " * 500 + "UID 9 " * 499 + "UID 1 UID 2"), [1, 2])
        self.assertEqual(self.search("OR OR 1 SEEN OR NOT ALL OR DRAFT UID 9"), [1, 2, 3])

    def test_no_expunge_is_told(self) -> None:
        """RFC 3501 §7.4.1; by UID it may be. Until it is told, the client has the message."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a EXPUNGE")
        self.converse("""
            C: a SEARCH ALL
            S: * SEARCH 1 2 3
            S: a OK [EXPUNGEISSUED] SEARCH completed
            C: b SEARCH TEXT xxxxx
            S: * SEARCH 3
            S: b OK [EXPUNGEISSUED] SEARCH completed
            C: c SEARCH DRAFT DELETED UNSEEN LARGER 4000 3
            S: * SEARCH 3
            S: c OK [EXPUNGEISSUED] SEARCH completed
            C: d SEARCH OR UNDRAFT SUBJECT small
            S: * SEARCH 1 2
            S: d OK [EXPUNGEISSUED] SEARCH completed
            C: e UID SEARCH ALL
            S: * SEARCH 1 2 3
            S: * 3 EXPUNGE
            S: * 1 RECENT
            S: e OK UID SEARCH completed
            C: f SEARCH TEXT xxxxx
            S: * SEARCH
            S: f OK SEARCH completed
        """)

    def test_an_empty_mailbox(self) -> None:
        self.client.ask(b"c CREATE Empty")
        self.client.ask(b"s SELECT Empty")
        self.converse("""
            C: a SEARCH ALL
            S: * SEARCH
            S: a OK SEARCH completed
            C: b UID SEARCH UID 1:*
            S: * SEARCH
            S: b OK UID SEARCH completed
        """)
