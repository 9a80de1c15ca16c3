"""Removes what is over: what policies say (`sora.workers.policies`), expunged messages and deleted
mailboxes past their grace (which `sora.workers.deletions` may extend), deleted accounts, contents
that nothing refers to, their objects, old claims of deliveries, vacation replies and duplicates
whose time is over, requests and tasks of operators, the history that is too old, empty partitions
of staging.

Each step is a small batch in a transaction of its own, is safe to repeat, and skips what
another node has in hand: there is no leader. An object is deleted from its store between two
steps in the database, *condemned* and *forgotten*; what the store did not confirm is not
forgotten (G6), and comes up again when its lease has ended.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from attrs import asdict, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import gather
from sora.errors import SoraError
from sora.metrics.cleaning import CleaningMetrics
from sora.retry import pause
from sora.storage.interfaces import ICleaning, IObjects
from sora.storage.rows import CleaningStatus, Condemned, Removed
from sora.waking import Waking
from sora.workers.deletions import DeletionWatch
from sora.workers.policies import Policies

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
ORPHAN_GRACE: Final = 3600.0
"""Seconds that a content without references is left alone at least: longer than any transaction
lasts (G1)."""
DELETION_LEASE: Final = timedelta(minutes=10)
"""How long objects are in the hands of the cleaner that deletes them from their store."""


@frozen
class Graces:
    """How long what is deleted is kept, in seconds: messages, mailboxes and accounts; contents and
    their objects after the last reference went; changes in the history. What went in an unusual
    run of deletions is kept for `extra` more."""

    deleted: float
    orphans: float = ORPHAN_GRACE
    history: float = 90 * 86400.0
    extra: float = 28 * 86400.0


IsOver = Callable[[Mapping[str, int]], bool]
"""whether a round is to end, asked with what it has done"""


def _never(done: Mapping[str, int]) -> bool:
    return False


@frozen
class Cleaned:
    """What one round did: rows and objects by step."""

    expired: int = 0
    """messages that a policy expunged"""
    unusual: int = 0
    """runs of deletions that were noticed"""
    expunged: int = 0
    accounts: int = 0
    condemned: int = 0
    deleted: int = 0
    octets: int = 0
    """of the objects that were deleted"""
    kept: int = 0
    """objects whose store did not confirm the deletion"""
    deliveries: int = 0
    memories: int = 0
    """vacation replies and duplicates whose time is over"""
    requests: int = 0
    """answers that were kept for idempotency keys, and tasks"""
    history: int = 0
    """partitions of events"""
    partitions: int = 0


class Cleaner(Waking):
    """Cleans every `wake_interval` seconds. `stores` are the object stores by the name that is on
    their rows; `node` is who we are among others."""

    log = Logger()

    def __init__(
        self,
        cleaning: ICleaning,
        stores: Mapping[str, IObjects],
        *,
        clock: IReactorTime,
        random: Random,
        graces: Graces,
        wake_interval: float = 3600.0,
        batch: int = BATCH,
        node: str = "",
        lease: timedelta = DELETION_LEASE,
        policies: Policies | None = None,
        watch: DeletionWatch | None = None,
        metrics: CleaningMetrics | None = None,
    ) -> None:
        super().__init__(clock)
        self._cleaning = cleaning
        self._stores = stores
        self._random = random
        self._graces = graces
        self._wake_interval = wake_interval
        self._batch = batch
        self._node = node
        self._lease = lease
        self._policies = policies
        self._watch = watch
        self._metrics = metrics
        self._is_stopping = False

    def startService(self) -> None:
        super().startService()
        self._is_stopping = False
        self._sleep(min(FIRST_DELAY, self._wake_interval))

    def stopService(self) -> "Deferred[None]":
        self._is_stopping = True
        return super().stopService()

    async def clean(self, is_over: IsOver = _never) -> Cleaned:
        """One round of all steps, written down for who asks how it is going; `is_over` is asked
        between two batches, with what was done. Raises Unavailable when the database cannot be
        reached."""
        began = datetime.fromtimestamp(self._clock.seconds(), UTC)
        done: Counter[str] = Counter()
        try:
            await self._steps(done, lambda: self._is_stopping or is_over(done))
        except SoraError as error:
            self._count(done, "failed")
            await self._note(began, done, error.text)
            raise
        self._count(done, "done")
        await self._note(began, done)
        return Cleaned(**done)

    async def status(self) -> CleaningStatus:
        """What waits to be removed, as of now; metrics tell it, too."""
        status: CleaningStatus = await self._cleaning.status(
            timedelta(seconds=self._graces.deleted), timedelta(seconds=self._graces.orphans)
        )
        if self._metrics is not None:
            for kind in ("messages", "mailboxes", "accounts", "contents", "objects"):
                overdue = getattr(status, kind)
                self._metrics.waiting.labels(kind).set(overdue.count)
                self._metrics.age.labels(kind).set(overdue.age)
        return status

    async def _steps(self, done: Counter[str], is_over: Callable[[], bool]) -> None:
        cleaning, batch = self._cleaning, self._batch
        grace = timedelta(seconds=self._graces.deleted)
        orphans = timedelta(seconds=self._graces.orphans)
        abandoned = min(orphans, timedelta(seconds=ORPHAN_GRACE))
        done["partitions"] += await cleaning.make_partitions()
        if self._watch is not None:  # before anything is removed
            done["unusual"] += await self._watch.look(is_over)
        if self._policies is not None:
            done["expired"] += await self._policies.apply(is_over)
        repeat = partial(self._repeat, done, is_over)
        await repeat("expunged", lambda: cleaning.purge_expunged(grace, batch))
        await repeat("", lambda: self._remove_account(grace, done))
        await repeat("condemned", lambda: cleaning.condemn(orphans, batch, abandoned))
        await self._delete_objects(done, is_over)
        await repeat("deliveries", lambda: cleaning.forget_deliveries(DELIVERY_AGE, batch))
        await repeat("memories", lambda: cleaning.forget_memories(batch))
        await repeat("requests", lambda: cleaning.forget_requests(batch))
        done["history"] += await cleaning.forget_events(timedelta(seconds=self._graces.history))
        done["partitions"] += await cleaning.drop_staging()

    # ------------------------------------------------------------ rounds

    def _sleep(self, seconds: float) -> None:
        self._wake_in(seconds * (0.5 + self._random.random()))  # nodes do not march in step

    def _wake(self) -> None:
        self._tasks.start(self._round(), "cleaner")

    async def _round(self) -> None:
        try:
            cleaned = await self._traced("cleaner", self.clean())
            await self.status()
        except SoraError as error:
            self.log.info("the cleaner stops for now: {error}", error=error.text)
        else:
            if cleaned != Cleaned():
                self.log.info(
                    "cleaned: {expired} messages by policy, {expunged} past their grace,"
                    " {accounts} accounts, {condemned} contents,"
                    " {deleted} objects of {octets} octets ({kept} kept), {deliveries} claims,"
                    " {memories} memories, {requests} requests and tasks,"
                    " {history} months of history, {partitions} partitions",
                    **asdict(cleaned),
                )
        finally:
            if self.running:
                self._sleep(self._wake_interval)

    async def _repeat(
        self,
        done: Counter[str],
        is_over: Callable[[], bool],
        kind: str,
        step: Callable[[], Awaitable[int]],
    ) -> None:
        """A step, batch by batch, until there is nothing more to do; what it does is counted as of
        a kind, or by itself."""
        for _ in range(MAX_BATCHES):
            count = await step()
            if kind:
                done[kind] += count
            if not count or is_over():
                break
            await pause(self._clock, REST)

    def _count(self, done: Mapping[str, int], result: str) -> None:
        if self._metrics is not None:
            self._metrics.rounds.labels(result).inc()
            for kind, count in done.items():
                if kind not in ("octets", "kept", "unusual"):
                    self._metrics.removed.labels(kind).inc(count)

    async def _note(self, began: datetime, done: Mapping[str, int], error: str = "") -> None:
        try:
            await self._cleaning.note(self._node, began, done, error)
        except SoraError as problem:
            self.log.info("this round is not written down: {error}", error=problem.text)

    # ------------------------------------------------------------ accounts

    async def _remove_account(self, grace: timedelta, done: Counter[str]) -> int:
        """Some of one of them; 0 when there is none."""
        removed: Removed | None = await self._cleaning.remove_account(grace, self._batch)
        if removed is None:
            return 0
        done["expunged"] += removed.messages
        if removed.ended:
            done["accounts"] += 1
            self.log.info(
                "the account {address} ({account}) is removed: its grace is over",
                address=removed.address,
                account=removed.account_id,
            )
        return 1

    # ------------------------------------------------------------ objects

    async def _delete_objects(self, done: Counter[str], is_over: Callable[[], bool]) -> None:
        """Delete what is condemned. A store that confirms nothing of a batch is left alone for this
        round."""
        asked = list(self._stores)
        for _ in range(MAX_BATCHES):
            if not asked or is_over():
                break
            condemned = await self._cleaning.condemned(asked, self._batch, self._lease)
            if not condemned:
                break
            gone = await self._delete(condemned)
            if gone:
                done["deleted"] += await self._cleaning.forget([each.object_id for each in gone])
            done["octets"] += sum(each.size for each in gone)
            done["kept"] += len(condemned) - len(gone)
            self._count_octets(gone)
            failed = {each.store for each in condemned} - {each.store for each in gone}
            asked = [name for name in asked if name not in failed]
            await pause(self._clock, REST)

    async def _delete(self, condemned: Sequence[Condemned]) -> list[Condemned]:
        """Delete objects from their stores; gives those whose store confirmed it."""
        places = DeferredSemaphore(PARALLEL_DELETES)
        gone = await gather(*[places.run(self._delete_one, each) for each in condemned])
        return [each for each, is_gone in zip(condemned, gone, strict=True) if is_gone]

    async def _delete_one(self, condemned: Condemned) -> bool:
        try:
            await self._stores[condemned.store].delete(condemned.object_id)
        except SoraError as error:
            self.log.info(
                "object {name} of {store} stays for now: {error}",
                name=str(condemned.object_id),
                store=condemned.store,
                error=error.text,
            )
            return False
        return True

    def _count_octets(self, gone: Sequence[Condemned]) -> None:
        if self._metrics is not None:
            for each in gone:
                self._metrics.octets.labels(each.store).inc(each.size)
