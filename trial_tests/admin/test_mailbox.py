"""`sora-admin mailbox`, on storage in memory."""

import json
from io import StringIO
from random import Random
from typing import Any
from uuid import UUID

from attrs import fields_dict
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.admin.command import Store
from sora.admin.main import parse, run
from sora.operations.mailbox import MailboxOperations
from sora.operations.owners import OwnerLookup
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox, Operation

ANN = ("--email", "ann@example.com")


class MailboxAdminTests(TestCase):
    async def setUp(self) -> None:
        storage, random = memory_storage(Clock()), Random(1)
        owners = OwnerLookup(storage.accounts, storage.rights)

        def operation() -> Operation:
            return Operation(UUID(int=random.getrandbits(128)))

        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        mailbox = MailboxOperations(owners, storage.mailboxes, operation)
        self.store = Store(**others | {"mailboxes": mailbox, "close": self.close})
        await storage.accounts.create(
            parse_address("ann@example.com"),
            [],
            [NewMailbox("INBOX"), NewMailbox("Trash", "\\Trash")],
        )

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        return self.store

    def admin(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        said = StringIO()
        running = Deferred.fromCoroutine(run(parse(("mailbox", *words)), self.open, said, said))
        return self.successResultOf(running), said.getvalue()

    def names(self) -> dict[str, bool]:
        """The mailboxes, and whether they are subscribed to."""
        code, said = self.admin("list", *ANN, "--json")
        self.assertEqual(code, 0, said)
        return {line["mailbox"]: line["subscribed"] for line in json.loads(said)}

    def test_the_life_of_a_mailbox(self) -> None:
        before = self.names()
        made = self.admin("create", *ANN, "--mailbox", "Work/Reports/")
        self.assertEqual(made, (0, "made Work/Reports of ann@example.com\n"))
        self.assertEqual(self.names(), before | {"Work": False, "Work/Reports": False})
        self.admin("subscribe", *ANN, "--mailbox", "Work/Reports")
        renamed = self.admin("rename", *ANN, "--mailbox", "Work", "--to", "Old")
        self.assertEqual(renamed, (0, "Work is Old now\n"))
        self.assertEqual(self.names(), before | {"Old": False, "Old/Reports": True})
        self.admin("unsubscribe", *ANN, "--mailbox", "Old/Reports")
        refused = self.admin("delete", *ANN, "--mailbox", "Old", "--yes")
        self.assertEqual(refused[0], 1, "it has one below it")
        for name in ("Old/Reports", "Old"):
            self.assertEqual(self.admin("delete", *ANN, "--mailbox", name, "--yes")[0], 0, name)
        self.assertEqual(self.names(), before)

    def test_the_status_has_what_clients_know_it_by(self) -> None:
        code, said = self.admin("status", *ANN, "--mailbox", "Trash", "--json")
        self.assertEqual(code, 0, said)
        status = {line["what"]: line["value"] for line in json.loads(said)}
        self.assertEqual(
            (status["mailbox"], status["messages"], status["use"], status["uidnext"]),
            ("Trash", 0, "\\Trash", 1),
        )

    def test_what_cannot_be_done(self) -> None:
        before = self.names()
        for words in (
            ("delete", *ANN, "--mailbox", "inbox"),
            ("delete", *ANN, "--mailbox", "Nowhere"),
            ("status", *ANN, "--mailbox", "Nowhere"),
            ("create", *ANN, "--mailbox", "Trash"),
            ("create", *ANN, "--mailbox", "../Trash"),
            ("rename", *ANN, "--mailbox", "Trash", "--to", "INBOX"),
            ("rename", *ANN, "--mailbox", "Trash", "--to", "Trash/Old"),
            ("list", "--email", "nobody@example.com"),
        ):
            code, said = self.admin(*words)
            self.assertEqual((code, said.count("\n")), (1, 1), (words, said))
        self.assertEqual(self.names(), before)
