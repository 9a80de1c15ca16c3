"""Further objects of a content: a copy in another store, or one with another key.

A copy is made from whatever has the bytes (the cache, another store, the staging tables), and only
when they have the content's hash. It has a name of its own, whose row exists before the object
does; it counts when it is bound, and an object that it replaces is deleted later by the cleaner.
What was made and is not wanted is removed at once, or after a day by the cleaner.
"""

from collections.abc import Sequence
from uuid import UUID

from attrs import evolve, frozen
from twisted.logger import Logger

from sora.errors import SoraError, Unavailable
from sora.mailbox.bodies import Bodies
from sora.mailbox.spool import Spool
from sora.storage.interfaces import ICopies, IUploads
from sora.storage.rows import BodyPlace, ObjectPlace
from sora.storage.stores import ObjectStore


@frozen
class Written:
    """An object that is durable and not bound yet."""

    place: ObjectPlace
    checksum: str


class ObjectCopies:
    """Makes copies in `stores`, from `bodies`."""

    log = Logger()

    def __init__(
        self, stores: Sequence[ObjectStore], uploads: IUploads, copies: ICopies, bodies: Bodies
    ) -> None:
        self._stores = {store.name: store for store in stores}
        self._uploads = uploads
        self._copies = copies
        self._bodies = bodies

    def key_id(self, store: str) -> str | None:
        """The key that encrypts new objects of a store; None when nothing does."""
        return self._stores[store].key_id

    async def copy(
        self,
        content_id: int,
        hash: bytes,
        size: int,
        to: str,
        *,
        source: str | None = None,
        replaces: UUID | None = None,
    ) -> UUID | None:
        """Give a content one more object in the store `to`; its name, or None when it was not
        wanted any more.

        With `source` it is read from that store first; with `replaces` it takes the place of that
        object. Raises Unavailable, StorageFull, StoreRefused.
        """
        staged, objects = await self._uploads.place_of(content_id)
        place = BodyPlace(content_id, hash, size, staged, tuple(objects))
        if source is not None:
            there = tuple(each for each in objects if each.store == source)
            place = evolve(place, objects=there)
        spool = Spool()
        try:
            await self._bodies.stream(place, 0, size, spool.write)
            written = await self.put(to, spool)
        finally:
            spool.close()
        is_bound = await self.bind(content_id, written, replaces)
        return written.place.id if is_bound else None

    async def put(self, to: str, spool: Spool) -> Written:
        """Write an object that is to be bound. Raises Unavailable, StorageFull, StoreRefused."""
        store = self._stores[to]
        [name] = await self._uploads.reserve(to, 1)
        checksum = await store.writer.put(name, spool.open, spool.size, spool.hash)
        place = ObjectPlace(name, to, store.key_id, store.stored_size(spool.size))
        return Written(place, checksum)

    async def bind(self, content_id: int, written: Written, replaces: UUID | None = None) -> bool:
        """Make it the content's. When it is not wanted it is removed. Raises Unavailable."""
        bound: bool = await self._copies.bind(content_id, written.place, written.checksum, replaces)
        if not bound:
            await self.discard(written)
        return bound

    async def discard(self, written: Written) -> None:
        """Remove what was not bound."""
        try:
            await self._stores[written.place.store].writer.delete(written.place.id)
        except SoraError as error:
            self.log.info(
                "object {name} is left to the cleaner: {error}",
                name=str(written.place.id),
                error=error.text,
            )


@frozen
class Mirror:
    """A store that has each object before its upload has ended (`[s3.second] mode = "sync"`)."""

    copies: ObjectCopies
    uploads: IUploads
    store: str

    async def put(self, spool: Spool) -> Written:
        """Write an object that is to be bound. Raises Unavailable, StorageFull, StoreRefused."""
        return await self.copies.put(self.store, spool)

    async def write(self, content_id: int, spool: Spool) -> None:
        """Let a content have its object there, if it has none. Raises as `put`."""
        _, objects = await self.uploads.place_of(content_id)
        if all(each.store != self.store for each in objects):
            await self.copies.bind(content_id, await self.put(spool))

    async def settle(self, content_id: int | None, written: Written) -> None:
        """Bind what was put to the content, or remove it when there is none for it."""
        try:
            if content_id is None:
                await self.copies.discard(written)
            else:
                await self.copies.bind(content_id, written)
        except Unavailable as error:  # the copy waits in the queue, and is made again
            ObjectCopies.log.info("a copy is left to the queue: {error}", error=error.text)
