"""sora.workers.tasks: jobs run here, are seen everywhere, and end when somebody wants it."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadArgument, TooMany, Unavailable
from sora.operations.tasks import TaskOperations
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import TaskRow
from sora.workers.tasks import BEAT, LOST, MOST, STOPPED, Job, TaskRunner, Told


class Work:
    """A job of steps, each of which waits to be told to go on."""

    def __init__(self) -> None:
        self.steps: list[Deferred[None]] = []

    async def job(self, told: Told) -> Mapping[str, Any]:
        for number in range(4):
            self.steps.append(Deferred())
            await self.steps[-1]
            told(number / 4, steps=number)
        return {"steps": 4}

    def go_on(self, error: Exception | None = None) -> None:
        """Let the step end that is under way."""
        if error is None:
            self.steps[-1].callback(None)
        else:
            self.steps[-1].errback(error)


class TaskTests(SynchronousTestCase):
    """One process, and what another one sees of it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = memory_storage(self.clock)
        self.runner = self.new_runner()
        self.runner.startService()
        self.addCleanup(self.stop)
        self.tasks = TaskOperations(self.storage.tasks, self.runner)
        self.elsewhere = TaskOperations(self.storage.tasks, self.new_runner())
        self.work = Work()

    def new_runner(self) -> TaskRunner:
        return TaskRunner(self.storage.tasks, clock=self.clock, node="n1", new_id=uuid4)

    def stop(self) -> None:
        if self.runner.running:
            self.stopping = self.runner.stopService()

    def start(self, job: Job | None = None) -> str:
        starting = self.tasks.start("count", "count steps", "boss", job or self.work.job)
        return str(self.successResultOf(Deferred.fromCoroutine(starting)).id)

    def seen(self, name: str) -> TaskRow:
        """What another node sees."""
        return self.successResultOf(Deferred.fromCoroutine(self.elsewhere.show(name)))

    def test_from_the_beginning_to_the_end(self) -> None:
        name = self.start()
        self.assertEqual((self.seen(name).state, self.seen(name).node), ("running", "n1"))
        self.work.go_on()
        self.work.go_on()
        self.assertEqual(self.seen(name).facts, {})
        self.clock.advance(BEAT)
        self.assertEqual((self.seen(name).part, self.seen(name).facts), (0.25, {"steps": 1}))
        self.work.go_on()
        self.work.go_on()
        self.assertEqual((self.seen(name).state, self.seen(name).result), ("done", {"steps": 4}))
        self.clock.advance(BEAT)
        self.assertEqual(self.clock.getDelayedCalls(), [], "nobody has to be told any more")

    def test_somebody_wants_it_to_end(self) -> None:
        """Here, or on another node, which takes a moment longer; it ends between two steps."""
        for operations, wait in ((self.tasks, 0.0), (self.elsewhere, BEAT)):
            self.work = Work()
            name = self.start()
            cancelling = Deferred.fromCoroutine(operations.cancel(name))
            self.assertTrue(self.successResultOf(cancelling).cancelling)
            self.clock.advance(wait)
            self.assertEqual(self.seen(name).state, "running")
            self.work.go_on()
            self.assertEqual((self.seen(name).state, self.seen(name).error), ("cancelled", ""))

    def test_failures(self) -> None:
        """What went wrong is said; a bug is in the log."""
        name = self.start()
        self.work.go_on(BadArgument("There is no such thing"))
        row = self.seen(name)
        self.assertEqual((row.state, row.error), ("failed", "There is no such thing"))
        name = self.start()
        self.work.go_on(RuntimeError("the inside"))
        row = self.seen(name)
        self.assertEqual((row.state, "inside" in row.error), ("failed", False))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_there_are_only_so_many_at_once(self) -> None:
        works = [Work() for _ in range(MOST)]
        for work in works:
            self.start(work.job)
        self.failureResultOf(
            Deferred.fromCoroutine(self.tasks.start("count", "", "boss", self.work.job)), TooMany
        )
        works[0].go_on(Unavailable())
        self.start()

    def test_the_process_stops(self) -> None:
        """It waits for the step that is under way."""
        name = self.start()
        stopping = self.runner.stopService()
        self.assertNoResult(stopping)
        self.work.go_on()
        self.successResultOf(stopping)
        row = self.seen(name)
        self.assertEqual((row.state, row.error), ("cancelled", STOPPED))

    def test_the_process_is_killed(self) -> None:
        """All see that the task is lost."""
        name = self.start()
        self.clock.advance(LOST.total_seconds())
        self.assertEqual(self.seen(name).state, "running")
        self.runner.cancel(self.seen(name).id)
        for call in self.clock.getDelayedCalls():
            call.cancel()  # as if there were no process any more
        self.runner._timer = None
        self.clock.advance(LOST.total_seconds() + 1)
        self.assertEqual(self.seen(name).state, "lost")

    def test_the_database_is_away(self) -> None:
        """The job goes on; how far it was, and how it ended, is told later."""
        name = self.start()

        async def away(family: str) -> None:
            raise Unavailable

        self.storage.tables.pause = away
        self.clock.advance(BEAT)
        for _ in range(4):
            self.work.go_on()
        self.clock.advance(BEAT)
        self.storage.tables.pause = None
        self.clock.advance(BEAT)
        self.assertEqual((self.seen(name).state, self.seen(name).result), ("done", {"steps": 4}))
