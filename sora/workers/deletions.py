"""Looks at what was deleted before it is removed: what goes in a run of deletions far beyond the
account's habit is kept longer, and somebody is told while there is time.

The rule is `sora.storage.rows.Unusual`. A look costs one statement for thousands of deletions, and
nothing where messages are deleted.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.metrics.cleaning import CleaningMetrics
from sora.retry import pause
from sora.storage.interfaces import IDeletions
from sora.storage.rows import DeletionRun, LookedAt, Unusual

BATCH: Final = 5000
"""messages of one statement"""
REST: Final = 0.02
"""seconds between two statements, so that mail goes first"""
SETTLED: Final = timedelta(minutes=10)
"""longer ago than any transaction lasts"""


class DeletionWatch:
    """Notices unusual runs. What goes in one is kept for `extra` seconds more."""

    log = Logger()

    def __init__(
        self,
        deletions: IDeletions,
        unusual: Unusual,
        *,
        clock: IReactorTime,
        extra: float,
        batch: int = BATCH,
        metrics: CleaningMetrics | None = None,
    ) -> None:
        self._deletions = deletions
        self._unusual = unusual
        self._clock = clock
        self._extra = timedelta(seconds=extra)
        self._batch = batch
        self._metrics = metrics

    async def look(self, is_over: Callable[[], bool]) -> int:
        """Look at all that was deleted until now, or until it `is_over`. Gives how many runs were
        noticed. Raises Unavailable."""
        noticed = 0
        while not is_over():
            part: LookedAt = await self._deletions.look(self._unusual, self._batch, SETTLED)
            for run in part.begun:
                self._tell(run)
            noticed += len(part.begun)
            if not part.looked:
                break
            await pause(self._clock, REST)
        while not is_over() and await self._deletions.extend(self._extra, self._batch):
            await pause(self._clock, REST)
        return noticed

    def _tell(self, run: DeletionRun) -> None:
        if self._metrics is not None:
            self._metrics.unusual.inc()
        self.log.warn(
            "{address} deleted {messages} messages since {began_at} and has {remaining} left; the"
            " most in a day before was {habit}. They are kept longer: sora-admin cleaner runs says"
            " how long, sora-admin messages list-deleted and restore bring them back",
            address=run.address or f"account {run.account_id}",
            messages=run.messages,
            began_at=run.began_at.isoformat(timespec="minutes"),
            remaining=run.remaining,
            habit=run.habit,
        )
