"""What an operator can do with work that takes long."""

from collections.abc import Sequence
from uuid import UUID

from attrs import frozen

from sora.errors import NoSuchTask
from sora.storage.interfaces import ITasks
from sora.storage.rows import TaskRow, TaskState
from sora.workers.tasks import LOST, Job, TaskRunner


@frozen
class TaskOperations:
    """Tasks of all processes; those that are started run in this one. Errors are those of
    `sora.errors`."""

    tasks: ITasks
    runner: TaskRunner

    async def start(self, kind: str, about: str, caller: str, job: Job) -> TaskRow:
        """Begin a job. Raises TooMany when enough of them run here."""
        return await self.runner.start(kind, about, caller, job)

    async def list(
        self, before: int | None = None, limit: int = 100, state: TaskState | None = None
    ) -> Sequence[TaskRow]:
        """Tasks, the newest first; those with numbers below `before`."""
        rows: Sequence[TaskRow] = await self.tasks.list(before, limit, state, LOST)
        return rows

    async def show(self, name: str) -> TaskRow:
        """A task, by its id. Raises NoSuchTask."""
        row: TaskRow = await self.tasks.show(_id(name), LOST)
        return row

    async def cancel(self, name: str) -> TaskRow:
        """Let a task end soon, wherever it runs. Raises NoSuchTask."""
        row: TaskRow = await self.tasks.cancel(_id(name), LOST)
        self.runner.cancel(row.id)
        return row


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise NoSuchTask(f"There is no task {name}") from None
