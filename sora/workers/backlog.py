"""How much is staged and waits for its object store: measured, and told when it is old (G10)."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import Unavailable
from sora.metrics.bodies import UploadMetrics
from sora.storage.rows import Backlog
from sora.trouble import Trouble

REMIND: Final = 300.0
"""Seconds between two warnings about the same backlog."""


class BacklogWatch:
    """Looks at a backlog when it is asked to, by `ask`. `warn_after` is the age in seconds of the
    oldest body from which on the log says so; `what` waits is said there, `queue` is the metrics'
    label."""

    log = Logger()

    def __init__(
        self,
        ask: Callable[[], Awaitable[Backlog]],
        store: str,
        clock: IReactorTime,
        warn_after: float,
        metrics: UploadMetrics | None,
        *,
        what: str = "staged bodies",
        queue: str = "s3_upload",
    ) -> None:
        self._ask = ask
        self._what = what
        self._queue = queue
        self._store = store
        self._clock = clock
        self._warn_after = warn_after
        self._metrics = metrics
        self._ignorance = Trouble(
            self.log,
            f"the backlog of {what} is not known",
            f"the backlog of {what} is known again",
        )
        self._warned: float | None = None
        self._looked_at = -inf
        self.backlog = Backlog(0, 0, 0.0)
        """as it was at the last look"""

    async def recent(self, seconds: float) -> Backlog:
        """As it was at the last look, if that is not longer ago; else it is asked for now. Raises
        Unavailable."""
        if self._clock.seconds() - self._looked_at >= seconds:
            self.backlog = await self._ask()
            self._looked_at = self._clock.seconds()
        return self.backlog

    async def look(self) -> None:
        """One round trip. A database that is away is only logged."""
        try:
            backlog = await self.recent(0.0)
        except Unavailable as error:
            self._ignorance.has(error)
            return
        self._ignorance.is_over()
        if self._metrics is not None:
            self._metrics.depth.labels(self._queue).set(backlog.contents)
            self._metrics.lag.labels(self._queue).set(backlog.oldest)
        now = self._clock.seconds()
        if backlog.oldest < self._warn_after:
            self._warned = None
        elif self._warned is None or now - self._warned >= REMIND:
            self._warned = now
            self.log.warn(
                "the oldest of {count} {what} ({octets} octets) has waited {oldest:.0f} seconds for"
                " its way to {store}",
                what=self._what,
                count=backlog.contents,
                octets=backlog.octets,
                oldest=backlog.oldest,
                store=self._store,
            )
