"""Migrations only add, so that servers of the version before go on working on the new schema, also on
the way back (G19, docs/deployment.md "Upgrades").

Each statement of a migration is of a kind that takes nothing away from a server that does not know of
it, or it is named in SAFE with the reason why such a server can live with it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from sora.storage.postgres.migrate import Migration, load_migrations
from sora.storage.postgres.statements import split_statements

FIRST: Final = 37
"""Servers of versions whose schema ends before this are not known to be in use anywhere."""
PINNED: Final = Path(__file__).with_name("migrations.sha256")

_WIDER: Final = "it lets in what it did before, and more"
_GOING: Final = "it refuses only in a domain that is being removed, with an error that is known"
SAFE: Final = {
    "0037 alter table expunged drop constraint expunged_kind_check": "made again by the next one",
    "0037 alter table expunged add constraint expunged_kind_check": _WIDER,
    "0043 create or replace function changes_v1": "restored messages are new ones to a server that"
    " does not know of restoring",
    "0043 create or replace function touched_since_v1": "as changes_v1",
    "0051 alter table epochs drop constraint epochs_reason_check": "made again by the next one",
    "0051 alter table epochs add constraint epochs_reason_check": _WIDER,
    "0051 create or replace function epoch_over_v1": "one more reason, where async_flags is on",
    "0051 create or replace function sora_now_v1": "as epoch_over_v1",
    "0051 create trigger epochs_begun on epochs": "it writes to a table that is new",
    "0053 create index accounts_disabled on accounts": "accounts are few, and seldom written",
    "0057 create index credentials_additional on credentials": "as accounts",
    "0057 create trigger credentials_refuse_going on credentials": _GOING,
    "0057 create trigger aliases_refuse_going on aliases": _GOING,
    "0057 create trigger domains_refuse_going on domains": _GOING,
}
"""Statements that do more than add, by migration, and why a server of the version before can live with
them. Think twice: its Python was written, and its tests have run, before them."""

_ON: Final = r"\bon (?:only )?(?P<table>\w+)"
_TABLE: Final = re.compile(r"create (?:unlogged )?table (?:if not exists )?(?P<name>\w+)")
_NEW: Final = re.compile(r"create (?:function|type|sequence|view|procedure|domain|extension)\b")
_ALTER: Final = re.compile(r"alter table (?P<table>\w+) (?P<actions>.*)")
_INSERT: Final = re.compile(r"insert into (?P<table>\w+)")
_INDEX: Final = re.compile(rf"create (?P<unique>unique )?index (?P<later>concurrently )?.*?{_ON}")
_AGAIN: Final = re.compile(r"drop index concurrently if exists (?P<name>\w+)")
_HEADS: Final = (
    re.compile(r"create or replace function \w+"),
    re.compile(r"alter table \w+ (?:add|drop|alter|validate|rename) (?:constraint|column) \w+"),
    re.compile(r"create (?:unique )?index (?:concurrently )?\w+ on \w+"),
)


class AdditiveTests(SynchronousTestCase):
    def test_migrations_add_and_take_nothing_away(self) -> None:
        """G19"""
        found = [
            f"{migration.version:04} {head}"
            for migration in load_migrations()
            if migration.version >= FIRST
            for head in takes_away(migration)
        ]
        self.assertEqual(
            [one for one in found if one not in SAFE],
            [],
            "a server of the version before works on this schema, too. Write a new version of the"
            " function, a column with a default, an index concurrently; or say in SAFE why it is"
            " safe, and try it with both versions",
        )
        self.assertEqual([one for one in SAFE if one not in found], [])

    def test_what_takes_away_is_found(self) -> None:
        for sql, heads in (
            (
                "create table t (a int); insert into t values (1); create unique index i on t (a)",
                [],
            ),
            (
                "create table t (a int); create trigger r before insert on t execute function f()",
                [],
            ),
            ("alter table t add column c int, add column d text not null default 'a, b'", []),
            ("drop index concurrently if exists i; create index concurrently i on t (a)", []),
            ("create function f_v2() returns text as $$ drop table t; $$", []),
            ("-- drop table t;\ncreate type y as (a int)", []),
            ("drop table t", ["drop table t"]),
            ("drop function f_v1(bigint)", ["drop function f_v1(bigint)"]),
            ("DROP INDEX CONCURRENTLY i", ["drop index concurrently i"]),
            ("drop index concurrently if exists i", ["drop index concurrently if exists i"]),
            ("create index i on t (a)", ["create index i on t"]),
            (
                "create unique index concurrently i on t (a)",
                ["create unique index concurrently i on t"],
            ),
            ("alter table t add column c int not null", ["alter table t add column c"]),
            ("alter table t add column c int, drop column d", ["alter table t add column c"]),
            ("alter table t alter column c set not null", ["alter table t alter column c"]),
            ("create or replace function f_v1() returns int", ["create or replace function f_v1"]),
            ("update t set a = 1", ["update t set a = 1"]),
            ("delete from t", ["delete from t"]),
            ("insert into t values (1)", ["insert into t values (1)"]),
            ("create trigger r before insert on t execute", ["create trigger r on t"]),
            ("do $$ begin end $$", ["do $$ begin end $$"]),
        ):
            self.assertEqual(list(takes_away(Migration(99, "a", sql))), heads, sql)

    def test_migrations_that_were_applied_somewhere_are_as_they_were(self) -> None:
        """A server refuses a database whose migrations read otherwise than its own. Who gives out a
        version writes down what it has: `sha256sum *.sql` in the directory of the migrations."""
        there = {f"{each.version:04}_{each.name}.sql": each.checksum for each in load_migrations()}
        pinned = {}
        for line in PINNED.read_text().splitlines():
            digest, name = line.split()
            pinned[name] = digest
        self.assertEqual({name: there.get(name) for name in pinned}, pinned)
        self.assertEqual(sorted(there)[: len(pinned)], sorted(pinned))


def takes_away(migration: Migration) -> Iterator[str]:
    """The beginnings of those statements that do more than add."""
    statements = [_plain(each) for each in split_statements(migration.sql)]
    made = {found["name"] for each in statements if (found := _TABLE.match(each))}
    for number, each in enumerate(statements):
        following = statements[number + 1] if number + 1 < len(statements) else ""
        if not _only_adds(each, following, made):
            yield _head(each)


def _plain(statement: str) -> str:
    return " ".join(re.sub(r"--[^\n]*", "", statement).split()).lower()


def _only_adds(statement: str, following: str, made: set[str]) -> bool:
    if _TABLE.match(statement) or _NEW.match(statement):
        return True
    if found := _AGAIN.match(statement):
        # What is left of an index whose making was cut short; the next statement makes it anew.
        return f" concurrently {found['name']} " in following
    if found := _INDEX.match(statement):
        # A unique one refuses what servers of before may write; others only take their time.
        return found["table"] in made or bool(found["later"] and not found["unique"])
    if found := _ALTER.match(statement):
        return found["table"] in made or _only_adds_columns(found["actions"])
    if (found := _INSERT.match(statement)) or (
        statement.startswith("create trigger ") and (found := re.search(_ON, statement))
    ):
        return found["table"] in made
    return False


def _only_adds_columns(actions: str) -> bool:
    """Columns that who does not know of them need not fill in."""
    columns = re.split(r", (?=add |drop |alter |rename |validate )", actions)
    return all(
        each.startswith("add column ") and ("not null" not in each or " default " in each)
        for each in columns
    )


def _head(statement: str) -> str:
    if statement.startswith("create trigger "):
        found = re.search(_ON, statement)
        return f"{' '.join(statement.split()[:3])} on {found['table'] if found else '?'}"
    for pattern in _HEADS:
        if found := pattern.match(statement):
            return found[0]
    return statement[:60]
