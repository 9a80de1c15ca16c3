"""One fsync for all who wait for one: of a directory in which many names were made."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import CancelledError, Deferred

from sora.deferreds import Tasks


class SharedSync:
    """`sync` makes durable what was done before it was called.

    Whoever comes while it runs cannot be sure to be part of it, and waits for the next one, with
    all others who come meanwhile.
    """

    def __init__(self, sync: Callable[[], Awaitable[None]]) -> None:
        self._sync = sync
        self._waiting: list[Deferred[None]] = []
        self._is_running = False
        self._tasks = Tasks()

    def __call__(self) -> "Deferred[None]":
        """Fires when a sync that began after this call has ended; fails as it fails."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if not self._is_running:
            self._is_running = True
            self._tasks.start(self._run(), "making the relay queue durable")
        return waiting

    async def _run(self) -> None:
        try:
            while self._waiting:
                served, self._waiting = self._waiting, []
                try:
                    await self._sync()
                except CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - each who waits gets it
                    for one in served:
                        one.errback(error)
                else:
                    for one in served:
                        one.callback(None)
        finally:
            self._is_running = False
