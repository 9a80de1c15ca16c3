"""Requests that are to be done once, and tasks, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import evolve, frozen
from zope.interface import implementer

from sora.errors import NoSuchTask, TooMany
from sora.storage.interfaces import IRequests, ITasks
from sora.storage.memory.records import RequestRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    BegunRequest,
    KeptAnswer,
    NewTask,
    RequestState,
    TaskNote,
    TaskRow,
    TaskState,
)


@implementer(IRequests)
@frozen
class MemoryRequests:
    """`IRequests` in a dict."""

    tables: MemoryStore

    @operation
    def begin(
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
        """See `IRequests.begin`."""
        now, requests = self.tables.now(), self.tables.requests
        known = requests.get((caller, key))
        if known is None:
            if sum(one == caller for one, _ in requests) >= most:
                raise TooMany(f"There are at most {most} idempotency keys in a day.")
        elif known.until > now:
            if known.digest != digest:
                return BegunRequest(RequestState.OTHER)
            if known.answer is not None:
                return BegunRequest(RequestState.DONE, known.answer)
            if known.leased_until > now and known.holder != holder:
                return BegunRequest(RequestState.BUSY)
        requests[caller, key] = RequestRecord(digest, holder, now + lease, now + keep)
        return BegunRequest(RequestState.NEW)

    @operation
    def end(self, caller: str, key: str, holder: UUID, answer: KeptAnswer) -> None:
        """See `IRequests.end`."""
        known = self.tables.requests.get((caller, key))
        if known is not None and known.holder == holder:
            known.answer = answer

    @operation
    def give_up(self, caller: str, key: str, holder: UUID) -> None:
        """See `IRequests.give_up`."""
        known = self.tables.requests.get((caller, key))
        if known is not None and known.holder == holder:
            del self.tables.requests[caller, key]


@implementer(ITasks)
@frozen
class MemoryTasks:
    """`ITasks` in a dict; with each row stands until when it is known."""

    tables: MemoryStore

    @operation
    def add(self, task: NewTask, keep: timedelta) -> TaskRow:
        """See `ITasks.add`."""
        now = self.tables.now()
        row = TaskRow(
            id=task.id,
            number=self.tables.new_id(),
            kind=task.kind,
            about=task.about,
            caller=task.caller,
            node=task.node,
            state=TaskState.RUNNING,
            cancelling=False,
            began_at=now,
            seen_at=now,
            ended_at=None,
            part=None,
            facts={},
            result=None,
            error="",
        )
        self.tables.tasks[task.id] = row, now + keep
        return row

    @operation
    def beat(self, notes: Sequence[TaskNote], keep: timedelta) -> Sequence[UUID]:
        """See `ITasks.beat`."""
        now, found = self.tables.now(), []
        for note in notes:
            row, _ = self.tables.tasks.get(note.id, (None, now))
            if row is not None and row.ended_at is None:
                row = evolve(row, seen_at=now, part=note.part, facts=dict(note.facts))
                self.tables.tasks[note.id] = row, now + keep
                if row.cancelling:
                    found.append(note.id)
        return found

    @operation
    def end(
        self,
        id: UUID,
        state: TaskState,
        note: TaskNote,
        result: Mapping[str, Any] | None,
        error: str,
        keep: timedelta,
    ) -> None:
        """See `ITasks.end`."""
        now = self.tables.now()
        row, _ = self.tables.tasks.get(id, (None, now))
        if row is not None and row.ended_at is None:
            ended = evolve(
                row,
                state=state,
                seen_at=now,
                ended_at=now,
                part=note.part,
                facts=dict(note.facts),
                result=result,
                error=error,
            )
            self.tables.tasks[id] = ended, now + keep

    @operation
    def cancel(self, id: UUID, lost: timedelta) -> TaskRow:
        """See `ITasks.cancel`."""
        row, until = self._find(id)
        row = evolve(row, cancelling=row.cancelling or row.ended_at is None)
        self.tables.tasks[id] = row, until
        return self._seen(row, lost)

    @operation
    def show(self, id: UUID, lost: timedelta) -> TaskRow:
        """See `ITasks.show`."""
        return self._seen(self._find(id)[0], lost)

    @operation
    def list(
        self, before: int | None, limit: int, state: TaskState | None, lost: timedelta
    ) -> Sequence[TaskRow]:
        """See `ITasks.list`."""
        rows = [self._seen(row, lost) for row, _ in self.tables.tasks.values()]
        found = [
            row
            for row in rows
            if (before is None or row.number < before) and state in (None, row.state)
        ]
        return sorted(found, key=lambda row: -row.number)[:limit]

    def _find(self, id: UUID) -> tuple[TaskRow, datetime]:
        found = self.tables.tasks.get(id)
        if found is None:
            raise NoSuchTask(f"There is no task {id}")
        return found

    def _seen(self, row: TaskRow, lost: timedelta) -> TaskRow:
        if row.state is TaskState.RUNNING and row.seen_at < self.tables.now() - lost:
            return evolve(row, state=TaskState.LOST)
        return row
