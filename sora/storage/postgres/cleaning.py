"""What the cleaner does: `ICleaning` in PostgreSQL. See `0007_bodies.sql` for why it is safe, and
`0034_cleaning.sql` for how cleaners share the work.

Every step may be repeated at any time, also when its answer was lost.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.storage.interfaces import ICleaning
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import CleaningRound, CleaningStatus, Condemned, Overdue, Removed

SETTLED_AT_ONCE: Final = 50_000
"""events that are moved into a partition while all others wait for the default one"""


@implementer(ICleaning)
class Cleaning:
    """`ICleaning` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def purge_expunged(self, grace: timedelta, limit: int) -> int:
        return await self._count("purge_expunged", "select purge_expunged_v1(%s, %s)", grace, limit)

    @deferred
    async def remove_account(self, grace: timedelta, limit: int) -> Removed | None:
        async def work(tx: Tx) -> Removed | None:
            row = await tx.one("select * from remove_account_v1(%s, %s)", (grace, limit))
            if row is None or row[0] is None:
                return None
            account_id, address, messages, ended = row
            return Removed(account_id, address or "", messages, ended)

        return await self._database.run("remove_account", work, write=True)

    @deferred
    async def condemn(
        self, grace: timedelta, limit: int, abandoned: timedelta | None = None
    ) -> int:
        return await self._count(
            "condemn",
            "select condemn_v2(%s, %s, %s)",
            grace,
            grace if abandoned is None else abandoned,
            limit,
        )

    @deferred
    async def condemned(
        self, stores: Sequence[str], limit: int, lease: timedelta
    ) -> Sequence[Condemned]:
        async def work(tx: Tx) -> Sequence[Condemned]:
            rows = await tx.all(
                "select object_id::text, store, content_id, stored_size"
                " from condemned_v2(%s, %s, %s)",
                (list(stores), limit, lease),
            )
            return [Condemned(packing.uuid(name), *rest) for name, *rest in rows]

        return await self._database.run("condemned", work, write=True)

    @deferred
    async def forget(self, object_ids: Sequence[UUID]) -> int:
        return await self._count(
            "forget", "select forget_objects_v1(%s::uuid[])", [str(name) for name in object_ids]
        )

    @deferred
    async def forget_deliveries(self, age: timedelta, limit: int) -> int:
        return await self._count(
            "forget_deliveries", "select forget_deliveries_v1(%s, %s)", age, limit
        )

    @deferred
    async def forget_memories(self, limit: int) -> int:
        return await self._count("forget_memories", "select forget_memories_v1(%s)", limit)

    @deferred
    async def forget_requests(self, limit: int) -> int:
        return await self._count("forget_requests", "select forget_requests_v1(%s)", limit)

    @deferred
    async def forget_events(self, retention: timedelta) -> int:
        return await self._count("forget_events", "select forget_events_v1(%s)", retention)

    @deferred
    async def drop_staging(self) -> int:
        return await self._count("drop_staging", "select drop_staging_v1()")

    @deferred
    async def make_partitions(self) -> int:
        settled = await self._count("settle_events", "select settle_events_v1(%s)", SETTLED_AT_ONCE)
        return settled + await self._count("make_partitions", "select make_partitions_v1()")

    @deferred
    async def note(self, node: str, began: datetime, done: Mapping[str, int], error: str) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "select note_cleaning_v1(%s, %s, %s, %s)",
                (node, began, json.dumps(dict(done)), error),
            )

        await self._database.run("note_cleaning", work, write=True)

    @deferred
    async def rounds(self) -> Sequence[CleaningRound]:
        async def work(tx: Tx) -> Sequence[CleaningRound]:
            rows = await tx.all(
                "select node, began_at, ended_at, done, error from cleanings order by node"
            )
            return [CleaningRound(*row) for row in rows]

        return await self._database.run("cleaning_rounds", work, write=False)

    @deferred
    async def status(self, grace: timedelta, object_grace: timedelta) -> CleaningStatus:
        async def work(tx: Tx) -> tuple[Any, ...] | None:
            return await tx.one(
                "select o_messages, o_messages_age, o_mailboxes, o_mailboxes_age, o_accounts,"
                " o_accounts_age, o_contents, o_contents_age, o_objects, o_objects_age, o_octets,"
                " o_stores, o_deleted_mailboxes, o_deleted_accounts, o_partitions,"
                " o_default_events, o_horizon from cleaning_status_v1(%s, %s)",
                (grace, object_grace),
            )

        row = await self._database.run("cleaning_status", work, write=False)
        assert row is not None, "a function without a set gives one row"
        due = [Overdue(count, age) for count, age in zip(row[0:10:2], row[1:10:2], strict=True)]
        messages, mailboxes, accounts, contents, objects = due
        octets, stores, deleted_mailboxes, deleted_accounts, partitions, outside, horizon = row[10:]
        return CleaningStatus(
            messages=messages,
            mailboxes=mailboxes,
            accounts=accounts,
            deleted_mailboxes=deleted_mailboxes,
            deleted_accounts=deleted_accounts,
            contents=contents,
            objects=objects,
            octets=int(octets),
            stores=tuple(stores or ()),
            partitions=partitions,
            default_events=outside,
            history_from=horizon,
        )

    async def _count(self, name: str, sql: str, *parameters: object) -> int:
        async def work(tx: Tx) -> int:
            return await tx.value(sql, parameters or None) or 0

        return await self._database.run(name, work, write=True)
