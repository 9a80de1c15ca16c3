"""`sora-admin history` and `mailbox recount`, on storage in memory."""

from datetime import UTC, datetime

from sora.admin.command import CommandFailed
from sora.mail.numbers import NumberSet
from trial_tests.admin.test_restoring import ANN, UndoingTestCase


class HistoryAdminTests(UndoingTestCase):
    def steps(self, *words: str) -> list[tuple[str, str, str]]:
        found = self.json("history", *ANN, *words)
        return [(step["mailbox"], step["uids"], step["what"]) for step in found]

    async def move(self, source: str, uid: int, to: str) -> None:
        row = await self.storage.mailboxes.find(self.ann.id, source)
        await self.storage.messages.move(
            row.id, NumberSet.of([uid]), self.ann.id, to, self.operation()
        )

    async def test_the_life_of_a_message(self) -> None:
        """By whichever of its UIDs, and by its id."""
        await self.move("INBOX", 2, "Work")
        await self.expunge("Work", 4)
        restored = self.json("messages", "restore", *ANN, "--all", "--to", "INBOX", "--yes")
        self.assertEqual(restored["messages"], 1)
        life = [
            ("INBOX", "2", "arrived"),
            ("INBOX", "2", "moved to Work"),
            ("INBOX", "4", "restored from Work (UID 4)"),
            ("Work", "4", "expunged"),
            ("Work", "4", "moved here from INBOX (UID 2)"),
        ]
        for mailbox, uid in (("INBOX", "2"), ("Work", "4"), ("INBOX", "4")):
            found = self.steps("--mailbox", mailbox, "--message", uid)
            self.assertEqual(sorted(found), life, (mailbox, uid))
        await self.expunge("INBOX", 4)
        (gone,) = self.json("messages", "list-deleted", *ANN)
        found = self.steps("--message", gone["email id"])
        self.assertEqual(sorted(found), sorted([*life, ("INBOX", "4", "expunged")]))
        self.assertEqual(self.steps("--message", gone["email id"], "--limit", "1"), found[-1:])

    async def test_who_did_it(self) -> None:
        step = self.json("history", *ANN, "--mailbox", "Work", "--limit", "1")[0]
        self.assertEqual(
            [step[name] for name in ("who", "protocol", "address", "session", "kind")],
            ["ann", "imap", "192.0.2.1", "s", "arrived"],
        )
        code, said = self.admin("history", *ANN, "--limit", "2")
        self.assertEqual((code, said.count("\n")), (0, 3))

    async def test_an_account_and_a_mailbox(self) -> None:
        self.clock.advance(60)
        moment = datetime.fromtimestamp(self.clock.seconds(), UTC).isoformat()
        self.admin("mailbox", "rename", *ANN, "--mailbox", "Work", "--to", "Old")
        self.admin("mailbox", "delete", *ANN, "--mailbox", "Old", "--yes")
        self.admin("mailbox", "restore", *ANN, "--mailbox", "Old", "--to", "New", "--yes")
        new = [
            ("New", "", "mailbox renamed from Work to Old"),
            ("New", "", "mailbox deleted"),
            ("New", "", "mailbox restored as New"),
        ]
        self.assertEqual(self.steps("--since", moment), new)
        arrived = [("New", str(uid), "arrived") for uid in (1, 2, 3)]
        made = [("New", "", "mailbox made as Work")]
        self.assertEqual(self.steps("--mailbox", "New"), made + arrived + new)
        self.assertEqual(self.steps("--mailbox", "New", "--limit", "2"), new[1:])
        self.assertEqual(len(self.steps()), 11)

    def test_what_cannot_be_told(self) -> None:
        for words in (
            ("--mailbox", "Nowhere"),
            ("--mailbox", "INBOX", "--message", "77"),
            ("--message", "M" + "0" * 32),
        ):
            code, said = self.admin("history", *ANN, *words)
            self.assertEqual((code, said.count("\n")), (1, 1), (words, said))
        for words in (("--message", "7"), ("--limit", "0")):
            with self.assertRaises(CommandFailed):
                self.admin("history", *ANN, *words)


class RecountAdminTests(UndoingTestCase):
    """G16."""

    def test_nothing_is_wrong(self) -> None:
        code, said = self.admin("mailbox", "recount", *ANN)
        self.assertEqual(
            (code, said), (0, "2 mailboxes counted, 0 counters were wrong, and mended\n")
        )

    async def test_what_is_wrong_is_told_and_mended(self) -> None:
        row = await self.storage.mailboxes.find(self.ann.id, "Work")
        self.storage.tables.mailboxes[row.id].unseen = 7
        recount = ("mailbox", "recount", *ANN, "--mailbox", "work")
        self.assertEqual(self.admin(*recount)[0], 1)
        recount = ("mailbox", "recount", *ANN, "--mailbox", "Work")
        for more, is_mended in ((("--dry-run",), False), ((), True)):
            found = self.json(*recount, *more)
            wrong = [{"mailbox": "Work", "counter": "unseen", "was": 7, "is": 3}]
            self.assertEqual(found, {"mailboxes": 1, "wrong": wrong, "mended": is_mended})
        self.assertEqual(self.json(*recount)["wrong"], [])
