"""Moves staged bodies into a directory, many with one wait for the disk; processes share the queue.

A delivery is durable in the database, so that nothing waits for this: bodies gather for a moment,
then one claim takes the oldest, one read fetches their octets, the disk is waited for twice (the
files, then their names), and one statement ends their staging. A process that dies is followed
by another when its lease ends; the same name serves all attempts. While the disk is full or
away, nothing is counted and nothing is given up (G5): the bodies are staged, and readable.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError, StorageFull, Unavailable
from sora.metrics.bodies import UploadMetrics
from sora.retry import Delays
from sora.storage.interfaces import IUploads
from sora.storage.rows import Upload
from sora.storage.stores import ObjectStore
from sora.waking import Waking
from sora.workers.backlog import BacklogWatch

TOGETHER: Final = 4 * 1024 * 1024
"""octets of bodies that are read with one statement"""
GATHER: Final = 0.5
"""seconds for which a body waits for others"""
AWAY: Final = Delays(first=5.0, longest=60.0)
REFUSED: Final = Delays(first=60.0, longest=3600.0)


class Filer(Waking):
    """One round at a time. `batch_size` bodies are claimed with one statement; `lease`, `gather`
    and `wake_interval` are seconds, `warn_after` is as for `BacklogWatch`."""

    log = Logger()

    def __init__(
        self,
        uploads: IUploads,
        store: ObjectStore,
        *,
        clock: IReactorTime,
        random: Random,
        batch_size: int = 200,
        lease: float = 300.0,
        gather: float = GATHER,
        wake_interval: float = 10.0,
        warn_after: float = 900.0,
        metrics: UploadMetrics | None = None,
    ) -> None:
        super().__init__(clock)
        self._uploads = uploads
        self._store = store
        self._random = random
        self._batch_size = batch_size
        self._lease = timedelta(seconds=lease)
        self._gather = gather
        self._wake_interval = wake_interval
        self._metrics = metrics
        self.watch = BacklogWatch(uploads.backlog, store.name, clock, warn_after, metrics)
        self._soon: IDelayedCall | None = None
        self._left: list[Upload] = []
        self._running = False
        self._again = False
        self._failures = 0
        self._not_before = 0.0

    # ------------------------------------------------------------ service

    def startService(self) -> None:
        super().startService()
        self._wake()

    def stopService(self) -> "Deferred[None]":
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        return super().stopService()

    def poke(self) -> None:
        """A body was staged."""
        if self.running and self._soon is None and not self._is_away:
            self._soon = self._clock.callLater(self._gather, self._begin)

    @property
    def _is_away(self) -> bool:
        return self._clock.seconds() < self._not_before

    def _wake(self) -> None:
        self._wake_in(self._wake_interval * (0.75 + 0.5 * self._random.random()))
        self._tasks.start(self.watch.look(), "looking at the upload backlog")
        if not self._is_away and self._soon is None:
            self._begin()

    def _begin(self) -> None:
        self._soon = None
        if self._running:
            self._again = True
            return
        self._running = True
        self._tasks.start(self._work(), "filing staged bodies")

    # ------------------------------------------------------------ work

    async def _work(self) -> None:
        """Rounds, until nothing is due."""
        try:
            await self._give_back()
            is_full = True
            while self.running and (is_full or self._again) and not self._is_away:
                self._again = False
                claimed = await self._uploads.claim(self._store.name, self._batch_size, self._lease)
                is_full = len(claimed) >= self._batch_size
                try:
                    await self._traced("filing", self._file(claimed))
                except Unavailable:
                    # The database: nobody else takes them before their lease ends.
                    self._left += claimed
                    raise
        except Unavailable as error:  # the next wake-up tries again
            self.log.info("staged bodies are filed later: {error}", error=error.text)
        finally:
            self._running = False

    async def _give_back(self) -> None:
        """What the database could not be told of when it was away. Raises Unavailable."""
        while self._left:
            await self._uploads.postpone(self._left[-1], timedelta(0), False)
            self._left.pop()

    async def _file(self, claimed: Sequence[Upload]) -> None:
        groups = list(_groups(claimed))
        for number, group in enumerate(groups):
            if self._is_away or not self.running:
                # What was only claimed goes back.
                for upload in (each for rest in groups[number:] for each in rest):
                    await self._put_off(upload, 0.0, count=False)
                return
            await self._file_group(group)

    async def _file_group(self, group: Sequence[Upload]) -> None:
        begun = self._clock.seconds()
        bodies = await self._uploads.staged_bodies([upload.content_id for upload in group])
        there = [upload for upload in group if upload.content_id in bodies]
        results = await self._store.writer.put_many(
            [(each.object_id, bodies[each.content_id], each.hash) for each in there]
        )
        stored: list[tuple[Upload, str]] = []
        for upload, result in zip(there, results, strict=True):
            if isinstance(result, str):
                stored.append((upload, result))
            else:
                await self._failed(upload, result)
        await self._finish(stored)
        self._count("gone", len(group) - len(there))
        self._count("success", len(stored))
        if self._metrics is not None:
            self._metrics.duration.observe(self._clock.seconds() - begun)

    async def _finish(self, stored: Sequence[tuple[Upload, str]]) -> None:
        if not stored:
            return
        if self._failures:
            self.log.info("the object store {store} is back", store=self._store.name)
            self._failures = 0
        key_id = self._store.key_id
        finished = [
            (upload, self._store.stored_size(upload.size), checksum) for upload, checksum in stored
        ]
        done = set(await self._uploads.finish_many(finished, key_id))
        for upload, size, checksum in finished:
            if upload.object_id not in done:
                await self._uploads.finish(upload, size, checksum, key_id)

    async def _failed(self, upload: Upload, error: Exception) -> None:
        if not isinstance(error, SoraError):
            raise error
        if isinstance(error, Unavailable | StorageFull):
            if not self._is_away:
                self.log.warn(
                    "bodies for {store} wait: {error}", store=self._store.name, error=error.text
                )
                delay = AWAY.delay(self._failures, self._random)
                self._failures += 1
                self._not_before = self._clock.seconds() + delay
            self._count("unavailable", 1)
            await self._put_off(upload, 0.0, count=False)
            return
        self.log.error(
            "content {content} is not filed (attempt {attempt}): {error}",
            content=upload.content_id,
            attempt=upload.attempts + 1,
            error=error.text,
        )
        self._count("refused", 1)
        await self._put_off(upload, REFUSED.delay(upload.attempts, self._random), count=True)

    async def _put_off(self, upload: Upload, delay: float, count: bool) -> None:
        try:
            await self._uploads.postpone(upload, timedelta(seconds=delay), count)
        except Unavailable as error:
            self._left.append(upload)
            self.log.info("a body is left to its lease for now: {error}", error=error.text)

    def _count(self, result: str, number: int) -> None:
        if self._metrics is not None and number:
            self._metrics.jobs.labels(result).inc(number)
            if result != "gone":
                self._metrics.attempts.labels(result).inc(number)


def _groups(claimed: Sequence[Upload]) -> Iterator[Sequence[Upload]]:
    """Uploads in their order, with at most `TOGETHER` octets, or a single one."""
    group: list[Upload] = []
    octets = 0
    for upload in claimed:
        if group and octets + upload.size > TOGETHER:
            yield group
            group, octets = [], 0
        group.append(upload)
        octets += upload.size
    if group:
        yield group
