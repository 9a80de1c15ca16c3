"""Moves staged bodies to the object store; workers of all nodes share one queue.

A worker claims the oldest contents that are due, under a lease: one that dies is followed by
another when its lease ends. The same object name serves all attempts, so that a PUT that
happened and was not noted is done again, not left over. While the store cannot be reached,
attempts are not counted (G5), nothing is given up, and one worker tries now and then; the
age of the oldest body is what alarms (G10).
"""

from datetime import timedelta
from random import Random
from typing import Final

from attrs import frozen
from twisted.internet.defer import CancelledError, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import OutcomeUnknown, SoraError, StorageFull, StoreRefused, Unavailable
from sora.mailbox.copies import Mirror
from sora.mailbox.spool import Spool
from sora.metrics.bodies import UploadMetrics
from sora.retry import Delays
from sora.storage.interfaces import IUploads
from sora.storage.rows import Upload
from sora.storage.stores import ObjectStore
from sora.trouble import Trouble
from sora.waking import Waking
from sora.workers.backlog import BacklogWatch

PIECES_AT_ONCE: Final = 4
UNREACHABLE: Final = Delays(first=5.0, longest=15.0)
REFUSED: Final = Delays(first=60.0, longest=3600.0)


@frozen
class UploaderStatus:
    """What `GET /admin/uploader/status` shows. `oldest` is an age in seconds."""

    active: int
    uploaded: int
    postponed: int
    refused: int
    store_reachable: bool
    contents: int
    octets: int
    oldest: float


class Uploader(Waking):
    """Up to `workers` bodies at the same time; `batch_size` are claimed with one statement.

    `lease` and `wake_interval` are seconds; `warn_after` is the age in seconds of the oldest body
    from which on the log says so. `unreachable` are the delays of a body that could not be uploaded
    because the store was away. The `mirror` has each object first.
    """

    log = Logger()

    def __init__(
        self,
        uploads: IUploads,
        store: ObjectStore,
        *,
        clock: IReactorTime,
        random: Random,
        workers: int = 10,
        batch_size: int = 100,
        lease: float = 300.0,
        wake_interval: float = 10.0,
        warn_after: float = 900.0,
        unreachable: Delays = UNREACHABLE,
        mirror: Mirror | None = None,
        metrics: UploadMetrics | None = None,
    ) -> None:
        super().__init__(clock)
        self._uploads = uploads
        self._store = store
        self._random = random
        self._workers = workers
        self._batch_size = batch_size
        self._lease = timedelta(seconds=lease)
        self._wake_interval = wake_interval
        self.watch = BacklogWatch(uploads.backlog, store.name, clock, warn_after, metrics)
        self._unreachable = unreachable
        self._mirror = mirror
        self._metrics = metrics
        self._trouble = Trouble(self.log, "an upload worker stops for now", "upload workers go on")
        self._claimed: list[Upload] = []
        self._left: list[Upload] = []
        """what the database could not be told of: nobody else takes it before its lease ends"""
        self._claiming = DeferredLock()
        self._poked = False
        self._found = False
        self._active = 0
        self._reachable = True
        self._unreachable_in_a_row = 0
        self._uploaded = self._postponed = self._refused = 0

    # ------------------------------------------------------------ service

    def startService(self) -> None:
        super().startService()
        self._wake()

    async def _end(self) -> None:
        """What is being PUT is finished; what was only claimed goes back."""
        await super()._end()
        claimed, self._claimed = self._claimed + self._left, []
        for upload in claimed:
            await self._put_off(upload, 0.0, count=False)

    def poke(self) -> None:
        """A body was staged."""
        self._poked = True
        if self.running and self._reachable:
            self._hire(1)

    @property
    def status(self) -> UploaderStatus:
        """What it does now; the backlog is as of the last wake-up."""
        backlog = self.watch.backlog
        return UploaderStatus(
            self._active,
            self._uploaded,
            self._postponed,
            self._refused,
            self._reachable,
            backlog.contents,
            backlog.octets,
            backlog.oldest,
        )

    # ------------------------------------------------------------ workers

    def _wake(self) -> None:
        self._wake_in(self._wake_interval * (0.75 + 0.5 * self._random.random()))
        self._tasks.start(self._wake_up(), "upload worker")
        self._tasks.start(self.watch.look(), "looking at the upload backlog")

    async def _wake_up(self) -> None:
        """Give back what could not be given back, then work."""
        left, self._left = self._left, []
        for upload in left:
            await self._put_off(upload, 0.0, count=False)
        self._hire(1)

    def _hire(self, count: int) -> None:
        """Start workers, as many as there is room for; one alone while the store is away."""
        most = self._workers if self._reachable else 1
        for _ in range(min(count, most - self._active)):
            self._active += 1
            self._tasks.start(self._work(), "upload worker")

    async def _work(self) -> None:
        try:
            while self.running:
                upload = await self._next()
                self._trouble.is_over()
                if upload is None:
                    return
                await self._traced("upload", self._move(upload))
                if not self._reachable:
                    return  # one worker tries again at the next wake-up
        except Unavailable as error:  # the database: the next wake-up tries again
            self._trouble.has(error)
        finally:
            self._active -= 1

    async def _next(self) -> Upload | None:
        """The next content, from what this process has claimed or by a new claim.

        Who waited while another worker claimed does not ask again for nothing, unless a body
        was staged meanwhile.
        """
        while not self._claimed and self.running:
            has_waited = bool(self._claiming.locked)
            await self._claiming.acquire()
            try:
                if not self._claimed and (self._poked or self._found or not has_waited):
                    await self._claim()
                if not self._claimed and not self._found and not self._poked:
                    return None
            finally:
                self._claiming.release()
        return self._claimed.pop(0) if self.running else None

    async def _claim(self) -> None:
        self._poked = False
        limit = self._batch_size if self._reachable else 1
        self._found = False
        claimed = await self._uploads.claim(self._store.name, limit, self._lease)
        self._found = bool(claimed)
        self._claimed += claimed
        self._hire(len(self._claimed) - 1)

    async def _move(self, upload: Upload) -> None:
        begun = self._clock.seconds()
        try:
            result = await self._upload(upload)
        except CancelledError:
            raise
        except OutcomeUnknown:  # of `finish`: it is done again, or found done
            self._left.append(upload)
            raise
        except (Unavailable, StorageFull) as error:
            result = "unavailable"
            await self._is_away(upload, error)
        except SoraError as error:
            result = "refused"
            await self._is_refused(upload, error)
        if self._metrics is not None:
            self._metrics.jobs.labels(result).inc()
            self._metrics.duration.observe(self._clock.seconds() - begun)

    async def _upload(self, upload: Upload) -> str:
        spool = Spool()
        try:
            if not await self._read(upload, spool):
                return "gone"
            if self._mirror is not None:
                await self._mirror.write(upload.content_id, spool)
            checksum = await self._store.writer.put(
                upload.object_id, spool.open, upload.size, upload.hash
            )
        finally:
            spool.close()
        stored = self._store.stored_size(upload.size)
        await self._uploads.finish(upload, stored, checksum, self._store.key_id)
        self._uploaded += 1
        if self._metrics is not None:
            self._metrics.attempts.labels("success").inc()
        if not self._reachable:
            self.log.info("the object store {store} is back", store=self._store.name)
        self._reachable = True
        self._unreachable_in_a_row = 0
        return "success"

    async def _read(self, upload: Upload, spool: Spool) -> bool:
        """The staged body; False when it is staged no longer: somebody else was faster.

        Raises StoreRefused when what is staged is not what arrived.
        """
        number = 0
        while spool.size < upload.size or number == 0:
            pieces = await self._uploads.staged(upload.content_id, number, PIECES_AT_ONCE)
            for piece in pieces:
                spool.write(piece)
            number += len(pieces)
            if len(pieces) < PIECES_AT_ONCE:
                break
        if spool.size == upload.size and spool.hash == upload.hash:
            return True
        staged, _ = await self._uploads.place_of(upload.content_id)
        if not staged:
            return False
        raise StoreRefused(f"The staged body of content {upload.content_id} is damaged")

    async def _is_away(self, upload: Upload, error: SoraError) -> None:
        """The store cannot be reached: nothing is counted, and the others need not try (G5)."""
        if self._reachable:
            self.log.warn(
                "uploads to {store} wait: {error}", store=self._store.name, error=error.text
            )
        self._reachable = False
        delay = self._unreachable.delay(self._unreachable_in_a_row, self._random)
        self._unreachable_in_a_row += 1
        claimed, self._claimed = self._claimed, []
        for waiting in (upload, *claimed):
            await self._put_off(waiting, delay, count=False)
        if self._metrics is not None:
            self._metrics.attempts.labels("unavailable").inc()

    async def _is_refused(self, upload: Upload, error: SoraError) -> None:
        """Trying again will hardly help; the body stays staged, and readable, all the same."""
        self._refused += 1
        self.log.error(
            "content {content} is not uploaded (attempt {attempt}): {error}",
            content=upload.content_id,
            attempt=upload.attempts + 1,
            error=error.text,
        )
        await self._put_off(upload, REFUSED.delay(upload.attempts, self._random), count=True)
        if self._metrics is not None:
            self._metrics.attempts.labels("refused").inc()

    async def _put_off(self, upload: Upload, delay: float, count: bool) -> None:
        self._postponed += 1
        try:
            await self._uploads.postpone(upload, timedelta(seconds=delay), count)
        except Unavailable as error:
            # The database: so that it does not wait for its lease when that is back.
            self._left.append(upload)
            self.log.info("an upload is left to its lease for now: {error}", error=error.text)
