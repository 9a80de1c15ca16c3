"""What an operator can do about the integrity of what is stored."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import define, field, frozen

from sora.errors import BadArgument
from sora.mailbox.verifying import Verdict, Verifier
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IObjects, IVerifying
from sora.storage.rows import Damage, DamagedMessage, Fault, Listed, Proof, Suspect, Sweep
from sora.storage.stores import ObjectStore

PAGE: Final = 200
LISTED: Final = 1000
YOUNG: Final = timedelta(days=1)
"""what is younger may belong to a delivery that is under way"""
MESSAGES: Final = 20
"""messages that are named of one damaged content"""
_ALL_NAMES: Final = 1 << 128


@define
class Verified:
    """What was looked at. `bodiless` are contents without a body anywhere."""

    objects: int = 0
    octets: int = 0
    mended: int = 0
    damaged: int = 0
    bodiless: int = 0


Telling = Callable[[Verified, float | None], None]
"""Is told of what was looked at, and what part of all that is, where it is known. It may raise, to
end it."""


def _unheard(done: Verified, part: float | None) -> None:
    """Nobody wants to know."""


@define
class Strangers:
    """Objects that no row knows. `octets` are those of all, `removed` how many were deleted."""

    listed: int = 0
    found: int = 0
    octets: int = 0
    young: int = 0
    removed: int = 0
    names: list[UUID] = field(factory=list)


def _unasked(found: Strangers) -> None:
    """Nobody wants to know."""


@frozen
class KnownDamage:
    """A damage, and some of the messages whose body it is."""

    damage: Damage
    messages: Sequence[DamagedMessage]


@frozen
class VerifyOperations:
    """Proof on demand. `stores` are the object stores by name."""

    owners: OwnerLookup
    verifying: IVerifying
    verifier: Verifier
    stores: Mapping[str, ObjectStore]

    async def account(self, email: str, *, mend: bool, told: Telling = _unheard) -> Verified:
        """Read and hash all that an account's messages are made of."""
        account_id = await self.owners.account_id(Whose(email=email))
        done, after = Verified(), 0
        while proofs := await self.verifying.proofs_of(account_id, after, PAGE):
            for proof in proofs:
                await self._look(proof, mend, done)
                told(done, None)
            after = proofs[-1].content_id
        return done

    async def everything(
        self, store: str | None = None, *, mend: bool, told: Telling = _unheard
    ) -> Verified:
        """Read and hash all objects, or those of one store; and look whether each content has a
        body anywhere. Raises BadArgument for a store that is not there."""
        if store is not None:
            self._store(store)
        done = Verified()
        names = sorted(self.stores) if store is None else [store]
        for number, name in enumerate(names):
            after = UUID(int=0)
            while proofs := await self.verifying.proofs(name, after, PAGE):
                for proof in proofs:
                    await self._look(proof, mend, done)
                    # Names are random: so they tell how far it is.
                    told(done, (number + proof.object.id.int / _ALL_NAMES) / len(names))
                after = proofs[-1].object.id
        await self._rows(done)
        told(done, 1.0)
        return done

    def require_store(self, name: str) -> None:
        """Raise BadArgument for a store that is not there."""
        self._store(name)

    async def strangers(
        self, store: str, *, remove: bool, told: Callable[[Strangers], None] = _unasked
    ) -> Strangers:
        """What a store has that no row knows of: left by a restore to an earlier time, or by a
        database that is gone. Those of the last day are left alone: an object is written before
        the delivery that it belongs to has ended. `told` hears of each page and of
        each that is found, and may raise, to end it. Raises BadArgument, Unavailable."""
        objects, result = self._store(store).objects, Strangers()
        after: UUID | None = None
        while page := await objects.names(after, LISTED):
            result.listed += len(page)
            unknown = set(await self.verifying.strangers(store, [one.name for one in page]))
            for one in page:
                if one.name in unknown:
                    await self._stranger(objects, one, remove, result)
                    told(result)
            after = page[-1].name
            told(result)
        return result

    async def known(self, after: int = 0, limit: int = PAGE) -> list[KnownDamage]:
        """What is known to be damaged, and whose messages it is."""
        damages: Sequence[Damage] = await self.verifying.damages(after, limit)
        return [
            KnownDamage(one, await self.verifying.messages_of(one.suspect.content_id, MESSAGES))
            for one in damages
        ]

    async def sweeps(self) -> Sequence[Sweep]:
        """How far the passes in the background are."""
        found: Sequence[Sweep] = await self.verifying.sweeps()
        return found

    # ------------------------------------------------------------ inside

    async def _look(self, proof: Proof, mend: bool, done: Verified) -> None:
        looked = await self.verifier.look(proof, mend=mend)
        done.objects += 1
        done.octets += proof.size
        done.mended += looked.verdict is Verdict.MENDED
        done.damaged += looked.verdict is Verdict.DAMAGED

    async def _rows(self, done: Verified) -> None:
        after = 0
        while True:
            last, found = await self.verifying.bodiless(after, LISTED)
            for content_id in found:
                done.bodiless += await self.verifying.note(Suspect(content_id, Fault.BODILESS))
            if last is None:
                return
            after = last

    async def _stranger(
        self, objects: IObjects, one: Listed, remove: bool, result: Strangers
    ) -> None:
        if one.modified > datetime.now(UTC) - YOUNG:
            result.young += 1
            return
        result.found += 1
        result.octets += one.size
        if len(result.names) < PAGE:
            result.names.append(one.name)
        if remove:
            await objects.delete(one.name)
            result.removed += 1

    def _store(self, name: str) -> ObjectStore:
        found = self.stores.get(name)
        if found is None:
            names = ", ".join(sorted(self.stores))
            raise BadArgument(f"There is no object store {name}; there are: {names}")
        return found
