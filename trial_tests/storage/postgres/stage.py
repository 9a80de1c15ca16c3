"""What the tests of the PostgreSQL adapters have in common: an account, and quick ways to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from attrs import define
from blake3 import blake3
from twisted.internet import reactor

from sora.addresses import parse_address
from sora.mail.facts import derive
from sora.mail.flags import Flags
from sora.mail.numbers import NumberSet
from sora.retry import pause
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.messages import Messages
from sora.storage.postgres.metadata import Metadata
from sora.storage.postgres.scripts import Scripts
from sora.storage.postgres.uploads import Uploads
from sora.storage.rows import (
    AccountRow,
    Arrival,
    FlagChange,
    NewMailbox,
    Operation,
    Placement,
    Target,
)
from trial_tests.support.postgres import DatabaseTestCase

DAY = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def bytes_of(number: int, size: int = 0) -> bytes:
    """A message, another one for each number."""
    head = f"From: a@example.org\r\nSubject: Message {number}\r\n\r\n".encode()
    return head + b"x" * size


def arrival_of(content: bytes, **how: Any) -> Arrival:
    """These bytes, to be staged unless `how` says otherwise."""
    how = how or {"body": content}
    return Arrival(blake3(content).digest(), derive(content), **how)


def new_operation() -> Operation:
    return Operation(uuid4(), "a@example.org", "session", "imap", "192.0.2.1")


@define
class Stage:
    """The adapters over one Database, and an account with INBOX and Trash."""

    database: Database
    accounts: Accounts
    credentials: Credentials
    mailboxes: Mailboxes
    messages: Messages
    metadata: Metadata
    scripts: Scripts
    uploads: Uploads
    cleaning: Cleaning
    account: AccountRow
    inbox: int
    trash: int

    def target(self, mailbox_id: int = 0, flags: Flags | None = None, **how: Any) -> Target:
        return Target(
            self.account.id, mailbox_id or self.inbox, DAY, uuid4(), flags or Flags(), **how
        )

    async def put(
        self, content: bytes, mailbox_id: int = 0, flags: Flags | None = None
    ) -> Placement:
        """Place one message from bytes that are staged."""
        return await self.messages.place(
            self.account.scope_id,
            arrival_of(content),
            [self.target(mailbox_id, flags)],
            new_operation(),
        )

    async def put_many(self, count: int, mailbox_id: int = 0) -> list[int]:
        """Place different messages; gives their UIDs."""
        placed = [await self.put(bytes_of(number), mailbox_id) for number in range(count)]
        return [one.placed[0].uid for one in placed]

    async def expunge(self, mailbox_id: int, uids: Sequence[int]) -> None:
        which = NumberSet.of(uids)
        await self.messages.store(mailbox_id, which, FlagChange("add", Flags(8)), new_operation())
        await self.messages.expunge(mailbox_id, which, new_operation())

    async def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[Any]:
        async def work(tx: Tx) -> list[Any]:
            return await tx.all(sql, parameters)

        return await self.database.run("test", work, write=True)

    async def value(self, sql: str, parameters: Sequence[Any] | None = None) -> Any:
        return (await self.rows(sql, parameters))[0][0]

    async def until_blocked(self, count: int = 1) -> None:
        """Wait until so many transactions of this database wait for a lock."""
        while True:
            waiting = await self.value(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock'"
            )
            if waiting >= count:
                return
            await pause(reactor, 0.005)  # type: ignore[arg-type]

    async def miscounted(self) -> list[Any]:
        """Mailboxes whose counters are not what their messages say (G16)."""
        return await self.rows(
            "select b.name from mailboxes b, lateral (select count(*) as messages,"
            " coalesce(sum(1 - (flags & 1)), 0) as unseen,"
            " coalesce(sum(flags & 8), 0) / 8 as deleted, coalesce(sum(size), 0) as size"
            " from messages where mailbox_id = b.id) c where (b.messages, b.unseen, b.deleted,"
            " b.size) is distinct from (c.messages, c.unseen, c.deleted, c.size)"
        )


class StageTestCase(DatabaseTestCase):
    """Tests that stand on a fresh database with one account."""

    async def stage(self, **how: Any) -> Stage:
        return await self.stage_on(await self.new_database(**how))

    async def stage_on(self, database: Database) -> Stage:
        accounts = Accounts(database)
        account = await accounts.create(
            parse_address("a@example.org"),
            [],
            [NewMailbox("INBOX"), NewMailbox("Trash", "\\Trash")],
        )
        mailboxes = Mailboxes(database, reactor)  # type: ignore[arg-type]
        return Stage(
            database,
            accounts,
            Credentials(database),
            mailboxes,
            Messages(database, reactor),  # type: ignore[arg-type]
            Metadata(database),
            Scripts(database),
            Uploads(database),
            Cleaning(database),
            account,
            (await mailboxes.find(account.id, "INBOX")).id,
            (await mailboxes.find(account.id, "Trash")).id,
        )
