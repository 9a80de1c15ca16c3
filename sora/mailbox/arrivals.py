"""How received bytes become durable, and then messages.

Two ways, chosen by the kind of object store. They have in common that `place` is one round trip,
that a duplicate touches no file and no object (G2), and that after an unknown or failed `place`
nothing is removed here: the commit may have happened, and the cleaner asks the database (G1).

*Direct* (a directory): the bytes are written and fsynced under a reserved name, then `place`
binds that object. Bytes that were placed lately are first offered without a body. The disk works
in a thread: meanwhile the message is read here, for what is derived from it.

*Staged* (S3): a body up to `staging_max_size` goes into the database with the statement that makes
the messages, and is uploaded later. A larger one is PUT first; while the store cannot be reached,
it is staged in pieces, for a content that is pending until `place` names it. Staging is bounded
by `staging_total`.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Final, Literal

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import SoraError, StorageFull, Unavailable
from sora.mail.facts import Facts
from sora.mailbox.reserve import Name, Reserve
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IMessages, IObjects, IUploads
from sora.storage.rows import PIECE, Arrival, ObjectPlace, Operation, Placement, Target
from sora.threads import Threads

DERIVE_IN_THREAD: Final = 64 * 1024
"""Octets from which on a message is read in a thread."""
MAX_RECENT: Final = 4096
"""Contents placed lately that are remembered."""
BACKLOG_AGE: Final = 10.0
"""Seconds for which the size of the backlog is taken as known."""
FULL_AGE: Final = 1.0
"""The same while it is over its bound."""

Derive = Callable[[bytes | mmap], Facts]


@frozen
class Store:
    """The object store that new bodies go to. `name` is what is on the rows."""

    name: str
    objects: IObjects
    mode: Literal["direct", "staged"]


class Arrivals:
    """Places received bytes. `poke` is called when a body was staged: the uploader has work.

    `staging_max_size` and `staging_total` are octets.
    """

    log = Logger()

    def __init__(
        self,
        messages: IMessages,
        uploads: IUploads,
        store: Store,
        *,
        derive: Derive,
        threads: Threads,
        clock: IReactorTime,
        staging_max_size: int = 1024 * 1024,
        staging_total: int = 10 * 1024 * 1024 * 1024,
        poke: Callable[[], None] | None = None,
    ) -> None:
        self._messages = messages
        self._uploads = uploads
        self._store = store
        self._derive = derive
        self._threads = threads
        self._clock = clock
        self._staging_max_size = staging_max_size
        self._staging_total = staging_total
        self._poke = poke
        self._tasks = Tasks()
        self._reserve = Reserve(uploads, store.name, clock, self._tasks)
        self._recent: OrderedDict[tuple[int, bytes], None] = OrderedDict()
        self._backlog = 0
        self._asked: float | None = None

    async def stop(self) -> None:
        """Wait for what is done in the background."""
        await self._tasks.join()

    async def facts(self, spool: Spool) -> Facts:
        """What is derived from the bytes of a message; in a thread for large ones."""
        if spool.size < DERIVE_IN_THREAD:
            return self._derive(spool.data())
        return await self._threads.run(self._derive, spool.data())

    async def place(
        self,
        scope_id: int,
        spool: Spool,
        targets: Sequence[Target],
        operation: Operation,
        facts: Facts | None = None,
    ) -> Placement:
        """Make messages from received bytes; durable when this returns.

        `facts` saves deriving them again for the next targets of the same bytes. Raises
        StorageFull, Unavailable, OutcomeUnknown, and what `IMessages.place` raises.
        """
        key = (scope_id, spool.hash)
        if facts is None and self._store.mode == "direct" and key not in self._recent:
            facts, name = await self._read_and_put(spool)
            placement = await self._bind(scope_id, spool, facts, name, targets, operation)
            self._remember(key)
            return placement
        if facts is None:
            facts = await self.facts(spool)
        if await self._may_be_known(key, spool):
            arrival = Arrival(spool.hash, facts)
            placement = await self._messages.place(scope_id, arrival, targets, operation)
            if not placement.needs_body:
                self._remember(key)
                return placement
        if self._store.mode == "direct":
            placement = await self._place_object(scope_id, spool, facts, targets, operation)
        else:
            placement = await self._place_staged(scope_id, spool, facts, targets, operation)
        self._remember(key)
        return placement

    async def _may_be_known(self, key: tuple[int, bytes], spool: Spool) -> bool:
        """Whether it is worth asking `place` without a body first."""
        if key in self._recent:
            return True
        if self._store.mode == "staged" and spool.size > self._staging_max_size:
            return await self._uploads.known(*key)
        return False

    def _remember(self, key: tuple[int, bytes]) -> None:
        self._recent[key] = None
        self._recent.move_to_end(key)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

    # ------------------------------------------------------------ an object first

    async def _place_object(
        self,
        scope_id: int,
        spool: Spool,
        facts: Facts,
        targets: Sequence[Target],
        operation: Operation,
    ) -> Placement:
        name = await self._put(spool)
        return await self._bind(scope_id, spool, facts, name, targets, operation)

    async def _read_and_put(self, spool: Spool) -> tuple[Facts, Name]:
        putting = Deferred.fromCoroutine(self._put(spool))
        try:
            facts = await self.facts(spool)
        finally:
            name = await putting
        return facts, name

    async def _bind(
        self,
        scope_id: int,
        spool: Spool,
        facts: Facts,
        name: Name,
        targets: Sequence[Target],
        operation: Operation,
    ) -> Placement:
        copy = ObjectPlace(name[0], self._store.name, None, spool.size)
        arrival = Arrival(spool.hash, facts, object=copy)
        placement = await self._messages.place(scope_id, arrival, targets, operation)
        if not placement.used_object:
            self._tasks.start(self._discard(name, placement.content_id), "removing an object")
        return placement

    async def _put(self, spool: Spool) -> Name:
        name = await self._reserve.take()
        await self._store.objects.put(name[0], spool.open, spool.size, spool.hash)
        return name

    async def _discard(self, name: Name, content_id: int) -> None:
        """Remove an object that was not bound: another delivery of the same bytes was first.

        It is looked up again: nothing that a content has is ever removed (G1). When anything
        fails, the cleaner does it a day later.
        """
        try:
            _, bound = await self._uploads.place_of(content_id)
            if all(copy.id != name[0] for copy in bound):
                await self._store.objects.delete(name[0])
                self._reserve.give_back(name)
        except SoraError as error:
            self.log.info(
                "object {name} is left to the cleaner: {error}",
                name=str(name[0]),
                error=error.text,
            )

    # ------------------------------------------------------------ staging

    async def _place_staged(
        self,
        scope_id: int,
        spool: Spool,
        facts: Facts,
        targets: Sequence[Target],
        operation: Operation,
    ) -> Placement:
        if spool.size <= self._staging_max_size:
            await self._check_room(spool.size)
            arrival = Arrival(spool.hash, facts, body=bytes(spool.data()))
        else:
            try:
                name = await self._put(spool)
            except (Unavailable, StorageFull) as error:
                self.log.info("a large body is staged: {error}", error=error.text)
                await self._check_room(spool.size)
                content_id = await self._stage(scope_id, spool)
                arrival = Arrival(spool.hash, facts, content_id=content_id)
            else:
                return await self._bind(scope_id, spool, facts, name, targets, operation)
        placement = await self._messages.place(scope_id, arrival, targets, operation)
        self._backlog += spool.size
        if self._poke is not None:
            self._poke()
        return placement

    async def _stage(self, scope_id: int, spool: Spool) -> int:
        content_id: int | None = None
        number = 0
        body = spool.open()
        try:
            while piece := body.read(PIECE):
                content_id = await self._uploads.stage_piece(
                    scope_id, spool.hash, spool.size, content_id, number, piece
                )
                number += 1
        finally:
            body.close()
        assert content_id is not None, "an empty body is never too large"
        return content_id

    async def _check_room(self, size: int) -> None:
        """Raises StorageFull when the staging tables would grow over their bound.

        How much waits is asked for in the background, and only waited for near the bound.
        """
        now = self._clock.seconds()
        is_over = self._backlog + size > self._staging_total
        if self._asked is None or now - self._asked > (FULL_AGE if is_over else BACKLOG_AGE):
            self._asked = now
            asking = self._tasks.start(self._ask_backlog(), "asking for the upload backlog")
            if is_over:
                await asking
        if self._backlog + size > self._staging_total:
            raise StorageFull(
                f"{self._backlog} octets wait for the object store, which is all that may"
                " ([upload] staging_total); try again later"
            )

    async def _ask_backlog(self) -> None:
        try:
            self._backlog = (await self._uploads.backlog()).octets
        except SoraError as error:
            self.log.info("the upload backlog is not known: {error}", error=error.text)
