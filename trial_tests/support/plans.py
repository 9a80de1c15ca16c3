"""The plans of all statements that a test sends, those inside functions too: none of them reads a
large table as a whole.

PostgreSQL's auto_explain tells each plan as a notice. In the databases of tests a whole table is a
page, and nothing would be cheaper than to read it; so such scans are made expensive
(`enable_seqscan = off`), and what is left of them is where there is no index to go by. An index
that is read from end to end is the same, unless it has only those rows in it that are waited for. Nor is it of use to join two tables by going through both, which is all that
joins by hash and by merging do.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg2

from sora.storage.postgres.connection import Connection, Server
from sora.storage.postgres.database import Database
from trial_tests.support.postgres import DatabaseTestCase, FreshDatabase, administer, connector

LARGE: Final = frozenset(
    [
        "accounts",
        "cache_metrics",
        "requests",
        "tasks",
        "content_texts",
        "contents",
        "credentials",
        "deletions",
        "deliveries",
        "domains",
        "duplicates",
        "events",
        "expunged",
        "keywords",
        "logins",
        "maildrops",
        "mailboxes",
        "messages",
        "metadata",
        "objects",
        "rights",
        "scripts",
        "search_segments",
        "search_words",
        "secrets",
        "staging",
        "subscriptions",
        "vacations",
        "aliases",
    ]
)
"""tables that grow with the number of accounts or messages; partitions count as their table"""

_SETTINGS: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}
_FORCED: Final = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_LIMITS: Final = re.compile(r"^(SET LOCAL \w+ = \d+; )+")
"""what `Database` puts before each statement"""
TOLERATED: Final = (
    # set_metadata_v1: with one page of annotations the order of the index is worth having, with a
    # million of them PostgreSQL goes by the account.
    "exists ( select from metadata m where m.account_id in (",
    # prune_segments: looks at one segment after the other, rarely and in the background.
    "with empty as ( select s.mailbox_id, s.first_uid from search_segments s where not exists",
)
"""beginnings of statements"""

_known: list[bool] = []
_whole_indexes: set[str] = set()


def can_explain() -> bool:
    """Whether this PostgreSQL has auto_explain. Debian's has; where tests may not be skipped, it
    has to be there."""
    if not _known:
        try:
            administer("LOAD 'auto_explain'")
        except psycopg2.Error:
            if os.environ.get("CI") == "true":
                raise
            _known.append(False)
        else:
            _known.append(True)
    return _known[0]


def explain(database: FreshDatabase, forced: bool = True) -> None:
    """Have connections to this database that are opened from now on tell their plans. What is not
    `forced` to go by indexes is planned by what there is."""
    for name, value in (_SETTINGS | (_FORCED if forced else {})).items():
        administer(f"ALTER DATABASE \"{database.name}\" SET {name} = '{value}'")
    if not _whole_indexes:
        _whole_indexes.update(_find_whole_indexes(database.server))


def _find_whole_indexes(server: Server) -> Iterator[str]:
    """Names of indexes that have every row of a large table."""
    connection = psycopg2.connect(**server.parameters())
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select i.relname, t.relname from pg_index x join pg_class i on i.oid = indexrelid"
                " join pg_class t on t.oid = indrelid where indpred is null"
            )
            for index, table in cursor.fetchall():
                if _table(table) in LARGE:
                    yield index
    finally:
        connection.close()


async def watched_database(test: DatabaseTestCase, forced: bool = True) -> "tuple[Database, Plans]":
    """A fresh database, and the plans of what is done there; `forced` as for `explain`."""
    fresh, plans = await test.fresh(), Plans()
    explain(fresh, forced)

    async def connect() -> Connection:
        connection = await connector(fresh.name)()
        plans.watch(connection)
        return connection

    return test.open(fresh.server, connect=connect), plans


class Plans:
    """Takes the place of the notices of connections."""

    def __init__(self) -> None:
        self.count = 0
        self._connections: list[Any] = []
        self._whole: set[str] = set()

    def watch(self, connection: Connection) -> None:
        """Look at what this connection tells from now on."""
        told = connection._wire._connection
        told.notices = self
        self._connections.append(told)

    def take(self) -> set[str]:
        """What was read as a whole since the last time, each with the beginning of its
        statement."""
        for connection in self._connections:
            if not connection.closed and connection.isexecuting() is False:
                connection.poll()  # what was told after the last row has not been looked at yet
        whole, self._whole = self._whole, set()
        return whole

    def append(self, notice: str) -> None:
        """A notice, as psycopg2 hands it over."""
        _, is_plan, text = notice.partition("plan:\n")
        if not is_plan:
            return
        self.count += 1
        told = json.loads(text)
        query = _LIMITS.sub("", " ".join(told.get("Query Text", "").split()))
        if query.startswith(TOLERATED):
            return
        for node in _nodes(told["Plan"]):
            if _is_whole(node):
                name = node.get("Index Name", node.get("Relation Name"))
                self._whole.add(f"{node['Node Type']} {name}: {query[:300]}")


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _is_whole(node: dict[str, Any]) -> bool:
    """Whether a node of a plan reads a large table, or an index of all of its rows, from end to
    end."""
    kind = node["Node Type"]
    if kind == "Seq Scan":
        return _table(node["Relation Name"]) in LARGE
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        return "Index Cond" not in node and node["Index Name"] in _whole_indexes
    return False


def _table(name: str) -> str:
    """The table that a partition belongs to."""
    for parent in ("events", "staging"):
        if name.startswith(parent + "_"):
            return parent
    return name
