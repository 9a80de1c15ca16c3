"""What an operator can do with the objects that bodies are: count them, change their key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from attrs import define, frozen
from twisted.internet.defer import DeferredSemaphore
from twisted.logger import Logger

from sora.deferreds import gather
from sora.errors import BadArgument, SoraError, Unavailable
from sora.mailbox.copies import ObjectCopies
from sora.storage.interfaces import ICopies
from sora.storage.rows import StoredObject
from sora.storage.stores import ObjectStore

PAGE: Final = 500
PARALLEL: Final = 8
"""Objects that are written at the same time."""
MAX_FAILURES: Final = 20
"""Failures in a row after which it is of no use to go on."""

_ALL_NAMES: Final = 1 << 128


@define
class Tally:
    """How many objects a store has with a key, and their octets as they are stored."""

    store: str
    key_id: str | None
    objects: int = 0
    octets: int = 0
    is_readable: bool = True
    """whether the store and the key are configured"""


@define
class Progress:
    """How far it is: `looked` at so many of them, `part` of all names (0 to 1)."""

    looked: int = 0
    written: int = 0
    octets: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    passed_over: int = 0
    """objects of stores that are not configured"""
    part: float = 0.0


@frozen
class ObjectOperations:
    """Work on all objects, page by page in the order of their names, which are random: so the name
    tells how far it is. It can be ended and begun again at any time, and several may do it at once.
    """

    log = Logger()

    copies: ICopies
    copying: ObjectCopies
    stores: Mapping[str, ObjectStore]
    key_ids: Sequence[str]
    """ids of the keys that are configured"""

    async def tally(self) -> list[Tally]:
        """Objects by store and key. It reads the rows of all objects."""
        found: dict[tuple[str, str | None], Tally] = {}
        after = UUID(int=0)
        while page := await self._page(after):
            for one in page:
                place = one.place
                tally = found.setdefault(
                    (place.store, place.key_id), Tally(place.store, place.key_id)
                )
                tally.objects += 1
                tally.octets += place.stored_size
            after = page[-1].place.id
        for tally in found.values():
            is_known = tally.key_id is None or tally.key_id in self.key_ids
            tally.is_readable = is_known and tally.store in self.stores
        return sorted(found.values(), key=lambda one: (one.store, one.key_id or ""))

    async def reencrypt(
        self, *, decrypt: bool = False, told: Callable[[Progress], None] = lambda _: None
    ) -> Progress:
        """Write every object that has not the present key of its store anew: a new object takes the
        place of the old one, which the cleaner deletes afterwards.

        Raises BadArgument when nothing is encrypted now, unless that is what is wanted; Unavailable
        when the stores do not answer.
        """
        self.require_key(decrypt=decrypt)
        done, after = Progress(), UUID(int=0)
        places = DeferredSemaphore(PARALLEL)
        while page := await self._page(after):
            wanted = [one for one in page if self._is_wanted(one, done)]
            await gather(*[places.run(self._rewrite, one, done) for one in wanted])
            after = page[-1].place.id
            done.looked += len(page)
            done.part = after.int / _ALL_NAMES
            told(done)
        done.part = 1.0
        return done

    def require_key(self, *, decrypt: bool) -> None:
        """Raise BadArgument when nothing is encrypted now, unless that is what is wanted."""
        if not decrypt and all(store.key_id is None for store in self.stores.values()):
            raise BadArgument(
                "New objects are not encrypted: name a key in [[s3.encryption_keys]], or say"
                " --decrypt to store all as they are"
            )

    def _is_wanted(self, one: StoredObject, done: Progress) -> bool:
        store = self.stores.get(one.place.store)
        if store is None:
            done.passed_over += 1
            return False
        return one.place.key_id != store.key_id

    async def _rewrite(self, one: StoredObject, done: Progress) -> None:
        place = one.place
        try:
            await self.copying.copy(
                one.content_id,
                one.hash,
                one.size,
                place.store,
                source=place.store,
                replaces=place.id,
            )
        except SoraError as error:
            done.failed += 1
            done.failed_in_a_row += 1
            self.log.warn(
                "object {name} of {store} keeps its key: {error}",
                name=str(place.id),
                store=place.store,
                error=error.text,
            )
            if done.failed_in_a_row >= MAX_FAILURES:
                raise Unavailable(
                    f"{done.failed_in_a_row} objects in a row could not be written: {error.text}"
                ) from error
        else:
            done.written += 1
            done.octets += one.size
            done.failed_in_a_row = 0

    async def _page(self, after: UUID) -> Sequence[StoredObject]:
        page: Sequence[StoredObject] = await self.copies.page(after, PAGE)
        return page
