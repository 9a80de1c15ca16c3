"""`sora-admin messages` and `mailbox restore`, on storage in memory."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any
from uuid import UUID

from attrs import fields_dict
from blake3 import blake3
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.admin.command import CommandFailed, Store, Terminal
from sora.admin.main import parse, prepare, run
from sora.mail.facts import derive
from sora.mail.flags import FLAGGED, Flags
from sora.mail.numbers import NumberSet
from sora.operations.history import HistoryOperations
from sora.operations.mailbox import MailboxOperations
from sora.operations.owners import OwnerLookup
from sora.operations.restoring import RestoringOperations
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import Arrival, Copied, NewMailbox, Operation, Target

ANN = ("--email", "ann@example.com")
GRACE = timedelta(days=14)


class UndoingTestCase(TestCase):
    """Ann's INBOX and Work have three messages each."""

    async def setUp(self) -> None:
        self.clock, random = Clock(), Random(1)
        self.clock.advance(1_700_000_000)
        self.storage = storage = memory_storage(self.clock)
        self.told: list[Copied] = []

        def operation() -> Operation:
            return Operation(UUID(int=random.getrandbits(128)), "ann", "s", "imap", "192.0.2.1")

        self.operation = operation
        owners = OwnerLookup(storage.accounts, storage.rights)
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        self.store = Store(
            **others
            | {
                "mailboxes": MailboxOperations(owners, storage.mailboxes, operation),
                "restoring": RestoringOperations(
                    owners,
                    storage.mailboxes,
                    storage.restoring,
                    operation,
                    GRACE,
                    self.told.append,
                ),
                "history": HistoryOperations(
                    owners, storage.mailboxes, storage.restoring, storage.history
                ),
                "close": self.close,
            }
        )
        self.ann = await storage.accounts.create(
            parse_address("ann@example.com"), [], [NewMailbox("INBOX"), NewMailbox("Work")]
        )
        for name in ("INBOX", "Work"):
            for number in range(3):
                await self.put(name, f"{name} {number}")

    async def put(self, mailbox: str, subject: str) -> None:
        row = await self.storage.mailboxes.find(self.ann.id, mailbox)
        content = f"From: Bob <bob@example.net>\r\nSubject: {subject}\r\n\r\n".encode()
        arrival = Arrival(blake3(content).digest(), derive(content), content)
        target = Target(
            self.ann.id, row.id, datetime(2026, 1, 2, tzinfo=UTC), self.operation().id,
            Flags(FLAGGED, ("$Work",)),
        )  # fmt: skip
        await self.storage.messages.place(self.ann.scope_id, arrival, [target], self.operation())

    async def expunge(self, mailbox: str, *uids: int) -> None:
        row = await self.storage.mailboxes.find(self.ann.id, mailbox)
        box = self.storage.tables.mailboxes[row.id]
        for uid in uids:
            self.storage.tables.mark(box, box.messages[uid], box.messages[uid].mask | 8)
        await self.storage.messages.expunge(row.id, NumberSet.of(uids), self.operation())

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        return self.store

    def admin(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        said = StringIO()
        given = parse(words)
        prepare(given, Terminal(StringIO(), said))
        running = Deferred.fromCoroutine(run(given, self.open, said, said))
        return self.successResultOf(running), said.getvalue()

    def json(self, *words: str) -> Any:
        code, said = self.admin(*words, "--json")
        self.assertEqual(code, 0, said)
        return json.loads(said)

    def counts(self) -> dict[str, int]:
        return {each["mailbox"]: each["messages"] for each in self.json("mailbox", "list", *ANN)}


class RestoringAdminTests(UndoingTestCase):
    def listed(self, *words: str) -> list[tuple[str, int]]:
        found = self.json("messages", "list-deleted", *ANN, *words)
        return [(each["mailbox"], each["uid"]) for each in found]

    def restore(self, *words: str) -> Any:
        return self.json("messages", "restore", *ANN, "--yes", *words)

    # ------------------------------------------------------------ messages

    async def test_what_was_deleted_is_listed(self) -> None:
        await self.expunge("INBOX", 2)
        (found,) = self.json("messages", "list-deleted", *ANN)
        self.assertEqual((found["mailbox"], found["uid"], found["how"]), ("INBOX", 2, "expunged"))
        self.assertEqual(found["subject"], "INBOX 1")
        self.assertEqual(found["flags"], ["\\Flagged", "\\Deleted", "$Work"])
        gone = datetime.fromisoformat(found["gone"])
        self.assertEqual(datetime.fromisoformat(found["kept until"]), gone + GRACE)
        self.assertRegex(found["email id"], "^M[0-9a-f]{32}$")
        code, said = self.admin("messages", "list-deleted", *ANN)
        self.assertEqual((code, said.count("\n")), (0, 2))

    async def test_filters_and_the_limit(self) -> None:
        await self.expunge("INBOX", 1, 2)
        self.clock.advance(60)
        await self.expunge("Work", 3)
        moment = datetime.fromtimestamp(self.clock.seconds(), UTC).isoformat()
        everything = [("Work", 3), ("INBOX", 2), ("INBOX", 1)]
        for words, expected in (
            ((), everything),
            (("--limit", "2"), everything[:2]),
            (("--since", moment), everything[:1]),
            (("--before", moment), everything[1:]),
            (("--subject", "inbox 1"), everything[1:2]),
            (("--from", "BOB@"), everything),
            (("--from", "carl"), []),
            (("--mailbox", "Work"), everything[:1]),
        ):
            self.assertEqual(self.listed(*words), expected, words)

    async def test_messages_come_back_where_they_were(self) -> None:
        await self.expunge("INBOX", 1, 2)
        await self.expunge("Work", 3)
        self.assertEqual(self.counts(), {"INBOX": 1, "Work": 2})
        done = self.restore("--mailbox", "INBOX", "--uid", "2:9")
        self.assertEqual((done["messages"], done["over_quota"]), (1, False))
        self.assertEqual(self.counts(), {"INBOX": 2, "Work": 2})
        code, said = self.admin("messages", "restore", *ANN, "--all", "--yes")
        self.assertEqual(code, 0)
        self.assertEqual(said, "INBOX: 1 into INBOX\nWork: 1 into Work\n2 messages restored\n")
        self.assertEqual(self.counts(), {"INBOX": 3, "Work": 3})
        self.assertEqual(self.listed(), [])
        self.assertEqual({each.uids for each in self.told}, {(4,), (5,)})
        self.assertEqual(len(self.told), 3)

    async def test_a_dry_run_does_nothing(self) -> None:
        await self.expunge("INBOX", 1, 2)
        code, said = self.admin("messages", "restore", *ANN, "--all", "--dry-run", "--to", "New")
        self.assertEqual(
            (code, said), (0, "INBOX: 2 into New (new)\n2 messages would be restored\n")
        )
        self.assertEqual(self.counts(), {"INBOX": 1, "Work": 3})

    async def test_by_id_into_a_mailbox_that_is_made(self) -> None:
        await self.expunge("INBOX", 1, 2)
        found = {each["uid"]: each for each in self.json("messages", "list-deleted", *ANN)}
        done = self.restore("--id", found[2]["email id"], "--to", "Restored/Mail")
        (part,) = done["mailboxes"]
        self.assertEqual((part["destination"], part["made"]), ("Restored/Mail", True))
        self.assertEqual(self.counts()["Restored/Mail"], 1)
        self.assertEqual(self.listed(), [("INBOX", 1)])

    async def test_messages_of_a_deleted_mailbox(self) -> None:
        """They come into one that is called the same, which is made if it is not there."""
        await self.expunge("Work", 1)
        self.admin("mailbox", "delete", *ANN, "--mailbox", "Work", "--yes")
        self.assertEqual(self.listed(), [("Work", 3), ("Work", 2), ("Work", 1)])
        done = self.restore("--mailbox", "Work", "--uid", "1,3")
        self.assertEqual(
            done["mailboxes"],
            [{"mailbox": "Work", "destination": "Work", "made": True, "messages": 2}],
        )
        self.assertEqual(self.counts(), {"INBOX": 3, "Work": 2})

    async def test_over_quota_it_says_so(self) -> None:
        await self.expunge("INBOX", 1)
        self.storage.tables.accounts[self.ann.id].quota_messages = 5
        code, said = self.admin("messages", "restore", *ANN, "--all", "--yes")
        self.assertEqual(code, 0)
        self.assertIn("warning: ann@example.com is over the quota now\n", said)
        self.assertEqual(self.counts()["INBOX"], 3)

    def test_what_cannot_be_done(self) -> None:
        for words in (
            ("list-deleted", "--email", "nobody@example.com"),
            ("list-deleted", *ANN, "--mailbox", "Nowhere"),
            ("list-deleted", *ANN, "--limit", "0"),
            ("restore", *ANN, "--uid", "7", "--yes"),
        ):
            code, said = self.admin("messages", *words)
            self.assertEqual((code, said.count("\n")), (1, 1), (words, said))
        for more in ((), ("--all",)):
            with self.assertRaises(CommandFailed):
                self.admin("messages", "restore", *ANN, *more)

    # ------------------------------------------------------------ mailboxes

    async def test_a_deleted_mailbox_comes_back(self) -> None:
        self.admin("mailbox", "delete", *ANN, "--mailbox", "Work", "--yes")
        (found,) = self.json("mailbox", "list", *ANN, "--deleted")
        self.assertEqual((found["mailbox"], found["messages"]), ("Work", 3))
        code, said = self.admin("mailbox", "restore", *ANN, "--mailbox", "Work", "--yes")
        self.assertEqual((code, said), (0, "restored Work as Work, with 3 messages\n"))
        self.assertEqual(self.counts(), {"INBOX": 3, "Work": 3})
        code, said = self.admin("mailbox", "restore", *ANN, "--mailbox", "Work", "--yes")
        self.assertEqual((code, said.count("\n")), (1, 1))

    async def test_its_name_is_taken(self) -> None:
        numbers = []
        for _ in range(3):
            self.admin("mailbox", "delete", *ANN, "--mailbox", "Work", "--yes")
            numbers.append(self.json("mailbox", "list", *ANN, "--deleted")[0]["number"])
            self.admin("mailbox", "create", *ANN, "--mailbox", "Work")
        restore = ("mailbox", "restore", *ANN, "--mailbox", "Work", "--yes")
        self.assertEqual(self.json(*restore)["name"], "Work (restored)")
        self.assertEqual(self.admin(*restore, "--to", "INBOX")[0], 1)
        found = self.json(*restore, "--number", str(numbers[0]))
        self.assertEqual((found["name"], found["messages"]), ("Work (restored 2)", 3))
        self.assertEqual(self.json(*restore, "--to", "Old/Work")["name"], "Old/Work")
