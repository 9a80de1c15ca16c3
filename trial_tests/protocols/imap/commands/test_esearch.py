"""ESEARCH (MULTISEARCH, RFC 7377)."""

from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase

MAILBOXES = ("folder1", "folder2", "folder2/banana", "folder2/peach", "folder2/peach/stone")


class ESearchTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in MAILBOXES:
            self.client.ask(f"c CREATE {name}".encode())
        for name, subjects in {
            "INBOX": ["chad", "x", "chad"],
            "folder1": ["x", "chad", "chad"],
            "folder2/banana": ["chad"],
            "folder2/peach": ["x"],
            "folder2/peach/stone": ["x", "chad"],
        }.items():
            for subject in subjects:
                flags = ["\\Seen"] if subject == "x" else []
                self.append(f"Subject: {subject}\r\n\r\n".encode(), name, flags)

    def search(self, arguments: str) -> dict[str, str]:
        """What is found, by mailbox."""
        said = self.client.ask(f"t1 ESEARCH {arguments}".encode()).decode()
        *lines, tagged = said.splitlines()
        self.assertEqual(tagged, "t1 OK ESEARCH completed", arguments)
        found = {}
        for line in lines:
            head, _, data = line.partition(") UID")
            self.assertRegex(head, r'^\* ESEARCH \(TAG "t1" MAILBOX \S+ UIDVALIDITY \d+$')
            found[head.split()[5]] = data.strip()
        return found

    def test_sources(self) -> None:
        """§2.2 and the examples of §3: only mailboxes with results are told of."""
        for sources, found in {
            '(mailboxes "folder1" subtree "folder2")': [
                "folder1",
                "folder2/banana",
                "folder2/peach/stone",
            ],
            '(mailboxes "folder1" subtree-one "folder2")': ["folder1", "folder2/banana"],
            "(subtree-one folder2/peach)": ["folder2/peach/stone"],
            "(subtree (folder1 folder2/peach))": ["folder1", "folder2/peach/stone"],
            "(mailboxes (folder1 INBOX nowhere))": ["folder1", "INBOX"],
            "(personal)": ["INBOX", "folder1", "folder2/banana", "folder2/peach/stone"],
            "(inboxes)": ["INBOX", "folder1", "folder2/banana", "folder2/peach/stone"],
            "(subscribed)": ["INBOX"],
            "(mailboxes folder1 mailboxes FOLDER1 mailboxes folder1)": ["folder1"],
            '(mailboxes "%")': [],
            "(subtree nowhere)": [],
        }.items():
            self.assertEqual(list(self.search(f"IN {sources} subject chad")), found, sources)

    def test_what_is_answered(self) -> None:
        """§2.1: with UIDs, for each mailbox by itself; all of them without RETURN."""
        where = "IN (mailboxes (folder1 folder2/banana INBOX))"
        for arguments, found in {
            "subject chad": {"folder1": "ALL 2:3", "folder2/banana": "ALL 1", "INBOX": "ALL 1,3"},
            "seen": {"folder1": "ALL 1", "INBOX": "ALL 2"},
            "RETURN (MIN COUNT) unseen": {
                "folder1": "MIN 2 COUNT 2",
                "folder2/banana": "MIN 1 COUNT 1",
                "INBOX": "MIN 1 COUNT 2",
            },
            "RETURN (PARTIAL -1:-1) all": {
                "folder1": "PARTIAL (-1:-1 3)",
                "folder2/banana": "PARTIAL (-1:-1 1)",
                "INBOX": "PARTIAL (-1:-1 3)",
            },
            "RETURN (COUNT) answered": {},
            "2:9": {"folder1": "ALL 2:3", "INBOX": "ALL 2:3"},
            "uid *": {"folder1": "ALL 3", "folder2/banana": "ALL 1", "INBOX": "ALL 3"},
            "CHARSET iso-8859-1 subject chad 1": {"folder2/banana": "ALL 1", "INBOX": "ALL 1"},
            "RETURN (ALL RELEVANCY) fuzzy subject chad": {
                "folder1": "ALL 2:3 RELEVANCY (100 100)",
                "folder2/banana": "ALL 1 RELEVANCY (100)",
                "INBOX": "ALL 1,3 RELEVANCY (100 100)",
            },
        }.items():
            self.assertEqual(self.search(f"{where} {arguments}"), found, arguments)

    def test_the_selected_mailbox(self) -> None:
        """It is the default, and may be any of the others as well; the selection stays."""
        for command in ("ESEARCH unseen", "ESEARCH IN (selected) unseen"):
            said = self.client.ask(f"a {command}".encode())
            self.assertTrue(said.startswith(b"a BAD "), said)
        self.client.ask(b"s EXAMINE folder1")
        self.assertEqual(self.search("unseen"), {"folder1": "ALL 2:3"})
        self.assertEqual(self.search("IN (selected) 3"), {"folder1": "ALL 3"})
        self.assertEqual(self.search("answered"), {})
        self.assertEqual(
            self.search("IN (selected mailboxes (folder1 INBOX)) unseen"),
            {"folder1": "ALL 2:3", "INBOX": "ALL 1,3"},
        )
        self.converse("""
            C: a ESEARCH RETURN (SAVE COUNT) unseen
            S: * ESEARCH (TAG "a" MAILBOX folder1 UIDVALIDITY ...) UID COUNT 2
            S: a OK ESEARCH completed
            C: b SEARCH $ 3
            S: * SEARCH 3
            S: b OK SEARCH completed
            C: c ESEARCH RETURN (SAVE) answered
            S: c OK ESEARCH completed
            C: d FETCH $ UID
            S: d OK FETCH completed
            C: e UID ESEARCH RETURN (UPDATE) IN (personal) answered
            S: e BAD IN is not a search key...
            C: f ESEARCH IN (selected personal) RETURN (UPDATE COUNT) answered
            S: f OK ESEARCH completed
        """)
        other = self.new_client()
        other.ask(b"s SELECT folder1")
        other.ask(b"a STORE 1 +FLAGS.SILENT (\\Answered)")
        self.assertIn(b'* ESEARCH (TAG "f") UID ADDTO (0 1)\r\n', self.client.ask(b"n NOOP"))

    def test_what_cannot_be(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        for arguments in (
            "",
            " IN () all",
            " IN personal all",
            " IN (nonsense) all",
            " IN (selected-delayed) all",
            " IN (mailboxes) all",
            " IN (mailboxes ()) all",
            " IN (personal)",
            " IN (personal (scope 1)) all",
            " IN (personal) RETURN (SAVE) all",
            " IN (selected personal) RETURN (SAVE COUNT) all",
            " RETURN (COUNT) IN (personal) all",
            " IN (personal) RETURN (RELEVANCY) all",
        ):
            said = self.client.ask(f"a ESEARCH{arguments}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (arguments, said))
        names = " ".join(["x"] * 1001)
        said = self.client.ask(f"a ESEARCH IN (mailboxes ({names})) all".encode())
        self.assertTrue(said.startswith(b"a NO [LIMIT] "), said)

    def test_nothing_changes(self) -> None:
        """Messages stay \\Recent for the session that selects their mailbox."""
        self.search("IN (personal) subject chad")
        self.assertIn(b"* 3 RECENT", self.client.ask(b"s SELECT folder1"))


class SharedTests(SharingTestCase):
    """§2.2: the right `r`, and for what is not named `l` too; nothing else is told (G35)."""

    def test_rights(self) -> None:
        self.append(b"Subject: chad\r\n\r\n", "Work")
        for rights, by_name, by_tree in (
            ("lr", True, True),
            ("r", True, False),
            ("l", False, False),
            ("s", False, False),
            ("", False, False),
        ):
            self.share(rights)
            for sources, is_found in (
                (f"mailboxes {WORK}", by_name),
                (f"subtree {WORK}", by_tree),
                ("personal", False),
            ):
                said = self.bob.ask(f"a ESEARCH IN ({sources}) all".encode())
                self.assertEqual(WORK.encode() in said, is_found, (rights, sources, said))
                self.assertTrue(said.endswith(b"a OK ESEARCH completed\r\n"), said)
