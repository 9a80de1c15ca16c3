"""Requests that are to be done once, and tasks: `IRequests` and `ITasks` in PostgreSQL. See
`0047_requests.sql`.

A lost answer (G14) is read back by doing the same again: each statement done twice is done once.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import NoSuchTask, OutcomeUnknown
from sora.storage.interfaces import IRequests, ITasks
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.rows import (
    BegunRequest,
    KeptAnswer,
    NewTask,
    RequestState,
    TaskNote,
    TaskRow,
    TaskState,
)

T = TypeVar("T")
_STATE: Final = "case when state = 'running' and seen_at < now() - %s then 'lost' else state end"
_COLUMNS: Final = (
    f"id::text, number, kind, about, caller, node, {_STATE}, is_cancelling, began_at, seen_at,"
    " ended_at, part, facts, result, error"
)
_ADD: Final = f"""
insert into tasks (id, kind, about, caller, node, until)
values (%s::uuid, %s, %s, %s, %s, now() + %s)
on conflict (id) do update set until = excluded.until
returning {_COLUMNS}
"""
_BEAT: Final = """
update tasks t set seen_at = now(), until = now() + %s, part = n.part, facts = n.facts::jsonb
from unnest(%s::uuid[], %s::double precision[], %s::text[]) n (id, part, facts)
where t.id = n.id and t.ended_at is null
returning t.id::text, t.is_cancelling
"""
_END: Final = """
update tasks set state = %s, seen_at = now(), ended_at = now(), until = now() + %s, part = %s,
    facts = %s::jsonb, result = %s::jsonb, error = %s
where id = %s::uuid and ended_at is null
"""
_CANCEL: Final = f"""
update tasks set is_cancelling = is_cancelling or ended_at is null
where id = %s::uuid returning {_COLUMNS}
"""
_LIST: Final = f"""
select {_COLUMNS} from tasks
where number < coalesce(%s, 9223372036854775807) and coalesce({_STATE} = %s, true)
order by number desc limit %s
"""


async def _run(database: Database, name: str, work: Callable[[Tx], Awaitable[T]]) -> T:
    """A write that may be done twice."""
    try:
        return await database.run(name, work, write=True)
    except OutcomeUnknown:
        return await database.run(name, work, write=True)


@implementer(IRequests)
class Requests:
    """`IRequests` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def begin(
        self,
        caller: str,
        key: str,
        digest: bytes,
        holder: UUID,
        *,
        lease: timedelta,
        keep: timedelta,
        most: int,
    ) -> BegunRequest:
        async def work(tx: Tx) -> BegunRequest:
            row = await tx.one(
                "select o_state, o_status, o_place, o_body"
                " from begin_request_v1(%s, %s, %s, %s::uuid, %s, %s, %s)",
                (caller, key, digest, str(holder), lease, keep, most),
            )
            assert row is not None, "it always says something"
            state, status, place, body = row
            answer = None if status is None else KeptAnswer(status, place, bytes(body))
            return BegunRequest(RequestState(state), answer)

        return await _run(self._database, "begin_request", work)

    @deferred
    async def end(self, caller: str, key: str, holder: UUID, answer: KeptAnswer) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "update requests set status = %s, place = %s, body = %s"
                " where caller = %s and key = %s and holder = %s::uuid",
                (answer.status, answer.place, answer.body, caller, key, str(holder)),
            )

        await _run(self._database, "end_request", work)

    @deferred
    async def give_up(self, caller: str, key: str, holder: UUID) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(
                "delete from requests where caller = %s and key = %s and holder = %s::uuid",
                (caller, key, str(holder)),
            )

        await _run(self._database, "give_up_request", work)


@implementer(ITasks)
class TaskTable:
    """`ITasks` in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @deferred
    async def add(self, task: NewTask, keep: timedelta) -> TaskRow:
        values = (str(task.id), task.kind, task.about, task.caller, task.node, keep, keep)

        async def work(tx: Tx) -> TaskRow:
            row = await tx.one(_ADD, values)
            assert row is not None, "it was inserted"
            return _task(row)

        return await _run(self._database, "add_task", work)

    @deferred
    async def beat(self, notes: Sequence[TaskNote], keep: timedelta) -> Sequence[UUID]:
        values = (
            keep,
            [str(note.id) for note in notes],
            [note.part for note in notes],
            [json.dumps(dict(note.facts)) for note in notes],
        )

        async def work(tx: Tx) -> Sequence[UUID]:
            rows = await tx.all(_BEAT, values)
            return [packing.uuid(name) for name, is_cancelling in rows if is_cancelling]

        return await _run(self._database, "beat_tasks", work)

    @deferred
    async def end(
        self,
        id: UUID,
        state: TaskState,
        note: TaskNote,
        result: Mapping[str, Any] | None,
        error: str,
        keep: timedelta,
    ) -> None:
        written = None if result is None else json.dumps(dict(result))
        facts = json.dumps(dict(note.facts))

        async def work(tx: Tx) -> None:
            await tx.do(_END, (state.value, keep, note.part, facts, written, error, str(id)))

        await _run(self._database, "end_task", work)

    @deferred
    async def cancel(self, id: UUID, lost: timedelta) -> TaskRow:
        async def work(tx: Tx) -> TaskRow:
            return _found(await tx.one(_CANCEL, (str(id), lost)), id)

        return await _run(self._database, "cancel_task", work)

    @deferred
    async def show(self, id: UUID, lost: timedelta) -> TaskRow:
        async def work(tx: Tx) -> TaskRow:
            sql = f"select {_COLUMNS} from tasks where id = %s::uuid"
            return _found(await tx.one(sql, (lost, str(id))), id)

        return await self._database.run("show_task", work, write=False)

    @deferred
    async def list(
        self, before: int | None, limit: int, state: TaskState | None, lost: timedelta
    ) -> Sequence[TaskRow]:
        wanted = None if state is None else state.value

        async def work(tx: Tx) -> Sequence[TaskRow]:
            rows = await tx.all(_LIST, (lost, before, lost, wanted, limit))
            return [_task(row) for row in rows]

        return await self._database.run("list_tasks", work, write=False)


def _found(row: Sequence[Any] | None, id: UUID) -> TaskRow:
    if row is None:
        raise NoSuchTask(f"There is no task {id}")
    return _task(row)


def _task(row: Sequence[Any]) -> TaskRow:
    name, number, kind, about, caller, node, state, cancelling, began, seen, ended, part, *rest = (
        row
    )
    facts, result, error = rest
    return TaskRow(
        id=packing.uuid(name),
        number=number,
        kind=kind,
        about=about,
        caller=caller,
        node=node,
        state=TaskState(state),
        cancelling=cancelling,
        began_at=began,
        seen_at=seen,
        ended_at=ended,
        part=part,
        facts=facts,
        result=result,
        error=error,
    )
