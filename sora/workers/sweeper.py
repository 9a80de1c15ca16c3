"""Verifies all that is stored, object after object, pass after pass.

One process at a time goes on with a store's pass, under a lease; so the pace that is configured is
that of all nodes together. It rests after each object for as long as its octets are worth. While
the store cannot be reached nothing is noted, and the same objects are looked at again later (G6).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import OutcomeUnknown, SoraError
from sora.mailbox.verifying import Verdict, Verifier
from sora.metrics.integrity import IntegrityMetrics
from sora.retry import pause
from sora.storage.interfaces import IVerifying
from sora.storage.rows import Fault, Proof, Suspect
from sora.waking import Waking

SLICE: Final = 100
"""objects that are asked for at a time"""
CONTENTS: Final = 1000
"""contents whose rows are looked at at a time"""
LEASE: Final = timedelta(minutes=10)
MOST: Final = 120.0
"""seconds after which a slice ends: its lease is longer, also with the largest message behind it"""
REST: Final = timedelta(days=1)
"""from the beginning of a pass to that of the next one, at least"""
IDLE: Final = 60.0
"""seconds from one look whether there is a pass to go on with to the next"""
KNOWN: Final = 1000
"""damaged bodies that are counted"""


class Step(Enum):
    """What came of a slice."""

    NOTHING = 0
    """another process is at it, or the next pass is not due yet"""
    MORE = 1
    ENDED = 2


@frozen
class Pace:
    """How fast it goes: octets and objects in a second."""

    octets: float
    objects: float

    def rest(self, octets: int) -> float:
        """Seconds that an object of this size is worth."""
        return max(octets / self.octets, 1 / self.objects)


class Sweeper(Waking):
    """Goes through `stores`, by name, one after the other. `mend`: what is elsewhere is written
    again."""

    log = Logger()

    def __init__(
        self,
        verifying: IVerifying,
        verifier: Verifier,
        stores: Sequence[str],
        *,
        pace: Pace,
        mend: bool,
        clock: IReactorTime,
        random: Random,
        metrics: IntegrityMetrics,
    ) -> None:
        super().__init__(clock)
        self._verifying = verifying
        self._verifier = verifier
        self._stores = stores
        self._pace = pace
        self._mend = mend
        self._random = random
        self._metrics = metrics

    def startService(self) -> None:
        super().startService()
        self._sleep()

    async def sweep(self, store: str) -> Step:
        """Go on with the pass of a store, for one slice. Raises Unavailable when the database or
        the store is away: then the pass goes on from where it was."""
        position = await self._verifying.take(store, LEASE, REST)
        if position is None:
            return Step.NOTHING
        proofs = await self._verifying.proofs(store, position, SLICE)
        if not proofs:
            await self._verifying.advance(store, None, 0, 0, timedelta())
            return Step.ENDED
        at, objects, octets = position, 0, 0
        begun = self._clock.seconds()
        try:
            for proof in proofs:
                if not self.running or self._clock.seconds() - begun > MOST:
                    break
                await self._look(store, proof)
                at, objects, octets = proof.object.id, objects + 1, octets + proof.size
                await pause(self._clock, self._pace.rest(proof.size))
        finally:
            await self._verifying.advance(store, at, objects, octets, timedelta())
        return Step.MORE

    async def find_bodiless(self) -> int:
        """Look at the rows of all contents; gives how many have no body anywhere."""
        found, after = 0, 0
        while self.running:
            last, bodiless = await self._verifying.bodiless(after, CONTENTS)
            for content_id in bodiless:
                if await self._verifying.note(Suspect(content_id, Fault.BODILESS)):
                    found += 1
                    self.log.error("content {content} has no body anywhere", content=content_id)
            if last is None:
                break
            after = last
            await pause(self._clock, 1 / self._pace.objects)
        return found

    # ------------------------------------------------------------ rounds

    def _sleep(self) -> None:
        # Nodes do not march in step.
        self._wake_in(IDLE * (0.75 + 0.5 * self._random.random()))

    def _wake(self) -> None:
        self._tasks.start(self._round(), "verifying what is stored")

    async def _round(self) -> None:
        try:
            for store in self._stores:
                step = Step.MORE
                while self.running and step is Step.MORE:
                    step = await self._traced("verifying", self.sweep(store))
                    await self._tell()
                if step is Step.ENDED and store == self._stores[0]:
                    await self.find_bodiless()
        except (OutcomeUnknown, SoraError) as error:
            self.log.info("verifying stops for now: {error}", error=error.text)
        finally:
            if self.running:
                self._sleep()

    async def _look(self, store: str, proof: Proof) -> None:
        looked = await self._verifier.look(proof, mend=self._mend)
        self._metrics.objects.labels(store, looked.verdict.value).inc()
        self._metrics.octets.labels(store).inc(proof.size)
        if looked.verdict is Verdict.DAMAGED:
            self._metrics.damaged.inc()

    async def _tell(self) -> None:
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        for sweep in await self._verifying.sweeps():
            age = (now - sweep.proven_since).total_seconds()
            self._metrics.oldest.labels(sweep.store).set(max(0.0, age))
        self._metrics.damaged.set(len(await self._verifying.damages(0, KNOWN)))
