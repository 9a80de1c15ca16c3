"""Work that takes longer than a request: how far it is, and ending it."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import frozen

from sora.errors import BadArgument, NoSuchTask, SoraError, TooMany
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.paging import next_of, next_page, number_of, page_begin, page_length
from sora.protocols.http.values import said
from sora.storage.rows import TaskRow, TaskState
from sora.workers.tasks import Job

PLACE: Final = "/tasks/{answer.id}"
"""where to find a task that was begun"""


@frozen
class Task:
    """Work that takes long. It is known for seven days after its end."""

    id: str = said("What it is called.", format="uuid")
    kind: str = said("What kind of work it is.", example="verify")
    about: str = said("The work, in words.")
    caller: str = said("The name of the key that has asked for it.")
    node: str = said("The node on which it runs, or ran.")
    state: TaskState = said("How it is: `lost` when its process said nothing for a minute.")
    cancelling: bool = said("Whether somebody wants it to end.")
    began: datetime = said("When it began.")
    seen: datetime = said("When its process was last heard of.")
    ended: datetime | None = said("When it ended.")
    percent: int | None = said(
        "How much of it is done, where that is known.", minimum=0, maximum=100
    )
    progress: Mapping[str, Any] = said("What it has counted up to now.")
    result: Mapping[str, Any] | None = said("What came of it; null until it is done.")
    error: str = said("Why it failed, or ended early.")


@frozen
class Tasks:
    """Some tasks, the newest first."""

    items: tuple[Task, ...] = said("The tasks.")
    next: str | None = next_page()


@frozen
class TasksQuery:
    """Which tasks."""

    state: TaskState | None = said("Only those in this state.", default=None)
    cursor: str = page_begin()
    limit: int = page_length("Tasks of a page.")


def task_endpoint(errors: tuple[type[SoraError], ...], **fields: Any) -> Endpoint:
    """An endpoint that begins a task, which may be one too many; `errors` are what it may say
    besides."""
    return Endpoint(
        method="POST",
        scope=Scope.WRITE,
        answer=Task,
        status=202,
        place=PLACE,
        changes="began to {answer.about}",
        errors=(*errors, TooMany),
        **fields,
    )


def task_of(row: TaskRow) -> Task:
    """A task as it is shown."""
    return Task(
        id=str(row.id),
        kind=row.kind,
        about=row.about,
        caller=row.caller,
        node=row.node,
        state=row.state,
        cancelling=row.cancelling,
        began=row.began_at,
        seen=row.seen_at,
        ended=row.ended_at,
        percent=None if row.part is None else int(100 * min(max(row.part, 0.0), 1.0)),
        progress=row.facts,
        result=row.result,
        error=row.error,
    )


async def begun(nouns: Nouns, call: Call, kind: str, about: str, job: Job) -> Task:
    """Begin a job for whoever calls, and show the task that it is. Raises TooMany."""
    return task_of(await nouns.tasks.start(kind, about, call.caller.key, job))


async def _list(nouns: Nouns, call: Call) -> Tasks:
    asked: TasksQuery = call.query
    before = number_of(asked.cursor) if asked.cursor else None
    rows = await nouns.tasks.list(before, asked.limit, asked.state)
    following = next_of(rows, asked.limit, lambda row: str(row.number))
    return Tasks(items=tuple(map(task_of, rows)), next=following)


async def _show(nouns: Nouns, call: Call) -> Task:
    return task_of(await nouns.tasks.show(call.path["id"]))


async def _cancel(nouns: Nouns, call: Call) -> Task:
    return task_of(await nouns.tasks.cancel(call.path["id"]))


_endpoint = partial(Endpoint, group="tasks")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/tasks",
        name="listTasks",
        summary="List work that takes long, of all nodes, the newest first",
        query=TasksQuery,
        answer=Tasks,
        errors=(BadArgument,),
        run=_list,
    ),
    _endpoint(
        method="GET",
        path="/tasks/{id}",
        name="showTask",
        summary="Show how far a task is, or what came of it",
        answer=Task,
        errors=(NoSuchTask,),
        run=_show,
    ),
    _endpoint(
        method="POST",
        path="/tasks/{id}/cancel",
        name="cancelTask",
        summary="Let a task end within seconds, between two steps; what is done stays done",
        scope=Scope.WRITE,
        answer=Task,
        changes="wants the task {id} to end",
        errors=(NoSuchTask,),
        run=_cancel,
    ),
)
