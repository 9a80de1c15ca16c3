"""Makes the copies that a second store is to have; workers of all nodes share one queue.

What becomes stored in the first store waits here from that moment on, and so does, page by page,
what was there before the second store was configured. Copies are claimed under a lease, oldest
first. While a store cannot be reached nothing is counted (G5), and the age of the oldest is what
alarms (G10).
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Final

from attrs import frozen
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import gather
from sora.errors import SoraError, StorageFull, Unavailable
from sora.mailbox.copies import ObjectCopies
from sora.metrics.bodies import UploadMetrics
from sora.retry import Delays
from sora.storage.interfaces import ICopies
from sora.storage.rows import Backlog, Copy
from sora.trouble import Trouble
from sora.waking import Waking
from sora.workers.backlog import BacklogWatch

PAGE: Final = 1000
"""Objects that were there before, looked at with one statement."""
AWAY: Final = Delays(first=5.0, longest=60.0)
REFUSED: Final = Delays(first=60.0, longest=3600.0)


@frozen
class CopierStatus:
    """What is done, and what waits as of the last wake-up."""

    copied: int
    refused: int
    store_reachable: bool
    backlog: Backlog


class Copier(Waking):
    """Copies to the store `to`, up to `workers` at the same time; `batch_size` are claimed with
    one statement. `lease` and `wake_interval` are seconds, `warn_after` is as for `BacklogWatch`.
    """

    log = Logger()

    def __init__(
        self,
        copies: ICopies,
        copying: ObjectCopies,
        *,
        to: str,
        clock: IReactorTime,
        random: Random,
        workers: int = 4,
        batch_size: int = 100,
        lease: float = 600.0,
        wake_interval: float = 5.0,
        warn_after: float = 900.0,
        away: Delays = AWAY,
        metrics: UploadMetrics | None = None,
    ) -> None:
        super().__init__(clock)
        self._copies = copies
        self._copying = copying
        self._to = to
        self._random = random
        self._workers = workers
        self._batch_size = batch_size
        self._lease = timedelta(seconds=lease)
        self._wake_interval = wake_interval
        self._away = away
        self.watch = BacklogWatch(
            lambda: copies.backlog(to),
            to,
            clock,
            warn_after,
            metrics,
            what="copies",
            queue="s3_copy",
        )
        self._trouble = Trouble(
            self.log, f"copying to {to} stops for now", f"copying to {to} goes on"
        )
        self._is_working = False
        self._has_said = False
        self._failures = 0
        self._not_before = 0.0
        self._copied = self._refused = 0

    # ------------------------------------------------------------ service

    def startService(self) -> None:
        super().startService()
        self._wake()

    @property
    def status(self) -> CopierStatus:
        """What it does now; the backlog is as of the last wake-up."""
        return CopierStatus(self._copied, self._refused, not self._failures, self.watch.backlog)

    # ------------------------------------------------------------ work

    def _wake(self) -> None:
        self._wake_in(self._wake_interval * (0.75 + 0.5 * self._random.random()))
        if not self._is_working:
            self._is_working = True
            self._tasks.start(self._work(), f"copying to {self._to}")

    async def _work(self) -> None:
        """Rounds, until nothing is due."""
        try:
            if not self._has_said:
                await self._copies.copy_to([self._to])
                self._has_said = True
            await self.watch.look()
            while self.running and self._clock.seconds() >= self._not_before:
                claimed = await self._copies.claim(self._to, self._batch_size, self._lease)
                await self._traced("copying", self._copy_all(claimed))
                if not claimed and not await self._copies.fill(self._to, PAGE):
                    break
        except Unavailable as error:  # the database: the next wake-up tries again
            self._trouble.has(error)
        else:
            self._trouble.is_over()
        finally:
            self._is_working = False

    async def _copy_all(self, claimed: Sequence[Copy]) -> None:
        places = DeferredSemaphore(self._workers)
        await gather(*[places.run(self._copy, copy) for copy in claimed])

    async def _copy(self, copy: Copy) -> None:
        if not self.running or self._clock.seconds() < self._not_before:
            await self._put_off(copy, 0.0, count=False)
            return
        try:
            await self._copying.copy(copy.content_id, copy.hash, copy.size, copy.store)
        except (Unavailable, StorageFull) as error:
            await self._is_away(copy, error)
        except SoraError as error:
            self._refused += 1
            self.log.error(
                "content {content} is not copied to {store} (attempt {attempt}): {error}",
                content=copy.content_id,
                store=self._to,
                attempt=copy.attempts + 1,
                error=error.text,
            )
            await self._put_off(copy, REFUSED.delay(copy.attempts, self._random), count=True)
        else:
            self._copied += 1
            if self._failures:
                self.log.info("copies to {store} go on", store=self._to)
            self._failures = 0

    async def _is_away(self, copy: Copy, error: SoraError) -> None:
        """One of the stores is away, or one body cannot be read: it waits, and with it the rest
        for a moment. Nothing is counted (G5)."""
        delay = self._away.delay(self._failures, self._random)
        if not self._failures:
            self.log.warn("copies to {store} wait: {error}", store=self._to, error=error.text)
        self._failures += 1
        self._not_before = self._clock.seconds() + min(delay, self._away.first)
        await self._put_off(copy, delay, count=False)

    async def _put_off(self, copy: Copy, delay: float, count: bool) -> None:
        try:
            await self._copies.postpone(copy, timedelta(seconds=delay), count)
        except Unavailable as error:
            self.log.info("a copy is left to its lease: {error}", error=error.text)
