"""Unusual runs of deletions in PostgreSQL: `IDeletions`. See `0040_deletions.sql`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import IDeletions
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import DeletionRun, LookedAt, Unusual

MOST_RUNS: Final = 1000


@implementer(IDeletions)
class Deletions:
    """`IDeletions` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def look(self, unusual: Unusual, limit: int, settled: timedelta) -> LookedAt:
        async def work(tx: Tx) -> LookedAt:
            rows = await tx.all(
                "select o_looked, o_account, o_address, o_began, o_last, o_messages, o_habit,"
                " o_remaining, o_noticed, o_extended from look_at_deletions_v1(%s, %s, %s, %s, %s)",
                (unusual.messages, unusual.share, unusual.factor, limit, settled),
            )
            return LookedAt(rows[0][0], tuple(_run(row[1:]) for row in rows if row[1] is not None))

        return await self._database.run("look_at_deletions", work, write=True)

    @deferred
    async def extend(self, extra: timedelta, limit: int) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value("select extend_grace_v1(%s, %s)", (extra, limit)) or 0

        return await self._database.run("extend_grace", work, write=True)

    @deferred
    async def runs(self, since: datetime) -> Sequence[DeletionRun]:
        async def work(tx: Tx) -> Sequence[DeletionRun]:
            rows = await tx.all(
                "select r.account_id, c.address, r.began_at, r.last_at, r.messages, r.habit,"
                " r.remaining, r.noticed_at, r.mailbox_id is null from deletion_runs r"
                " left join credentials c on c.account_id = r.account_id and c.is_primary"
                " where r.last_at >= %s or r.noticed_at >= %s"
                " order by r.last_at desc, r.account_id limit %s",
                (since, since, MOST_RUNS),
            )
            return [_run(row) for row in rows]

        return await self._database.run("deletion_runs", work, write=False)


def _run(row: Sequence[Any]) -> DeletionRun:
    account_id, address, began_at, last_at, messages, habit, remaining, noticed_at, extended = row
    return DeletionRun(
        account_id=account_id,
        address=address or "",
        began_at=began_at,
        last_at=last_at,
        messages=messages,
        habit=habit,
        remaining=remaining,
        noticed_at=noticed_at,
        extended=extended,
    )
