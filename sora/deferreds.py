"""Where coroutines meet Deferreds.

Inside Sora everything asynchronous is `async def` and is awaited where it is called.
Methods of an Interface return Deferreds: adapters are written as `@deferred` over
`async def`. Work that nobody awaits is started through `Tasks`, which names, logs, counts
and cancels it.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ClassVar, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.logger import Logger

from sora.tracing.spans import leave

P = ParamSpec("P")
T = TypeVar("T")


def deferred(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, "Deferred[T]"]:
    """Make a method written as `async def` return a Deferred that has already started."""

    @wraps(work)
    def start(*args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        return Deferred.fromCoroutine(work(*args, **kwargs))

    return start


class Tasks:
    """Work that nobody awaits: named, logged when it fails, cancelled at the end. It belongs to no
    trace, for who started it does not wait for it."""

    log = Logger()
    everywhere: ClassVar[int] = 0
    """how many are running in this process, of all that are started by anybody"""

    def __init__(self) -> None:
        self._running: dict[Deferred[None], str] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def names(self) -> list[str]:
        """What is running now, for the log of a shutdown that waits."""
        return sorted(self._running.values())

    def start(
        self, work: Coroutine[Any, Any, Any], name: str, *, awaited: bool = False
    ) -> "Deferred[None]":
        """Run `work` now. The Deferred fires, with None, when it has ended in any way. `awaited`:
        who starts it waits for that, so that it is a part of what they are doing."""
        task: Deferred[None] = Deferred.fromCoroutine(self._run(work, name, awaited))
        if not task.called:
            self._running[task] = name
            Tasks.everywhere += 1
            task.addBoth(self._ended, task)
        return task

    def _ended(self, _: object, task: "Deferred[None]") -> None:
        del self._running[task]
        Tasks.everywhere -= 1

    async def _run(self, work: Coroutine[Any, Any, Any], name: str, awaited: bool) -> None:
        if not awaited:
            leave()
        try:
            await work
        except CancelledError:
            self.log.debug("{task} was cancelled", task=name)
        except Exception:  # noqa: BLE001 - one of the three places that may: see the module
            self.log.failure("{task} failed", task=name)

    async def cancel(self) -> None:
        """Cancel all that is running, and wait until it has ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await DeferredList(running)

    async def join(self) -> None:
        """Wait until everything that runs now has ended by itself."""
        if self._running:
            await DeferredList(list(self._running))


def shielded(work: "Deferred[T]") -> "Deferred[T]":
    """Wait for `work` without owning it: cancelling what this returns only ends the waiting,
    `work` runs to its end, and its result or failure is dropped then."""
    waiting: Deferred[T] = Deferred()
    work.addCallbacks(waiting.callback, waiting.errback)
    return waiting


async def in_turn(places: DeferredSemaphore, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work` when there is a place for it. `DeferredSemaphore.run` does the same, in the
    context of whoever has had the place before: where strangers share places, their traces would
    get what is ours."""
    await places.acquire()
    try:
        return await work()
    finally:
        places.release()


async def gather(*work: Awaitable[T]) -> list[T]:
    """Await several Deferreds that run at the same time; the first failure is raised at the
    end, when all have ended, so that nothing is left running unwatched."""
    started = [
        item if isinstance(item, Deferred) else Deferred.fromCoroutine(_awaiting(item))
        for item in work
    ]
    results = await DeferredList(started, consumeErrors=True)
    values: list[T] = []
    for succeeded, value in results:
        if not succeeded:
            value.raiseException()
        values.append(value)
    return values


async def _awaiting(work: Awaitable[T]) -> T:
    return await work
