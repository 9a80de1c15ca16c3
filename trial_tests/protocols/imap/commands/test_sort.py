"""SORT and UID SORT (RFC 5256), with RETURN (ESORT, RFC 5267) and SORT=DISPLAY (RFC 5957)."""

from datetime import UTC, datetime

from trial_tests.support.transcript import TranscriptTestCase

LETTERS = (
    # subject, From, To, Cc, day of Date and of arrival, size
    ("Re: Zebra", '"Amy" <zed@example.com>', "b@example.com", "x@example.com", 5, 1, 10),
    ("apple", "Bob <adam@example.com>", "Carl <a@example.com>", "", 4, 2, 30),
    ("[list] Apple", "carl@example.com", '"Anna" <z@example.com>', "y@example.com", 3, 3, 20),
    ("zebra", '"=?utf-8?q?=C3=89va?=" <mia@example.com>', "", "", 2, 4, 20),
    ("", "", "c@example.com", "", 1, 5, 5),
)


class SortTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for subject, sender, to, cc, sent, arrived, size in LETTERS:
            fields = {"Subject": subject, "From": sender, "To": to, "Cc": cc}
            lines = [f"{name}: {value}" for name, value in fields.items() if value]
            lines.append(f"Date: {sent} May 2026 10:00:00 +0000")
            head = "".join(line + "\r\n" for line in lines).encode() + b"\r\n"
            self.append(
                head + b"x" * (size + 300 - len(head)),
                flags=["\\Seen"],
                date=datetime(2026, 6, arrived, tzinfo=UTC),
            )
        self.nothing_is_recent()
        self.client.ask(b"s SELECT INBOX")

    def sort(self, keys: str, word: str = "SORT") -> list[int]:
        said = self.client.ask(f"a {word} {keys}".encode())
        head, _, rest = said.partition(b"\r\n")
        self.assertTrue(head.startswith(b"* SORT"), said)
        self.assertEqual(rest, f"a OK {word} completed\r\n".encode())
        return [int(number) for number in head.split()[2:]]

    def test_each_key(self) -> None:
        """RFC 5256 §3: what is equal stays in the order of the mailbox, also in reverse."""
        for keys, order in {
            "ARRIVAL": [1, 2, 3, 4, 5],
            "REVERSE ARRIVAL": [5, 4, 3, 2, 1],
            "CC": [2, 4, 5, 1, 3],
            "DATE": [5, 4, 3, 2, 1],
            "FROM": [5, 2, 3, 4, 1],
            "SIZE": [5, 1, 3, 4, 2],
            "REVERSE SIZE": [2, 3, 4, 1, 5],
            "SUBJECT": [5, 2, 3, 1, 4],
            "REVERSE SUBJECT": [1, 4, 2, 3, 5],
            "SUBJECT REVERSE DATE": [5, 2, 3, 1, 4],
            "SUBJECT DATE": [5, 3, 2, 4, 1],
            "reverse subject reverse date": [1, 4, 2, 3, 5],
            "TO": [4, 2, 1, 5, 3],
            "DISPLAYFROM": [5, 1, 2, 3, 4],
            "DISPLAYTO": [4, 3, 1, 5, 2],
        }.items():
            self.assertEqual(self.sort(f"({keys}) UTF-8 ALL"), order, keys)

    def test_only_what_is_searched_for(self) -> None:
        self.converse("""
            C: A282 SORT (SUBJECT) UTF-8 SINCE 2-Jun-2026
            S: * SORT 5 2 3 4
            S: A282 OK SORT completed
            C: A283 SORT (SUBJECT REVERSE DATE) UTF-8 2:4
            S: * SORT 2 3 4
            S: A283 OK SORT completed
            C: A284 SORT (SUBJECT) US-ASCII TEXT "not in mailbox"
            S: * SORT
            S: A284 OK SORT completed
            C: A285 SORT (SUBJECT) "utf-8" ANSWERED
            S: * SORT
            S: A285 OK SORT completed
        """)

    def test_by_uid(self) -> None:
        self.client.ask(b"x STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.client.ask(b"x EXPUNGE")
        self.assertEqual(self.sort("(DATE) UTF-8 ALL"), [4, 3, 2, 1])
        self.assertEqual(self.sort("(DATE) UTF-8 1:2", "UID SORT"), [3, 2])

    def test_returns(self) -> None:
        """RFC 5267 §3: MIN and MAX are the ends of the order; ranges only ascend."""
        self.converse("""
            C: E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED
            S: * ESEARCH (TAG "E01") UID ALL 1:5
            S: E01 OK UID SORT completed
            C: E02 SORT RETURN (COUNT MIN MAX ALL) (DATE) UTF-8 ALL
            S: * ESEARCH (TAG "E02") MIN 5 MAX 1 ALL 5,4,3,2,1 COUNT 5
            S: E02 OK SORT completed
            C: E03 SORT RETURN (MIN ALL COUNT) (DATE) UTF-8 ANSWERED
            S: * ESEARCH (TAG "E03") COUNT 0
            S: E03 OK SORT completed
            C: E04 SORT RETURN (SAVE MIN) (SUBJECT) UTF-8 1:4
            S: * ESEARCH (TAG "E04") MIN 2
            S: E04 OK SORT completed
            C: E05 SORT (SUBJECT) UTF-8 $
            S: * SORT 2
            S: E05 OK SORT completed
            C: E06 SORT RETURN (SAVE) (SUBJECT) UTF-8 2:4
            S: E06 OK SORT completed
            C: E07 SEARCH $
            S: * SEARCH 2 3 4
            S: E07 OK SEARCH completed
            C: E08 SORT RETURN (SAVE) (SUBJECT) KLINGON ALL
            S: E08 NO [BADCHARSET (US-ASCII UTF-8)] The charset 'KLINGON' is not known
            C: E09 SEARCH $
            S: * SEARCH
            S: E09 OK SEARCH completed
        """)

    def test_no_expunge_is_told_but_by_uid(self) -> None:
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"a EXPUNGE")
        self.append(b"\r\n", flags=["\\Seen"])
        self.converse("""
            C: a SORT (REVERSE ARRIVAL) UTF-8 ALL
            S: * SORT 5 4 3 2 1
            S: a OK [EXPUNGEISSUED] SORT completed
            C: b UID SORT (REVERSE ARRIVAL) UTF-8 ALL
            S: * SORT 5 4 3 2 1
            S: * 2 EXPUNGE
            S: * 5 EXISTS
            S: * 1 RECENT
            S: b OK UID SORT completed
            C: c SORT (REVERSE ARRIVAL) UTF-8 ALL
            S: * SORT 5 4 3 2 1
            S: c OK SORT completed
        """)

    def test_one_round_trip_at_most(self) -> None:
        statements = self.server.storage.tables.statements
        for command, cost in (
            (b"SORT (SUBJECT) UTF-8 UNSEEN", 0),
            (b"SORT (SUBJECT) UTF-8 SEEN", 1),
            (b"UID SORT RETURN (ALL COUNT) (SIZE DATE) UTF-8 SUBJECT apple", 1),
            (b"THREAD REFERENCES UTF-8 ALL", 1),
            (b"THREAD REFS UTF-8 UNSEEN", 0),
        ):
            before = sum(statements.values())
            self.assertIn(b" completed", self.client.ask(b"a " + command))
            self.assertEqual(sum(statements.values()) - before, cost, command)

    def test_what_cannot_be(self) -> None:
        for arguments in (
            "",
            "()",
            "() UTF-8 ALL",
            "(SUBJECT)",
            "(SUBJECT) UTF-8",
            "(SUBJECT) ALL",
            "(REVERSE) UTF-8 ALL",
            "(REVERSE REVERSE DATE) UTF-8 ALL",
            "(NONSENSE) UTF-8 ALL",
            "(RELEVANT) UTF-8 ALL",
            "SUBJECT UTF-8 ALL",
            "(SUBJECT) CHARSET UTF-8 ALL",
            "RETURN (NONSENSE) (SUBJECT) UTF-8 ALL",
            "(SUBJECT) RETURN () UTF-8 ALL",
        ):
            said = self.client.ask(f"a SORT {arguments}".encode())
            self.assertRegex(said, rb"^a (BAD|NO \[BADCHARSET)", arguments)
        said = self.client.ask(b"a SORT (" + b"DATE " * 30 + b"DATE) UTF-8 ALL")
        self.assertTrue(said.startswith(b"a NO [LIMIT]"), said)


class FilteredTests(TranscriptTestCase):
    """What builds on SORT goes with it."""

    dialect = TranscriptTestCase.dialect.without(b"ESORT", b"SORT=DISPLAY")

    def test_it_is_not_understood(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        for command in (b"SORT RETURN () (DATE) UTF-8 ALL", b"SORT (DISPLAYFROM) UTF-8 ALL"):
            self.assertTrue(self.client.ask(b"a " + command).startswith(b"a BAD "), command)
        without = self.dialect.without(b"SORT")
        self.assertNotIn(b"SORT", without.commands)
        self.assertFalse(TranscriptTestCase.dialect.without(b"SORT").has(b"ESORT"))
