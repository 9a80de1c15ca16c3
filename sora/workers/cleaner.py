"""Removes what is over: expunged messages past their grace, contents that nothing refers to,
their objects, old claims of deliveries, vacation replies and duplicates whose time is over, empty
partitions of staging.

Each step is a small batch in a transaction of its own, is safe to repeat, and skips what
another node has in hand: there is no leader. An object is deleted from its store between two
steps in the database, *condemned* and *forgotten*; what the store did not confirm is not
forgotten (G6), and comes up again the next time.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks, gather
from sora.errors import SoraError, Unavailable
from sora.retry import pause
from sora.storage.interfaces import ICleaning, IObjects
from sora.storage.rows import Condemned

BATCH: Final = 500
MAX_BATCHES: Final = 10_000
"""Of one step in one round: what is left is for the next one."""
PARALLEL_DELETES: Final = 8
REST: Final = 0.02
"""Seconds between two batches, so that mail goes first."""
FIRST_DELAY: Final = 30.0
"""Seconds from the start to about the first round."""
DELIVERY_AGE: Final = timedelta(days=7)
"""How long the claim of a delivery is kept (G42)."""
ORPHAN_GRACE: Final = timedelta(hours=1)
"""How long a content without references is left alone: longer than any transaction lasts (G1)."""


@frozen
class Cleaned:
    """What one round did: rows and objects by step."""

    expunged: int = 0
    condemned: int = 0
    deleted: int = 0
    kept: int = 0
    """objects whose store did not confirm the deletion"""
    deliveries: int = 0
    memories: int = 0
    """vacation replies and duplicates whose time is over"""
    partitions: int = 0


class Cleaner(Service):
    """Cleans every `wake_interval` seconds. `grace` is how long expunged messages stay, in
    seconds; `stores` are the object stores by the name that is on their rows."""

    log = Logger()

    def __init__(
        self,
        cleaning: ICleaning,
        stores: Mapping[str, IObjects],
        *,
        clock: IReactorTime,
        random: Random,
        grace: float,
        wake_interval: float = 3600.0,
        orphan_grace: timedelta = ORPHAN_GRACE,
        batch: int = BATCH,
    ) -> None:
        self._cleaning = cleaning
        self._stores = stores
        self._clock = clock
        self._random = random
        self._grace = timedelta(seconds=grace)
        self._wake_interval = wake_interval
        self._orphan_grace = orphan_grace
        self._batch = batch
        self._tasks = Tasks()
        self._timer: IDelayedCall | None = None
        self._is_stopping = False

    def startService(self) -> None:
        super().startService()
        self._is_stopping = False
        self._sleep(min(FIRST_DELAY, self._wake_interval))

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return Deferred.fromCoroutine(self._tasks.join())

    async def clean(self) -> Cleaned:
        """One round of all steps. Raises Unavailable when the database cannot be reached."""
        cleaning, batch = self._cleaning, self._batch
        partitions = await cleaning.make_partitions()
        expunged = await self._repeat(lambda: cleaning.purge_expunged(self._grace, batch))
        condemned = await self._repeat(lambda: cleaning.condemn(self._orphan_grace, batch))
        deleted, kept = await self._delete_objects()
        deliveries = await self._repeat(lambda: cleaning.forget_deliveries(DELIVERY_AGE, batch))
        memories = await self._repeat(lambda: cleaning.forget_memories(batch))
        partitions += await cleaning.drop_staging()
        return Cleaned(expunged, condemned, deleted, kept, deliveries, memories, partitions)

    # ------------------------------------------------------------ rounds

    def _sleep(self, seconds: float) -> None:
        delay = seconds * (0.5 + self._random.random())  # nodes do not march in step
        self._timer = self._clock.callLater(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._tasks.start(self._round(), "cleaner")

    async def _round(self) -> None:
        try:
            cleaned = await self.clean()
        except Unavailable as error:
            self.log.info("the cleaner stops for now: {error}", error=error.text)
        else:
            if cleaned != Cleaned():
                self.log.info(
                    "cleaned: {expunged} messages, {condemned} contents, {deleted} objects"
                    " ({kept} kept), {deliveries} claims, {memories} memories,"
                    " {partitions} partitions",
                    expunged=cleaned.expunged,
                    condemned=cleaned.condemned,
                    deleted=cleaned.deleted,
                    kept=cleaned.kept,
                    deliveries=cleaned.deliveries,
                    memories=cleaned.memories,
                    partitions=cleaned.partitions,
                )
        finally:
            if self.running:
                self._sleep(self._wake_interval)

    async def _repeat(self, step: Callable[[], Awaitable[int]]) -> int:
        """A step, batch by batch, until there is nothing more to do."""
        total = 0
        for _ in range(MAX_BATCHES):
            count = await step()
            total += count
            if not count or self._is_stopping:
                break
            await pause(self._clock, REST)
        return total

    # ------------------------------------------------------------ objects

    async def _delete_objects(self) -> tuple[int, int]:
        deleted = 0
        kept: set[UUID] = set()
        for _ in range(MAX_BATCHES):
            condemned = await self._cleaning.condemned(self._batch)
            fresh = [each for each in condemned if each.object_id not in kept]
            gone = await self._delete(fresh)
            kept.update(each.object_id for each in fresh if each.object_id not in gone)
            if gone:
                deleted += await self._cleaning.forget(sorted(gone))
            if not gone or self._is_stopping:
                break
            await pause(self._clock, REST)
        return deleted, len(kept)

    async def _delete(self, condemned: list[Condemned]) -> set[UUID]:
        """Delete objects from their stores; gives those whose store confirmed it."""
        places = DeferredSemaphore(PARALLEL_DELETES)
        gone = await gather(*[places.run(self._delete_one, each) for each in condemned])
        return {each.object_id for each, is_gone in zip(condemned, gone, strict=True) if is_gone}

    async def _delete_one(self, condemned: Condemned) -> bool:
        store = self._stores.get(condemned.store)
        if store is None:
            self.log.warn(
                "object {name} is in the store {store}, which is not configured: it stays",
                name=str(condemned.object_id),
                store=condemned.store,
            )
            return False
        try:
            await store.delete(condemned.object_id)
        except SoraError as error:
            self.log.info(
                "object {name} of {store} stays for now: {error}",
                name=str(condemned.object_id),
                store=condemned.store,
                error=error.text,
            )
            return False
        return True
