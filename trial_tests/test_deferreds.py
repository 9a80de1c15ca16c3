"""Tests of sora.deferreds."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora.deferreds import Tasks, deferred, gather


class DeferredTests(SynchronousTestCase):
    """Coroutines as Deferreds."""

    def test_work_starts_at_once_and_gives_its_result(self) -> None:
        """A forgotten await does not silently do nothing."""
        begun = []

        @deferred
        async def work(value: int) -> int:
            begun.append(value)
            return value + 1

        result = work(1)
        self.assertEqual(begun, [1])
        self.assertEqual(self.successResultOf(result), 2)

    def test_failures_travel(self) -> None:
        """As the exception that was raised."""

        @deferred
        async def work() -> None:
            raise KeyError("x")

        self.failureResultOf(work(), KeyError)


class TasksTests(SynchronousTestCase):
    """Work that nobody awaits."""

    def test_a_failure_is_logged_with_the_name(self) -> None:
        """And the task is over."""
        tasks = Tasks()

        async def work() -> None:
            raise KeyError("x")

        self.assertIsNone(self.successResultOf(tasks.start(work(), "counting")))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(tasks), 0)

    def test_cancel_ends_what_runs_without_an_error_in_the_log(self) -> None:
        """The one who cancels waits until it has ended."""
        tasks = Tasks()
        ended = []

        async def work() -> None:
            try:
                await Deferred()
            except CancelledError:
                ended.append(True)
                raise

        tasks.start(work(), "waiting")
        self.assertEqual(tasks.names, ["waiting"])
        self.successResultOf(Deferred.fromCoroutine(tasks.cancel()))
        self.assertEqual((ended, len(tasks)), ([True], 0))

    def test_join_waits_for_what_runs(self) -> None:
        """And for nothing else."""
        tasks = Tasks()
        gate: Deferred[None] = Deferred()

        async def work() -> None:
            await gate

        tasks.start(work(), "work")
        joined = Deferred.fromCoroutine(tasks.join())
        self.assertNoResult(joined)
        gate.callback(None)
        self.successResultOf(joined)


class GatherTests(SynchronousTestCase):
    """Several at the same time."""

    def test_gives_results_in_the_order_of_the_arguments(self) -> None:
        """Whatever order they end in."""
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        result = Deferred.fromCoroutine(gather(first, second))
        second.callback(2)
        self.assertNoResult(result)
        first.callback(1)
        self.assertEqual(self.successResultOf(result), [1, 2])

    def test_raises_the_first_failure_when_all_have_ended(self) -> None:
        """Nothing is left running unwatched."""
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        result = Deferred.fromCoroutine(gather(first, second))
        first.errback(KeyError("x"))
        self.assertNoResult(result)
        second.callback(2)
        self.failureResultOf(result, KeyError)
