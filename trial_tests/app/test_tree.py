"""Services start in order, each awaited, and stop in reverse (G67)."""

from collections.abc import Callable

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sora.app.tree import Later, OrderedServices, Stage


class Part(Service):
    """A service that notes what happens to it, and that ends its steps when it is told."""

    def __init__(self, name: str, notes: list[str], waits: bool = False) -> None:
        self.setName(name)
        self.notes = notes
        self.waits = waits
        self.starting: Deferred[None] = Deferred()
        self.stopping: Deferred[None] = Deferred()

    def startService(self) -> "Deferred[None]":
        super().startService()
        self.notes.append(f"start {self.name}")
        return self.starting if self.waits else succeed(None)

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        self.notes.append(f"stop {self.name}")
        return self.stopping if self.waits else succeed(None)


class OrderedServicesTests(SynchronousTestCase):
    """Parts that stand on each other."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.notes: list[str] = []

    def tree(self, *parts: IService) -> OrderedServices:
        tree = OrderedServices(self.clock, patience=5.0)
        for part in parts:
            tree.addService(part)
        return tree

    def part(self, name: str, waits: bool = False) -> Part:
        return Part(name, self.notes, waits)

    def test_it_is_a_multi_service(self) -> None:
        """So that it is plugged together like all of Twisted's."""
        self.assertIsInstance(self.tree(), MultiService)
        verifyObject(IService, self.tree())

    def test_each_child_is_awaited_before_the_next_starts(self) -> None:
        """And the whole fires when the last has started."""
        first, second = self.part("first", waits=True), self.part("second")
        started = self.tree(first, second).startService()
        self.assertEqual(self.notes, ["start first"])
        self.assertNoResult(started)
        first.starting.callback(None)
        self.assertEqual(self.notes, ["start first", "start second"])
        self.successResultOf(started)

    def test_children_stop_in_reverse_each_awaited(self) -> None:
        """Storage stays until those above it have ended."""
        first, second = self.part("first"), self.part("second", waits=True)
        second.starting.callback(None)
        tree = self.tree(first, second)
        self.successResultOf(tree.startService())
        self.notes.clear()
        stopped = tree.stopService()
        self.assertEqual(self.notes, ["stop second"])
        second.stopping.callback(None)
        self.assertEqual(self.notes, ["stop second", "stop first"])
        self.successResultOf(stopped)

    def test_a_failed_start_stops_what_was_started_and_is_raised(self) -> None:
        """Also the child that failed half-way; those after it are not touched."""
        second = self.part("second", waits=True)
        second.stopping.callback(None)
        started = self.tree(self.part("first"), second, self.part("third")).startService()
        second.starting.errback(OSError("no"))
        self.failureResultOf(started, OSError)
        self.assertEqual(self.notes, ["start first", "start second", "stop second", "stop first"])

    def test_a_synchronous_failure_is_a_failure_too(self) -> None:
        """As of a listener whose port is taken."""

        class Broken(Service):
            def startService(self) -> None:
                raise OSError("in use")

        started = self.tree(self.part("first"), Broken()).startService()
        self.failureResultOf(started, OSError)
        self.assertEqual(self.notes, ["start first", "stop first"])

    def test_a_stop_during_the_start_waits_for_the_present_child(self) -> None:
        """The next one is not started any more."""
        first = self.part("first", waits=True)
        first.stopping.callback(None)
        tree = self.tree(first, self.part("second"))
        started, stopped = tree.startService(), tree.stopService()
        self.assertNoResult(stopped)
        first.starting.callback(None)
        self.successResultOf(started)
        self.successResultOf(stopped)
        self.assertEqual(self.notes, ["start first", "stop first"])

    def test_a_child_that_does_not_stop_is_left_behind(self) -> None:
        """Nothing hangs (G67)."""
        second = self.part("second", waits=True)
        second.starting.callback(None)
        tree = self.tree(self.part("first"), second)
        self.successResultOf(tree.startService())
        stopped = tree.stopService()
        self.clock.advance(4)
        self.assertNoResult(stopped)
        self.clock.advance(2)
        self.successResultOf(stopped)
        self.assertEqual(self.notes[-1], "stop first")

    def test_a_child_that_fails_to_stop_does_not_keep_the_others(self) -> None:
        """It is logged."""
        second = self.part("second", waits=True)
        second.starting.callback(None)
        second.stopping.errback(OSError("lost"))
        tree = self.tree(self.part("first"), second)
        self.successResultOf(tree.startService())
        self.successResultOf(tree.stopService())
        self.assertEqual(self.notes[-1], "stop first")
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_a_stage_is_two_coroutines(self) -> None:
        """Either may be missing."""

        def noting(text: str) -> Callable[[], "Deferred[None]"]:
            async def work() -> None:
                self.notes.append(text)

            return lambda: Deferred.fromCoroutine(work())

        tree = self.tree(
            Stage("both", noting("open"), noting("close")), Stage("end", stop=noting("end"))
        )
        self.successResultOf(tree.startService())
        self.successResultOf(tree.stopService())
        self.assertEqual(self.notes, ["open", "end", "close"])

    def test_a_later_part_is_built_when_what_is_below_has_started(self) -> None:
        """And stopped in its place; one that was never built is no trouble."""

        async def build() -> IService:
            self.notes.append("build")
            return self.part("inner")

        tree = self.tree(self.part("below"), Later("later", build), self.part("above"))
        self.successResultOf(tree.startService())
        self.successResultOf(tree.stopService())
        self.assertEqual(
            self.notes,
            ["start below", "build", "start inner", "start above"]
            + ["stop above", "stop inner", "stop below"],
        )
        self.successResultOf(Later("never", build).stopService())
