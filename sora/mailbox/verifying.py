"""Whether a body is what it has to be where it is stored, and how it is mended.

An object is read piece by piece and hashed; nothing is held. What its store says for certain that
it has not, and what has other octets than were stored, is looked at twice, and only if its row
still says that it has to be there: it may have been deleted meanwhile. A store that cannot be
reached proves nothing (G6): `Unavailable` ends the work, and nothing is noted.

It is mended from wherever else the octets are: another store, staging, the cache of this machine.
They are verified while they are read, and written as an object with a name of its own, which takes
the place of the damaged one when it has been read back: no object is ever written over.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from attrs import evolve, frozen
from blake3 import blake3
from twisted.logger import Logger

from sora.errors import KeyMissing, ObjectDamaged, ObjectMissing, StoreRefused, Unavailable
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import ObjectCopies
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IVerifying
from sora.storage.rows import BodyPlace, Fault, Proof, Suspect
from sora.storage.stores import ObjectStore


class Verdict(StrEnum):
    """What came of looking at an object."""

    INTACT = "intact"
    GONE = "gone"
    """it has not to be there any more"""
    MENDED = "mended"
    DAMAGED = "damaged"


@frozen
class Looked:
    """The verdict on an object, and what is wrong with it if it is not intact."""

    verdict: Verdict
    suspect: Suspect | None = None


class Verifier:
    """Looks at objects of `stores`, and mends them if it is told to. `bodies` reads what is
    elsewhere, `copies` writes it; `spool` makes a place for a body on its way."""

    log = Logger()

    def __init__(
        self,
        verifying: IVerifying,
        stores: Mapping[str, ObjectStore],
        bodies: Bodies,
        copies: ObjectCopies,
        spool: Callable[[], Spool],
    ) -> None:
        self._verifying = verifying
        self._stores = stores
        self._bodies = bodies
        self._copies = copies
        self._spool = spool

    async def look(self, proof: Proof, *, mend: bool) -> Looked:
        """Verify one object. Raises Unavailable when its store does not answer, StoreRefused when
        it does not let us read."""
        fault = await self._fault(proof)
        if fault is not None and await self._verifying.is_stored(proof.object.id):
            fault = await self._fault(proof)  # once more: a network may damage octets, too
        if fault is None:
            if proof.is_suspect:
                await self._verifying.mended(proof.content_id, proof.object.store)
            return Looked(Verdict.INTACT)
        suspect = Suspect(proof.content_id, fault, proof.object.store, proof.object.id)
        if not await self._verifying.note(suspect):
            return Looked(Verdict.GONE)
        self.log.error(
            "object {name} of content {content} in {store} is {fault}: sora-admin verify --repair"
            " mends what is elsewhere, too",
            name=str(proof.object.id),
            content=proof.content_id,
            store=proof.object.store,
            fault=fault.value,
        )
        if mend and await self.mend(proof):
            return Looked(Verdict.MENDED, suspect)
        return Looked(Verdict.DAMAGED, suspect)

    async def mend(self, proof: Proof) -> bool:
        """Put another object, from another place, in the place of this one; False when its octets
        are nowhere else, or it is not wanted any more. Raises Unavailable, StorageFull,
        StoreRefused."""
        spool = self._spool()
        try:
            if not await self._fetch(proof, spool):
                return False
            written = await self._copies.put(proof.object.store, spool)
        finally:
            spool.close()
        if await self._fault(evolve(proof, object=written.place)) is not None:
            await self._copies.discard(written)
            return False
        if not await self._copies.bind(proof.content_id, written, replaces=proof.object.id):
            return False
        await self._verifying.mended(proof.content_id, proof.object.store)
        self.log.info(
            "object {name} of content {content} in {store} is mended: {written} has its place",
            name=str(proof.object.id),
            written=str(written.place.id),
            content=proof.content_id,
            store=proof.object.store,
        )
        return True

    async def _fetch(self, proof: Proof, spool: Spool) -> bool:
        """Whether the octets were found elsewhere."""
        place = BodyPlace(proof.content_id, proof.hash, proof.size, proof.staged, proof.others)
        try:
            await self._bodies.stream(place, 0, proof.size, spool.write)
        except (Unavailable, ObjectMissing) as error:
            self.log.warn(
                "content {content} cannot be mended from elsewhere: {error}",
                content=proof.content_id,
                error=error.text,
            )
            return False
        return spool.size == proof.size and spool.hash == proof.hash

    async def _fault(self, proof: Proof) -> Fault | None:
        """What is wrong with an object as it is stored."""
        store = self._stores.get(proof.object.store)
        if store is None:
            raise StoreRefused(f"The store {proof.object.store} is not configured")
        hasher = blake3()
        received = 0

        def take(piece: bytes) -> None:
            nonlocal received
            received += len(piece)
            hasher.update(piece)

        try:
            if proof.size == 0:
                there = await store.objects.exists(proof.object.id)
                return None if there is not None else Fault.MISSING
            reader = store.reader(proof.object.key_id)
            await reader.stream(proof.object.id, 0, proof.size, take)
        except ObjectMissing:
            return Fault.MISSING
        except ObjectDamaged:
            return Fault.DAMAGED
        except KeyMissing:
            raise
        except Unavailable:
            # A short object cannot be read to its end: that, too, is what a store says of it.
            there = await store.objects.exists(proof.object.id)
            if there is None:
                return Fault.MISSING
            if there != proof.object.stored_size:
                return Fault.DAMAGED
            raise
        if received != proof.size or hasher.digest() != proof.hash:
            return Fault.DAMAGED
        return None
