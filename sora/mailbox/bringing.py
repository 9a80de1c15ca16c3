"""How received bytes become durable, before the statement that makes messages of them or with it.

Two ways, chosen by the size:

*Staged*: a body up to `staging_max_size` goes into the database with the statement that makes the
messages, and to the object store later. So there is one wait for a disk, the database's, before
the answer.

*Directly*: a larger one is written to the object store first, and that statement binds the object.
Into a directory it is written and fsynced in a thread, and meanwhile read here, for what is
derived from it. While a store over the network cannot be reached, it is staged in pieces.

After an unknown or failed statement nothing is removed here: the commit may have happened, and the
cleaner asks the database (G1).
"""

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import SoraError, StorageFull, Unavailable
from sora.mail.facts import Facts
from sora.mailbox.copies import Mirror, Written
from sora.mailbox.deriving import Deriving
from sora.mailbox.reserve import Name, Reserve
from sora.mailbox.spool import Spool
from sora.mailbox.staging import Staging
from sora.storage.interfaces import IUploads
from sora.storage.rows import Arrival, ObjectPlace
from sora.storage.stores import ObjectStore


@frozen
class Brought:
    """An arrival; `staged` octets that wait for their upload when it is placed, or the `name`
    of the object that was written for it, and what was written to the mirror."""

    arrival: Arrival
    staged: int = 0
    name: Name | None = None
    mirrored: Written | None = None


class Bringing:
    """Brings bytes to the `staging` tables, up to `staging_max_size` octets, or to the `store`, and
    then to the `mirror` as well. What is done in the background belongs to `tasks`."""

    log = Logger()

    def __init__(
        self,
        uploads: IUploads,
        store: ObjectStore,
        mirror: Mirror | None,
        staging: Staging,
        deriving: Deriving,
        clock: IReactorTime,
        tasks: Tasks,
        *,
        staging_max_size: int,
    ) -> None:
        self._uploads = uploads
        self._store = store
        self._mirror = mirror
        self._staging = staging
        self._deriving = deriving
        self._tasks = tasks
        self._reserve = Reserve(uploads, store.name, clock, tasks)
        self._staging_max_size = staging_max_size

    def goes_far(self, spool: Spool) -> bool:
        """Whether the bytes go over the network to the store, before they are a message."""
        return self._store.is_remote and spool.size > self._staging_max_size

    async def bring(self, scope_id: int, spool: Spool, facts: Facts | None) -> Brought:
        """An arrival with its bytes: an object, or what is to be staged. Raises StorageFull,
        Unavailable."""
        is_small = spool.size <= self._staging_max_size
        if not is_small and not self._store.is_remote:
            if facts is None:
                facts, name = await self._read_and_put(spool)
            else:
                name = await self._put(spool)
            return self._object(spool, facts, name)
        if facts is None:
            facts = await self._deriving.facts(spool)
        if is_small:
            await self._staging.check_room(spool.size)
            return Brought(Arrival(spool.hash, facts, body=bytes(spool.data())), spool.size)
        try:
            name, mirrored = await self._put_both(spool)
        except (Unavailable, StorageFull) as error:
            self.log.info("a large body is staged: {error}", error=error.text)
            content_id = await self._staging.in_pieces(scope_id, spool)
            return Brought(Arrival(spool.hash, facts, content_id=content_id), spool.size)
        return self._object(spool, facts, name, mirrored)

    def settle(self, brought: Brought, used_object: bool, content_id: int) -> None:
        """The statement that the bytes were brought for has returned."""
        if brought.name is not None and not used_object:
            self._tasks.start(self._discard(brought.name, content_id), "removing an object")
        if brought.mirrored is not None and self._mirror is not None:
            settling = self._mirror.settle(content_id if used_object else None, brought.mirrored)
            self._tasks.start(settling, "settling the copy of an object")
        if brought.staged:
            self._staging.grew(brought.staged)

    def _object(
        self, spool: Spool, facts: Facts, name: Name, mirrored: Written | None = None
    ) -> Brought:
        store = self._store
        place = ObjectPlace(name[0], store.name, store.key_id, store.stored_size(spool.size))
        return Brought(Arrival(spool.hash, facts, object=place), name=name, mirrored=mirrored)

    async def _read_and_put(self, spool: Spool) -> tuple[Facts, Name]:
        putting = Deferred.fromCoroutine(self._put(spool))
        try:
            facts = await self._deriving.facts(spool)
        finally:
            name = await putting
        return facts, name

    async def _put(self, spool: Spool) -> Name:
        name = await self._reserve.take()
        await self._store.writer.put(name[0], spool.open, spool.size, spool.hash)
        return name

    async def _put_both(self, spool: Spool) -> tuple[Name, Written | None]:
        """To the mirror, if there is one, and to the store."""
        if self._mirror is None:
            return await self._put(spool), None
        written = await self._mirror.put(spool)
        try:
            return await self._put(spool), written
        except SoraError:
            self._tasks.start(self._mirror.settle(None, written), "removing an object")
            raise

    async def _discard(self, name: Name, content_id: int) -> None:
        """Remove an object that was not bound: another delivery of the same bytes was first.

        It is looked up again: nothing that a content has is ever removed (G1). When anything
        fails, the cleaner does it a day later.
        """
        try:
            _, bound = await self._uploads.place_of(content_id)
            if all(copy.id != name[0] for copy in bound):
                await self._store.writer.delete(name[0])
                self._reserve.give_back(name)
        except SoraError as error:
            self.log.info(
                "object {name} is left to the cleaner: {error}",
                name=str(name[0]),
                error=error.text,
            )
