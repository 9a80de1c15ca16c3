"""The threads in which passwords are hashed: few, and with a bounded queue.

bcrypt takes a fifth of a second on purpose. It holds no lock of the interpreter meanwhile,
so each thread uses a core; more threads than cores only make everything slower.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from sora.errors import Unavailable

T = TypeVar("T")


class PasswordThreads(Service):
    """A bounded pool. `waiting` says how much work it has, running or queued."""

    name = "password threads"

    def __init__(self, reactor: Any, *, threads: int, queue: int = 500) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name="passwords")
        self._most = threads + queue
        self.waiting = 0

    def startService(self) -> None:
        """Begin to work."""
        super().startService()
        self._pool.start()

    def stopService(self) -> "Deferred[None]":
        """Finish what runs; the Deferred fires then."""
        super().stopService()
        done: Deferred[None] = deferToThreadPool(
            self._reactor, self._reactor.getThreadPool(), self._pool.stop
        )
        return done

    def run(self, work: Callable[..., T], *arguments: Any) -> "Deferred[T]":
        """Do `work(*arguments)` in a thread.

        Raises:
            Unavailable: so much is waiting that it would take too long (G55).
        """
        if self.waiting >= self._most:
            raise Unavailable("Too many logins at once; try again later")
        self.waiting += 1
        result: Deferred[T] = deferToThreadPool(self._reactor, self._pool, work, *arguments)
        return result.addBoth(self._done)

    def _done(self, result: Any) -> Any:
        self.waiting -= 1
        return result
