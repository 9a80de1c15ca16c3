"""SEARCH, SORT and THREAD: one statement each (`conditions.py` writes it), its answer unpacked."""

from collections.abc import Mapping, Sequence

from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.mail.sort_keys import is_reply
from sora.storage.postgres import conditions, packing
from sora.storage.postgres.conditions import Statement
from sora.storage.postgres.database import Database, Row, Tx
from sora.storage.rows import SortKey, ThreadRow


async def search(database: Database, mailbox_id: int, criterion: Criterion) -> Sequence[int]:
    """`IMessages.search`"""
    return await _numbers(database, "search", conditions.search(mailbox_id, criterion))


async def sort(
    database: Database, mailbox_id: int, criterion: Criterion, keys: Sequence[SortKey]
) -> Sequence[int]:
    """`IMessages.sort`"""
    return await _numbers(database, "sort", conditions.sort(mailbox_id, criterion, keys))


async def threads(database: Database, mailbox_id: int, criterion: Criterion) -> Sequence[ThreadRow]:
    """`IMessages.threads`"""
    rows = await _rows(database, "threads", conditions.threads(mailbox_id, criterion))
    return [
        # A subject that is its own base is no reply.
        ThreadRow(uid, own, parent, tuple(ids), base, whole is not None and is_reply(whole), date)
        for uid, own, parent, ids, base, whole, date in rows
    ]


async def relevance(
    database: Database, mailbox_id: int, criterion: Criterion, uids: NumberSet
) -> Mapping[int, int]:
    """`IMessages.relevance`"""
    rows = await _rows(database, "relevance", conditions.scores(mailbox_id, criterion, uids))
    return dict(rows)


async def _numbers(database: Database, name: str, statement: Statement) -> Sequence[int]:
    sql, parameters = statement

    async def work(tx: Tx) -> Sequence[int]:
        return packing.numbers(await tx.value(sql, parameters))

    return await database.run(name, work, write=False)


async def _rows(database: Database, name: str, statement: Statement) -> list[Row]:
    sql, parameters = statement

    async def work(tx: Tx) -> list[Row]:
        return await tx.all(sql, parameters)

    return await database.run(name, work, write=False)
