"""Work that takes longer than a request: it runs here, and all nodes can see how far it is.

A job is a coroutine that tells of itself as it goes on: each time it hears whether it is to end,
and ends between two steps, never in the middle of one (trap 1 of docs/architecture.md). Every few
seconds one statement writes down how far all jobs of this process are, says that it is alive, and
asks which of them somebody wants to end, on whatever node he is.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError, TooMany
from sora.retry import pause
from sora.storage.interfaces import ITasks
from sora.storage.rows import NewTask, TaskNote, TaskRow, TaskState
from sora.waking import Waking

BEAT: Final = 2.0
"""seconds between two words to the database"""
LOST: Final = timedelta(seconds=60)
"""after so long without a word a process is gone, and its tasks with it"""
KEEP: Final = timedelta(days=7)
"""how long a task is known after its end"""
MOST: Final = 4
"""tasks that run in one process at the same time"""
STOPPED: Final = "The process in which it ran was stopped"


class TaskCancelled(Exception):
    """Somebody wants the job to end now."""


class Told(Protocol):
    """How a job tells how far it is: `part` of it, from 0 to 1, where that is known, and what it
    has counted. Raises TaskCancelled when it is to end."""

    def __call__(self, part: float | None = None, **facts: Any) -> None: ...


Job = Callable[[Told], Awaitable[Mapping[str, Any]]]
"""Does the work, and gives its result, which JSON can hold."""


@define
class _Running:
    """A job of this process."""

    id: UUID
    part: float | None = None
    facts: Mapping[str, Any] = field(factory=dict)
    is_ending: bool = False

    def told(self, part: float | None = None, **facts: Any) -> None:
        """See Told."""
        self.part, self.facts = part, facts
        if self.is_ending:
            raise TaskCancelled

    @property
    def note(self) -> TaskNote:
        """How far it is, for the database."""
        return TaskNote(self.id, self.part, self.facts)


class TaskRunner(Waking):
    """Runs jobs. `node` is who we are among others."""

    log = Logger()

    def __init__(
        self,
        tasks: ITasks,
        *,
        clock: IReactorTime,
        node: str,
        new_id: Callable[[], UUID],
        most: int = MOST,
    ) -> None:
        super().__init__(clock)
        self._table = tasks
        self._node = node
        self._new_id = new_id
        self._most = most
        self._running: dict[UUID, _Running] = {}

    async def start(self, kind: str, about: str, caller: str, job: Job) -> TaskRow:
        """Begin a job. `kind` is a word, `about` a sentence. Raises TooMany, Unavailable."""
        if len(self._running) >= self._most:
            raise TooMany(f"{self._most} tasks are running here already: wait for one to end")
        running = _Running(self._new_id())
        self._running[running.id] = running
        new = NewTask(id=running.id, kind=kind, about=about, caller=caller, node=self._node)
        try:
            row: TaskRow = await self._table.add(new, KEEP)
        except BaseException:
            del self._running[running.id]
            raise
        self._tasks.start(self._run(running, job), "task")
        if self._timer is None and self.running:
            self._wake_in(BEAT)
        return row

    def cancel(self, id: UUID) -> None:
        """Let a job end soon, if it is one of this process."""
        running = self._running.get(id)
        if running is not None:
            running.is_ending = True

    # ------------------------------------------------------------ inside

    async def _run(self, running: _Running, job: Job) -> None:
        result, error = None, ""
        try:
            result = await self._traced("task", job(running.told))
            state = TaskState.DONE
        except TaskCancelled:
            state = TaskState.CANCELLED
            error = "" if self.running else STOPPED
        except SoraError as problem:
            state, error = TaskState.FAILED, problem.told.rstrip()
            self.log.info("task {id} failed: {error}", id=str(running.id), error=problem.text)
        except Exception:  # noqa: BLE001 - a bug in a job ends the job, and is told
            state, error = TaskState.FAILED, "The server has failed; its log says more"
            self.log.failure("task {id} failed", id=str(running.id))
        del self._running[running.id]
        await self._end_of(running, state, result, error)

    async def _end_of(
        self, running: _Running, state: TaskState, result: Mapping[str, Any] | None, error: str
    ) -> None:
        """Write the end down, as soon as that is possible."""
        while True:
            try:
                await self._table.end(running.id, state, running.note, result, error, KEEP)
                return
            except SoraError as problem:
                self.log.info("the end of a task waits: {error}", error=problem.text)
                if not self.running:
                    return
            await pause(self._clock, BEAT)

    def _wake(self) -> None:
        if self._running:
            self._tasks.start(self._beat(), "tasks")

    async def _beat(self) -> None:
        try:
            notes = [running.note for running in self._running.values()]
            wanted: Sequence[UUID] = await self._table.beat(notes, KEEP)
            for id in wanted:
                self.cancel(id)
        except SoraError as error:
            self.log.info("tasks are not written down now: {error}", error=error.text)
        finally:
            if self.running and self._running and self._timer is None:
                self._wake_in(BEAT)

    async def _end(self) -> None:
        for running in self._running.values():
            running.is_ending = True
        await super()._end()
