"""Work that several want at the same time and that is done once for all of them."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sora.tracing.spans import Span, begin

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """Running work by key. Whoever asks while it runs waits for the same result; cancelling
    the wait of one disturbs neither the work nor the others."""

    def __init__(self) -> None:
        self._waiting: dict[K, list[Deferred[T]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: K) -> bool:
        """Whether work runs under this key."""
        return key in self._waiting

    def get(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> "Deferred[T]":
        """The result of the work that runs under this key, which is begun if there is none."""
        waiter: Deferred[T] = Deferred()
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.append(waiter)
            span = begin("wait", "for the same work of another")
            return waiter if span is None else waiter.addBoth(_ended, span)
        self._waiting[key] = [waiter]
        Deferred.fromCoroutine(work()).addBoth(self._finish, key)
        return waiter

    def _finish(self, result: T | Failure, key: K) -> None:
        for waiter in self._waiting.pop(key):
            if isinstance(result, Failure):
                waiter.errback(result)
            else:
                waiter.callback(result)


def _ended(result: Any, span: Span) -> Any:
    span.end()
    return result
