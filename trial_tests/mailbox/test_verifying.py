"""sora.mailbox.verifying and sora.workers.sweeper: what is stored is proven, and mended."""

from datetime import timedelta
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.errors import Unavailable
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import ObjectCopies
from sora.mailbox.spool import Spool
from sora.mailbox.verifying import Verdict, Verifier
from sora.metrics.integrity import IntegrityMetrics
from sora.storage.memory.objects import MemoryObjects
from sora.storage.rows import Damage, Fault, Proof
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers.sweeper import Pace, Step, Sweeper
from trial_tests.mailbox.bodies_world import World, message

FIRST = UUID(int=0)
AT_ONCE = (timedelta(0), timedelta(0))


class Cache:
    """A cache of bodies that has one."""

    max_object_size = 1 << 20

    def __init__(self, hash: bytes, data: bytes) -> None:
        self._hash, self._data = hash, data

    async def get_many(self, wanted: list[tuple[bytes, int]]) -> list[bytes | None]:
        return [self._data if hash == self._hash else None for hash, _ in wanted]

    def put(self, hash: bytes, data: bytes) -> None:
        """It has what it has."""


class VerifyingTestCase(TestCase):
    """Five messages whose bodies are in the store `main`, in memory."""

    async def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "verifying")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.world = await World(self.threads).open()
        self.clock: Clock = self.world.clock
        arrivals = self.world.arrivals("direct")
        for number in range(5):
            await self.world.deliver(arrivals, message(number, 3000))
        self.verifying = self.world.storage.verifying
        self.proofs = list(await self.verifying.proofs("main", FIRST, 9))
        self.stores = {"main": ObjectStore("main", self.world.objects)}

    def verifier(self, cache: Any = None) -> Verifier:
        bodies = Bodies(list(self.stores.values()), self.world.storage.uploads, self.threads, cache)
        storage = self.world.storage
        copies = ObjectCopies(list(self.stores.values()), storage.uploads, storage.copies, bodies)
        return Verifier(self.verifying, self.stores, bodies, copies, Spool)

    def in_its_place(self, proof: Proof) -> bytes:
        """The object that has taken the place of a damaged one, whose row waits for the cleaner."""
        tables = self.world.storage.tables
        self.assertEqual(tables.objects[proof.object.id].state, "deleting")
        [name] = [
            one.id
            for one in tables.objects.values()
            if (one.content_id, one.store, one.state) == (proof.content_id, "main", "stored")
        ]
        self.assertNotEqual(name, proof.object.id)
        return self.world.objects.objects[name]

    async def damages(self) -> list[Damage]:
        return list(await self.verifying.damages(0, 99))

    def damage(self, number: int) -> bytes:
        """Change an octet of an object where it is stored; gives what it was."""
        name = self.proofs[number].object.id
        data = self.world.objects.objects[name]
        self.world.objects.objects[name] = data[:100] + b"!" + data[101:]
        return data


class VerifierTests(VerifyingTestCase):
    async def test_what_is_intact(self) -> None:
        for proof in self.proofs:
            looked = await self.verifier().look(proof, mend=True)
            self.assertEqual(looked.verdict, Verdict.INTACT)
        self.assertEqual(await self.damages(), [])

    async def test_other_octets_missing_ones_and_short_ones(self) -> None:
        self.damage(0)
        objects = self.world.objects.objects
        del objects[self.proofs[1].object.id]
        objects[self.proofs[2].object.id] = objects[self.proofs[2].object.id][:-1]
        for number, fault in enumerate((Fault.DAMAGED, Fault.MISSING, Fault.DAMAGED)):
            looked = await self.verifier().look(self.proofs[number], mend=False)
            self.assertEqual(looked.verdict, Verdict.DAMAGED)
            assert looked.suspect is not None
            self.assertEqual(looked.suspect.fault, fault)
        self.assertEqual(len(await self.damages()), 3)
        self.flush()

    async def test_what_comes_back_is_forgotten(self) -> None:
        """A disk that was not mounted, for example, is no damage that stays."""
        data = self.damage(0)
        await self.verifier().look(self.proofs[0], mend=False)
        self.world.objects.objects[self.proofs[0].object.id] = data
        [first, *_] = await self.verifying.proofs("main", FIRST, 9)
        await self.verifier().look(first, mend=False)
        self.assertEqual(await self.damages(), [])
        self.flush()

    async def test_a_store_that_is_away_proves_nothing(self) -> None:
        """G6."""
        self.world.objects.down = True
        for proof in self.proofs:
            with self.assertRaises(Unavailable):
                await self.verifier().look(proof, mend=True)
        self.assertEqual(await self.damages(), [])

    async def test_what_was_deleted_meanwhile_is_not_missing(self) -> None:
        """The row says whether it has to be there."""
        del self.world.objects.objects[self.proofs[0].object.id]
        entry = self.world.storage.tables.objects[self.proofs[0].object.id]
        entry.state = "deleting"
        looked = await self.verifier().look(self.proofs[0], mend=True)
        self.assertEqual(looked.verdict, Verdict.GONE)
        self.assertEqual(await self.damages(), [])

    async def test_it_is_mended_from_another_store(self) -> None:
        proof = self.proofs[0]
        data = self.damage(0)
        second = MemoryObjects()
        self.stores["second"] = ObjectStore("second", second)
        (name,) = await self.world.storage.uploads.reserve("second", 1)
        await second.put(name, lambda: BytesIO(data), len(data), proof.hash)
        entry = self.world.storage.tables.objects[name]
        entry.content_id, entry.state, entry.stored_size = proof.content_id, "stored", len(data)
        (again,) = [
            one
            for one in await self.verifying.proofs("main", FIRST, 9)
            if one.content_id == proof.content_id
        ]
        looked = await self.verifier().look(again, mend=True)
        self.assertEqual(looked.verdict, Verdict.MENDED)
        self.assertEqual(self.in_its_place(proof), data)
        self.assertEqual(await self.damages(), [])
        self.flush()

    async def test_it_is_mended_from_the_cache(self) -> None:
        data = self.damage(0)
        looked = await self.verifier(Cache(self.proofs[0].hash, data)).look(
            self.proofs[0], mend=True
        )
        self.assertEqual(looked.verdict, Verdict.MENDED)
        self.assertEqual(self.in_its_place(self.proofs[0]), data)
        self.flush()

    async def test_what_is_written_is_read_back_before_it_counts(self) -> None:
        """A store that damages what it is given mends nothing, and nothing is left of it."""
        data = self.damage(0)
        objects = self.world.objects
        put, before = objects.put, set(objects.objects)

        def damaging(name: UUID, open_body: Any, size: int, hash: bytes) -> "Deferred[str]":
            written = put(name, open_body, size, hash)
            objects.objects[name] = b"!" + objects.objects[name][1:]
            return written

        objects.put = damaging  # type: ignore[method-assign]
        looked = await self.verifier(Cache(self.proofs[0].hash, data)).look(
            self.proofs[0], mend=True
        )
        self.assertEqual(looked.verdict, Verdict.DAMAGED)
        self.assertEqual(set(objects.objects), before)
        entry = self.world.storage.tables.objects[self.proofs[0].object.id]
        self.assertEqual(entry.state, "stored")
        self.flush()

    async def test_what_is_nowhere_else_stays_damaged(self) -> None:
        """And is never written over with what is not it."""
        self.damage(0)
        before = dict(self.world.objects.objects)
        looked = await self.verifier().look(self.proofs[0], mend=True)
        self.assertEqual(looked.verdict, Verdict.DAMAGED)
        self.assertEqual(self.world.objects.objects, before)
        self.flush()

    def flush(self) -> None:
        """Errors are told in the log."""
        self.flushLoggedErrors()


class SweeperTests(VerifyingTestCase):
    """Pass after pass, at a pace."""

    async def setUp(self) -> None:
        await super().setUp()
        self.registry = CollectorRegistry()
        self.sweeper = Sweeper(
            self.verifying,
            self.verifier(),
            ["main"],
            pace=Pace(1000, 20),
            mend=False,
            clock=self.clock,
            random=Random(3),
            metrics=IntegrityMetrics(self.registry),
        )
        self.sweeper.startService()
        self.addCleanup(self.sweeper.stopService)

    def goes(self, work: Any, seconds: float = 1000.0) -> Any:
        """What it gives, and how long it rested."""
        begun, done = self.clock.seconds(), Deferred.fromCoroutine(work)
        while not done.called and self.clock.seconds() < begun + seconds:
            self.clock.advance(0.25)
        return self.successResultOf(done), self.clock.seconds() - begun

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    async def test_a_pass_takes_the_time_that_its_octets_are_worth(self) -> None:
        octets = sum(proof.size for proof in self.proofs)
        step, seconds = self.goes(self.sweeper.sweep("main"))
        self.assertEqual(step, Step.MORE)
        self.assertGreaterEqual(seconds, octets / 1000)
        self.assertLess(seconds, octets / 1000 + 5)
        self.assertEqual(self.goes(self.sweeper.sweep("main"))[0], Step.ENDED)
        self.assertEqual(self.goes(self.sweeper.sweep("main"))[0], Step.NOTHING)
        labels = {"store": "main", "verdict": "intact"}
        self.assertEqual(self.value("sora_integrity_verified_objects_total", **labels), 5)
        self.assertEqual(self.value("sora_integrity_verified_bytes_total", store="main"), octets)

    async def test_it_goes_on_where_it_was_when_the_store_is_back(self) -> None:
        second = self.proofs[1].object.id
        data = self.world.objects.objects.pop(second)
        step = Deferred.fromCoroutine(self.sweeper.sweep("main"))
        self.clock.advance(0.0)
        self.world.objects.down = True
        while not step.called:
            self.clock.advance(1)
        self.failureResultOf(step, Unavailable)
        self.world.objects.down = False
        self.world.objects.objects[second] = data
        self.assertEqual(await self.verifying.take("main", *AT_ONCE), self.proofs[0].object.id)
        await self.verifying.advance("main", self.proofs[0].object.id, 0, 0, AT_ONCE[0])
        self.assertEqual(self.goes(self.sweeper.sweep("main"))[0], Step.MORE)
        self.assertEqual(await self.damages(), [])

    async def test_it_goes_on_by_itself(self) -> None:
        """Damage is found, counted and told; what has no body at all, too."""
        self.damage(3)
        entry = self.world.storage.tables.objects[self.proofs[4].object.id]
        entry.state = "deleting"
        for _ in range(2000):
            self.clock.advance(0.25)
        faults = {one.suspect.fault for one in await self.damages()}
        self.assertEqual(faults, {Fault.DAMAGED, Fault.BODILESS})
        self.assertEqual(self.value("sora_integrity_damaged_objects"), 2)
        self.assertLess(self.value("sora_integrity_oldest_unverified_seconds", store="main"), 10**9)
        self.flushLoggedErrors()

    async def test_it_ends_at_once(self) -> None:
        going = Deferred.fromCoroutine(self.sweeper.sweep("main"))
        self.clock.advance(0)
        stopped = self.sweeper.stopService()
        self.clock.advance(10)
        self.assertTrue(going.called)
        await stopped
        # Another one may go on at once.
        self.assertIsNotNone(await self.verifying.take("main", *AT_ONCE))
