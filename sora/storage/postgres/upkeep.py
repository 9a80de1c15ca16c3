"""The database itself: `IUpkeep` in PostgreSQL. See `0030_epochs.sql` for what epochs are."""

from collections.abc import Sequence
from typing import Any, Final

from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.storage.interfaces import IUpkeep
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import Epoch, Inventory, ReplicaRow, ServerSettings, ServerStatus, TableRow

_SERVER: Final = """
    SELECT current_setting('server_version'), pg_is_in_recovery(),
        (SELECT timeline_id FROM pg_control_checkpoint()),
        CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_lsn()) END,
        current_database()::text, pg_database_size(current_database()),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        current_setting('max_connections')::integer,
        (SELECT extract(epoch FROM now() - min(xact_start))::float8 FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend'),
        CASE WHEN pg_is_in_recovery()
            THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 END,
        to_regclass('epochs') IS NOT NULL
"""
_REPLICAS: Final = """
    SELECT coalesce(application_name, ''), coalesce(client_addr::text, 'local'),
        coalesce(state, ''), coalesce(sync_state, ''),
        pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END, replay_lsn)::bigint,
        extract(epoch FROM replay_lag)::float8
    FROM pg_stat_replication ORDER BY 1, 2
"""
_TABLES: Final = """
    SELECT coalesce(p.relname, c.relname)::text, sum(pg_total_relation_size(c.oid))::bigint,
        sum(s.n_live_tup)::bigint, sum(s.n_dead_tup)::bigint,
        max(greatest(s.last_vacuum, s.last_autovacuum))
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relkind = 'r'
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""
_EPOCHS: Final = """
    SELECT epoch, id::text, reason, began_at, heard_at, timeline, uid_jump
    FROM epochs ORDER BY epoch
"""
_SETTINGS: Final = """
    SELECT extract(epoch FROM clock_timestamp())::float8, json_object_agg(name, setting)
    FROM pg_settings WHERE name = ANY(%s)
"""
# Counting stops at a bound, goes by indexes that hold nothing else, and does not begin where the
# statistics of the last vacuum say that it would be in vain.
_INVENTORY: Final = """
    SELECT about.accounts, about.mailboxes,
        CASE WHEN about.accounts <= %(most)s THEN (SELECT count(*) FROM (
            SELECT FROM credentials WHERE is_primary LIMIT %(most)s + 1) few) END,
        CASE WHEN about.mailboxes <= %(most)s THEN (SELECT count(*) FROM (
            SELECT FROM mailboxes WHERE deleted_at IS NULL LIMIT %(most)s + 1) few) END,
        (SELECT count(*) FROM (
            SELECT FROM accounts a WHERE deleted_at IS NOT NULL AND EXISTS (
                SELECT FROM credentials c WHERE c.account_id = a.id AND is_primary)
            LIMIT %(most)s) few)
    FROM (SELECT
        (SELECT reltuples FROM pg_class WHERE oid = 'credentials_primary'::regclass)::bigint,
        (SELECT reltuples FROM pg_class WHERE oid = 'mailboxes_name'::regclass)::bigint
    ) about (accounts, mailboxes)
"""


@implementer(IUpkeep)
class Upkeep:
    """`IUpkeep` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def status(self, tables: int) -> ServerStatus:
        async def work(tx: Tx) -> ServerStatus:
            server = await tx.one(_SERVER)
            assert server is not None, "a server knows itself"
            has_epochs = server[10]
            epochs = await tx.all(_EPOCHS) if has_epochs else []
            name = await tx.value("SELECT database_id::text FROM sora") if has_epochs else None
            replicas = await tx.all(_REPLICAS)
            largest = await tx.all(_TABLES, (tables,))
            return ServerStatus(
                version=server[0],
                role="replica" if server[1] else "primary",
                timeline=server[2] if server[3] is None else int(server[3][:8], 16),
                database=server[4],
                size=server[5],
                connections=server[6],
                max_connections=server[7],
                oldest_transaction=server[8],
                behind=server[9],
                database_id=None if name is None else packing.uuid(name),
                epoch=_epoch(epochs[-1]) if epochs else None,
                replicas=tuple(ReplicaRow(*row) for row in replicas),
                tables=tuple(TableRow(*row) for row in largest),
            )

        return await self._database.run("status", work, write=False)

    @deferred
    async def settings(self, names: Sequence[str], now: float) -> ServerSettings:
        async def work(tx: Tx) -> ServerSettings:
            row = await tx.one(_SETTINGS, (list(names),))
            assert row is not None, "an aggregate has one row"
            return ServerSettings(row[1] or {}, row[0] - now)

        return await self._database.run("settings", work, write=False)

    @deferred
    async def epochs(self) -> Sequence[Epoch]:
        async def work(tx: Tx) -> Sequence[Epoch]:
            return [_epoch(row) for row in await tx.all(_EPOCHS)]

        return await self._database.run("epochs", work, write=False)

    @deferred
    async def inventory(self, most: int) -> Inventory:
        async def work(tx: Tx) -> Inventory:
            row = await tx.one(_INVENTORY, {"most": most})
            assert row is not None, "an aggregate has one row"
            accounts, mailboxes, counted_accounts, counted_mailboxes, deleted = row
            return Inventory(
                max(0, _best(accounts, counted_accounts, most) - deleted),
                _best(mailboxes, counted_mailboxes, most),
            )

        return await self._database.run("inventory", work, write=False)

    @deferred
    async def promoted(self, force: bool) -> bool:
        async def work(tx: Tx) -> bool:
            return bool(await tx.value("SELECT promoted_v1(%s)", (force,)))

        try:
            return await self._database.run("promoted", work, write=True)
        except OutcomeUnknown:
            # One epoch more does no harm; one too few does.
            return await self._database.run("promoted", work, write=True)


def _best(about: int, counted: int | None, most: int) -> int:
    """What was counted if that is all, else what the database thinks."""
    if counted is not None and counted <= most:
        return counted
    return max(about, most)


def _epoch(row: Sequence[Any]) -> Epoch:
    number, name, reason, began_at, heard_at, timeline, uid_jump = row
    return Epoch(number, packing.uuid(name), reason, began_at, heard_at, timeline, uid_jump)
