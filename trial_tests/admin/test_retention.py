"""`sora-admin retention` and `sora-admin cleaner`, on storage in memory."""

import json
from datetime import datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

from attrs import fields_dict
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.admin.command import Store
from sora.admin.main import parse, run
from sora.operations.cleaning import CleaningOperations
from sora.operations.owners import OwnerLookup
from sora.operations.retention import RetentionOperations
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import DeletionRun, NewMailbox, ServerRetention
from sora.workers.cleaner import Cleaner, Graces


class RetentionAdminTests(TestCase):
    async def setUp(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        storage = memory_storage(clock)
        self.storage, self.clock = storage, clock
        graces = Graces(14 * 86400.0)
        server = ServerRetention(timedelta(days=365), {"\\Trash": timedelta(days=30)})
        owners = OwnerLookup(storage.accounts, storage.rights)

        async def cleaner() -> Cleaner:
            return Cleaner(storage.cleaning, {}, clock=clock, random=Random(1), graces=graces)

        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        self.store = Store(
            **others
            | {
                "retention": RetentionOperations(owners, storage.retention, server),
                "cleaning": CleaningOperations(
                    storage.cleaning, graces, cleaner, storage.deletions, clock.seconds
                ),
                "close": self.close,
            }
        )
        ann = await storage.accounts.create(
            parse_address("ann@example.com"), [], [NewMailbox("Trash", "\\Trash")]
        )
        self.ann_id = ann.id

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        return self.store

    def admin(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        said = StringIO()
        running = Deferred.fromCoroutine(run(parse(words), self.open, said, said))
        while not running.called:
            self.clock.advance(1)
        return self.successResultOf(running), said.getvalue()

    def shown(self, *words: str) -> list[tuple[str, str, str]]:
        code, said = self.admin("retention", "show", *words, "--json")
        self.assertEqual(code, 0, said)
        return [(line["owner"], line["mailboxes"], line["max age"]) for line in json.loads(said)]

    def test_rules_are_shown_in_the_order_in_which_they_count(self) -> None:
        server = [("server", "trash", "30d"), ("server", "all", "365d")]
        self.assertEqual(self.shown(), server)
        for words in (
            ("--email", "ann@example.com", "--max-age", "never"),
            ("--email", "ann@example.com", "--mailbox-use", "junk", "--max-age", "7d"),
            ("--domain", "Example.com", "--max-age", "90d"),
        ):
            self.assertEqual(self.admin("retention", "set", *words)[0], 0)
        domain = [("example.com", "all", "90d")]
        self.assertEqual(
            self.shown("--email", "ann@example.com"),
            [
                ("ann@example.com", "junk", "7d"),
                ("ann@example.com", "all", "never"),
                *domain,
                *server,
            ],
        )
        self.assertEqual(self.shown("--domain", "example.com"), [*domain, *server])
        clear = ("retention", "clear", "--domain", "example.com")
        self.assertEqual(self.admin(*clear), (0, "the rule about example.com (all) is gone\n"))
        self.assertEqual(
            self.admin(*clear), (1, "sora-admin: there is no rule about example.com\n")
        )

    def test_what_cannot_be_set(self) -> None:
        for words, said in (
            (("--domain", "example.net", "--max-age", "9d"), "no domain example.net"),
            (("--email", "ann@example.com", "--max-age", "1s"), "for a minute at least"),
        ):
            code, text = self.admin("retention", "set", *words)
            self.assertEqual(code, 1)
            self.assertIn(said, text)
        self.patch(__import__("sys"), "stderr", StringIO())
        for wrong in ("30", "soon"):
            self.assertRaises(
                SystemExit, self.admin, "retention", "set", "--domain", "x", "--max-age", wrong
            )

    def test_status_and_a_round(self) -> None:
        code, said = self.admin("cleaner", "run", "--json")
        self.assertEqual((code, json.loads(said)["deleted"]), (0, 0))
        code, said = self.admin("cleaner", "status", "--json")
        status = json.loads(said)
        self.assertEqual((status["messages"]["count"], len(status["rounds"])), (0, 1))
        code, said = self.admin("cleaner", "status")
        self.assertEqual(code, 0)
        self.assertIn("expunged messages", said)
        code, said = self.admin("cleaner", "run", "--dry-run")
        self.assertEqual(code, 0)
        self.assertIn("past the grace", said)

    def test_unusual_runs(self) -> None:
        now = self.storage.tables.now()
        run = DeletionRun(
            account_id=self.ann_id,
            address="ann@example.com",
            began_at=now,
            last_at=now,
            messages=700,
            habit=3,
            remaining=2,
            noticed_at=now,
            extended=True,
        )
        self.storage.tables.deletion_runs[self.ann_id] = [run]
        code, said = self.admin("cleaner", "runs", "--json")
        self.assertEqual(code, 0, said)
        (shown,) = json.loads(said)
        self.assertEqual(
            (shown["account"], shown["messages"], shown["habit"], shown["remaining"]),
            ("ann@example.com", 700, 3, 2),
        )
        # 14 days of grace, and 28 more.
        until = datetime.fromisoformat(shown["kept until"])
        self.assertEqual(until, now + timedelta(days=42))
        self.clock.advance(43 * 86400)
        self.assertEqual(json.loads(self.admin("cleaner", "runs", "--json")[1]), [])
