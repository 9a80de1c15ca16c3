"""The threads in which passwords are hashed: few, and with a bounded queue.

bcrypt takes a fifth of a second on purpose. It holds no lock of the interpreter meanwhile,
so each thread uses a core; more threads than cores only make everything slower. They are nice
(Linux knows that of each thread): the reactor, and so everybody who has logged in, comes first.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorThreads

from sora.errors import Unavailable
from sora.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")


NICENESS: Final = 10
_known = threading.local()


class PasswordThreads(Threads):
    """A bounded pool with a bounded queue: `threads` work, `queue` more calls may wait."""

    def __init__(self, reactor: IReactorThreads, *, threads: int, queue: int = 500) -> None:
        super().__init__(reactor, threads, "passwords")
        self._most = threads + queue

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """Call `work` in a thread.

        Raises:
            Unavailable: so much is waiting that it would take too long (G55).
        """
        if self.pending >= self._most:
            return fail(Unavailable("Too many logins at once; try again later"))
        return super().run(_nicely, partial(work, *args, **kwargs))


def _nicely(work: Callable[[], T]) -> T:
    if not getattr(_known, "is_nice", False):
        _known.is_nice = True
        if sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    return work()
