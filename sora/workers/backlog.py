"""How much is staged and waits for its object store: measured, and told when it is old (G10)."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import Unavailable
from sora.metrics.bodies import UploadMetrics
from sora.storage.interfaces import IUploads
from sora.storage.rows import Backlog

REMIND: Final = 300.0
"""Seconds between two warnings about the same backlog."""


class BacklogWatch:
    """Looks at the backlog when it is asked to. `warn_after` is the age in seconds of the oldest
    body from which on the log says so."""

    log = Logger()

    def __init__(
        self,
        uploads: IUploads,
        store: str,
        clock: IReactorTime,
        warn_after: float,
        metrics: UploadMetrics | None,
    ) -> None:
        self._uploads = uploads
        self._store = store
        self._clock = clock
        self._warn_after = warn_after
        self._metrics = metrics
        self._warned: float | None = None
        self.backlog = Backlog(0, 0, 0.0)
        """as it was at the last look"""

    async def look(self) -> None:
        """One round trip. A database that is away is only logged."""
        try:
            self.backlog = backlog = await self._uploads.backlog()
        except Unavailable as error:
            self.log.info("the upload backlog is not known: {error}", error=error.text)
            return
        if self._metrics is not None:
            self._metrics.depth.labels("s3_upload").set(backlog.contents)
            self._metrics.lag.labels("s3_upload").set(backlog.oldest)
        now = self._clock.seconds()
        if backlog.oldest < self._warn_after:
            self._warned = None
        elif self._warned is None or now - self._warned >= REMIND:
            self._warned = now
            self.log.warn(
                "the oldest of {count} staged bodies ({octets} octets) has waited {oldest:.0f}"
                " seconds for its upload to {store}",
                count=backlog.contents,
                octets=backlog.octets,
                oldest=backlog.oldest,
                store=self._store,
            )
