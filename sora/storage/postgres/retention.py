"""Policies in PostgreSQL: `IRetention`. See `0037_retention.sql`.

An expunge whose answer is lost is not read back: the next pass finds what is left, and sessions
learn of it by the poll.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import NoSuchAccount
from sora.storage.interfaces import IRetention
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    DueMailboxes,
    DueMessages,
    Expunged,
    Kept,
    Operation,
    RetentionOwner,
    RetentionRule,
    ServerRetention,
)


@implementer(IRetention)
class Retention:
    """`IRetention` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def domain_id(self, name: str) -> int:
        async def work(tx: Tx) -> int:
            found: int | None = await tx.value("select id from domains where name = %s", (name,))
            if found is None:
                raise NoSuchAccount(f"There is no domain {name}.")
            return found

        return await self._database.run("domain_id", work, write=False)

    @deferred
    async def rules(self, owner: RetentionOwner) -> Sequence[RetentionRule]:
        async def work(tx: Tx) -> Sequence[RetentionRule]:
            rows = await tx.all(
                "select special_use, max_age from retention"
                " where account_id = %s or domain_id = %s order by special_use",
                (owner.account_id, owner.domain_id),
            )
            return [RetentionRule(*row) for row in rows]

        return await self._database.run("retention_rules", work, write=False)

    @deferred
    async def set(self, owner: RetentionOwner, rule: RetentionRule) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select set_retention_v1(%s, %s, %s, %s)",
                (owner.account_id, owner.domain_id, rule.special_use, rule.max_age),
            )

        await self._database.run("set_retention", work, write=True)

    @deferred
    async def clear(self, owner: RetentionOwner, special_use: str) -> bool:
        async def work(tx: Tx) -> bool:
            rows = await tx.all(
                "delete from retention where (account_id = %s or domain_id = %s)"
                " and special_use = %s returning 1",
                (owner.account_id, owner.domain_id, special_use),
            )
            return bool(rows)

        return await self._database.run("clear_retention", work, write=True)

    @deferred
    async def take(self, limit: int, rest: timedelta, server: ServerRetention) -> DueMailboxes:
        async def work(tx: Tx) -> DueMailboxes:
            row = await tx.one(
                "select o_looked, o_mailboxes, o_before from"
                " take_due_mailboxes_v1(%s, %s, %s, %s::text[], %s::interval[])",
                (limit, rest, *_rules(server)),
            )
            looked, mailboxes, before = row or (0, None, None)
            return DueMailboxes(looked, tuple(zip(mailboxes or (), before or (), strict=True)))

        return await self._database.run("take_due_mailboxes", work, write=True)

    @deferred
    async def expire(
        self, mailbox_id: int, before: datetime, limit: int, operation: Operation
    ) -> Expunged:
        async def work(tx: Tx) -> Expunged:
            row = await tx.one(
                "select o_before, o_modseq, o_vanished from expire_v1(%s, %s, %s, "
                f"{packing.OPERATION})",
                (mailbox_id, before, limit, *packing.operation(operation)),
            )
            assert row is not None, "a function without a set gives one row"
            known, modseq, vanished = row
            return Expunged(mailbox_id, known, modseq, packing.number_set(vanished))

        return await self._database.run("expire", work, write=True)

    @deferred
    async def due(
        self, after: int, limit: int, server: ServerRetention, owner: RetentionOwner
    ) -> tuple[int, Sequence[DueMessages]]:
        async def work(tx: Tx) -> tuple[int, Sequence[DueMessages]]:
            rows = await tx.all(
                "select o_last, o_account, o_address, o_mailbox, o_age, o_messages, o_octets"
                " from due_v1(%s, %s, %s, %s, %s, %s::text[], %s::interval[])",
                (after, limit, owner.account_id, owner.domain_id, *_rules(server)),
            )
            found = [
                DueMessages(account, address or "", mailbox, age, messages, octets)
                for _, account, address, mailbox, age, messages, octets in rows
                if account is not None
            ]
            return (rows[0][0] if rows else 0), found

        return await self._database.run("due", work, write=False)

    @deferred
    async def kept(self, server: ServerRetention, account_id: int | None) -> Kept:
        async def work(tx: Tx) -> Kept:
            if account_id is not None:
                age = await tx.value(
                    "select max_age_v1(%s, '', %s, %s::text[], %s::interval[])",
                    (account_id, *_rules(server)),
                )
                return Kept(age, False)
            row = await tx.one(
                "select min(max_age), count(*) from retention where special_use = ''"
            )
            least, others = row or (None, 0)
            ages = [age for age in (least, server.max_age) if age is not None]
            return Kept(min(ages, default=None), bool(others))

        return await self._database.run("kept", work, write=False)


def _rules(server: ServerRetention) -> tuple[Any, ...]:
    return (server.max_age, list(server.uses), list(server.uses.values()))
