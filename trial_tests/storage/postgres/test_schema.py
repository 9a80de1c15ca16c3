"""Laws of the schema that are easily broken by a later migration."""

from typing import Any

from sora.storage.postgres.database import Tx
from trial_tests.storage.postgres.stage import StageTestCase

MUTABLE = {
    "messages": {"flags", "keywords", "modseq", "thread_id"},
    "mailboxes": {
        "uidnext", "highest_modseq", "messages", "unseen", "deleted", "size", "epoch",
        "indexed_uid", "lost_after", "lost_before",
    },
    "accounts": {"version", "next_uidvalidity"},
    "logins": {"at", "protocol", "address"},
}  # fmt: skip

GENERIC = "plan_cache_mode=force_generic_plan"
PLANNED_ONCE = {
    "account_of_v1": False,
    "share_content_v1": False,
    "keywords_from_v1": False,
    "store_v1": True,
    "expunge_v1": True,
    "states_v1": True,
    "changes_v1": True,
}
"""Functions, and whether they take a set of UIDs."""


class SchemaTests(StageTestCase):
    async def test_every_foreign_key_is_indexed(self) -> None:
        """G20"""
        stage = await self.stage()
        missing = await stage.rows(
            "select c.conrelid::regclass::text, c.conname from pg_constraint c"
            " where c.contype = 'f' and not exists (select from pg_index i"
            " where i.indrelid = c.conrelid"
            " and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey)"
        )
        self.assertEqual(missing, [])

    async def test_no_index_has_a_column_that_changes(self) -> None:
        """Trap 6: such an index makes every flag change five times dearer."""
        stage = await self.stage()
        rows = await stage.rows(
            "select c.relname, i.indexrelid::regclass::text, a.attname from pg_index i"
            " join pg_class c on c.oid = i.indrelid join pg_attribute a"
            " on a.attrelid = c.oid and a.attnum = any (i.indkey::smallint[])"
            " where c.relname = any (%s)",
            (list(MUTABLE),),
        )
        self.assertGreater(len(rows), 5)
        wrong = [row for row in rows if row[2] in MUTABLE[row[0]]]
        self.assertEqual(wrong, [])

    async def test_flag_changes_stay_in_their_page(self) -> None:
        """HOT updates: no index entry is written for a change of flags."""
        stage = await self.stage()
        await stage.put_many(20)

        async def change(tx: Tx) -> tuple[int, int]:
            await tx.do("update messages set flags = 1, keywords = '{1}', modseq = 9")
            row = await tx.one(
                "select pg_stat_get_xact_tuples_updated('messages'::regclass),"
                " pg_stat_get_xact_tuples_hot_updated('messages'::regclass)"
            )
            assert row is not None
            return row[0], row[1]

        self.assertEqual(await stage.database.transaction("change", change), (20, 20))

    async def test_last_logins_stay_in_their_page(self) -> None:
        """And the row that every login reads is not touched."""
        stage = await self.stage()
        note = (
            "select note_logins_v1(array[%(a)s, %(a)s]::bigint[], '{{1,2}}', '{{{0},{0}}}',"
            " '{{imap,pop3}}', '{{192.0.2.1,192.0.2.2}}')"
        )
        parameters: Any = {"a": stage.account.id}
        await stage.rows(note.format(9), parameters)

        counts = (
            "select pg_stat_get_xact_tuples_updated('logins'::regclass),"
            " pg_stat_get_xact_tuples_hot_updated('logins'::regclass),"
            " pg_stat_get_xact_tuples_updated('accounts'::regclass),"
            " pg_stat_get_xact_tuples_updated('credentials'::regclass)"
        )

        async def change(tx: Tx) -> list[int]:
            # What went before in this connection may be counted, too.
            before: Any = await tx.one(counts)
            await tx.all(note.format(1), parameters)
            after: Any = await tx.one(counts)
            return [new - old for new, old in zip(after, before, strict=True)]

        self.assertEqual(await stage.database.transaction("change", change), [2, 2, 0, 0])

    async def test_functions_of_every_write_are_not_planned_again(self) -> None:
        """A function in SQL with a FROM is planned with each call; one of a set of UIDs would be,
        too: 30 to 230 us for what runs in 5 to 40."""
        stage = await self.stage()
        rows = await stage.rows(
            "select p.proname, l.lanname, coalesce(p.proconfig::text, '') from pg_proc p"
            " join pg_language l on l.oid = p.prolang where p.proname = any (%s)",
            (list(PLANNED_ONCE),),
        )
        self.assertEqual(
            {name: (language, GENERIC in settings) for name, language, settings in rows},
            {name: ("plpgsql", of_uids) for name, of_uids in PLANNED_ONCE.items()},
        )

    async def test_an_object_is_found_by_its_name_among_all_reservations(self) -> None:
        stage = await self.stage()
        names = await stage.uploads.reserve("disk", 64)
        scope, content = (
            stage.account.scope_id,
            await stage.value(
                "insert into contents (scope_id, hash, state, size) values (1, 'x', 'live', 1)"
                " returning id"
            ),
        )

        async def bind(tx: Tx) -> list[tuple[int, int]]:
            await tx.do(
                "select bind_object_v1(%s, %s, %s, 'disk', null, 1)", (scope, content, names[-1])
            )
            return await tx.all(
                "select pg_stat_get_xact_numscans('objects_pkey'::regclass),"
                " pg_stat_get_xact_numscans('objects_reserved'::regclass)"
            )

        [(by_name, through_all)] = await stage.database.transaction("bind", bind)
        self.assertGreater(by_name, 0)
        self.assertEqual(through_all, 0)

    async def test_every_table_knows_its_account_or_scope(self) -> None:
        """So that accounts can be spread over cells."""
        stage = await self.stage()
        whole = {
            "domains",
            "alive",
            "cache_metrics",
            "requests",
            "tasks",
            "cleanings",
            "deletions_pass",
            "retention_pass",
            "epochs",
            "uncrashed",
            "sora",
            "copy_targets",
            "processes",
            "migrations",
            "leases",
            "accounts",
            "objects",
            "staging",
            "sweeps",
        }
        rows = await stage.rows(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
            " and not exists (select from pg_attribute a where a.attrelid = c.oid"
            " and a.attname in ('account_id', 'scope_id') and a.attnum = 1)"
        )
        self.assertEqual({name for (name,) in rows}, whole)
