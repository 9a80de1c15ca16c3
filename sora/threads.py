"""A bounded pool of threads for what would block the reactor: disk, big hashes, big MIME.

Waiting work stands in a queue; nothing else is shared between the reactor and the threads but
the arguments and the result.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from sora.tracing.spans import begin

P = ParamSpec("P")
T = TypeVar("T")


class Threads(Service):
    """At most `size` threads, started when they are needed.

    Stopping waits for what was begun: a body that is being written is written to its end.
    """

    def __init__(self, reactor: IReactorThreads, size: int, name: str) -> None:
        self.setName(name)
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=max(size, 1), name=name)
        self._running: set[Deferred[Any]] = set()
        self._ended: Deferred[None] | None = None

    @property
    def pending(self) -> int:
        """How many calls wait or run."""
        return len(self._running)

    def startService(self) -> None:
        super().startService()
        self._pool.start()

    async def _finish(self) -> None:
        if self._running:
            self._ended = Deferred()
            await self._ended
        self._pool.stop()

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return Deferred.fromCoroutine(self._finish())

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """Call `work` in a thread. Cancelling the Deferred does not stop the call."""
        span = begin("thread", self.name or "")
        call = deferToThreadPool(self._reactor, self._pool, work, *args, **kwargs)
        self._running.add(call)
        answer: Deferred[T] = Deferred()

        def done(result: Any) -> None:
            self._running.discard(call)
            if span is not None:
                span.end()
            answer.callback(result)  # ignored when the caller has cancelled
            if not self._running and self._ended is not None:
                ended, self._ended = self._ended, None
                ended.callback(None)

        call.addBoth(done)
        return answer
