"""SEARCH, SORT and THREAD: one statement each, and its answer unpacked."""

from collections.abc import Mapping, Sequence

from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.mail.sort_keys import is_reply
from sora.storage.postgres import packing
from sora.storage.postgres import statements_of_search as statements
from sora.storage.postgres.database import Database, Row, Tx
from sora.storage.postgres.statements_of_search import Statement
from sora.storage.rows import SortKey, ThreadRow


async def search(
    database: Database, mailbox_id: int, criterion: Criterion, gone_since: int | None
) -> Sequence[int]:
    """`IMessages.search`"""
    statement = statements.search(mailbox_id, criterion, gone_since)
    return await _numbers(database, mailbox_id, "search", statement)


async def sort(
    database: Database,
    mailbox_id: int,
    criterion: Criterion,
    keys: Sequence[SortKey],
    gone_since: int | None,
) -> Sequence[int]:
    """`IMessages.sort`"""
    statement = statements.sort(mailbox_id, criterion, keys, gone_since)
    return await _numbers(database, mailbox_id, "sort", statement)


async def threads(
    database: Database, mailbox_id: int, criterion: Criterion, gone_since: int | None
) -> Sequence[ThreadRow]:
    """`IMessages.threads`"""
    statement = statements.threads(mailbox_id, criterion, gone_since)
    rows = await _rows(database, mailbox_id, "threads", statement)
    return [thread_row(row) for row in rows]


def thread_row(row: Row) -> ThreadRow:
    """A row of `statements_of_search.threads`."""
    uid, own, parent, references, base, reply, subject, date = row
    if reply is None:
        reply = subject is not None and is_reply(subject)
    ids = tuple(references.split("\n")) if references else ()
    return ThreadRow(uid, own, parent, ids, base, reply, date)


async def relevance(
    database: Database, mailbox_id: int, criterion: Criterion, uids: NumberSet
) -> Mapping[int, int]:
    """`IMessages.relevance`"""
    rows = await _rows(
        database, mailbox_id, "relevance", statements.scores(mailbox_id, criterion, uids)
    )
    return dict(rows)


async def _numbers(
    database: Database, mailbox_id: int, name: str, statement: Statement
) -> Sequence[int]:
    sql, parameters = statement

    async def work(tx: Tx) -> Sequence[int]:
        return packing.numbers(await tx.value(sql, parameters))

    return await database.reads.run(name, mailbox_id, work, timeout=database.timing.search)


async def _rows(database: Database, mailbox_id: int, name: str, statement: Statement) -> list[Row]:
    sql, parameters = statement

    async def work(tx: Tx) -> list[Row]:
        return await tx.all(sql, parameters)

    return await database.reads.run(name, mailbox_id, work, timeout=database.timing.search)
