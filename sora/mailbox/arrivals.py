"""How received bytes become durable, and then messages.

Two ways, chosen by the size. They have in common that `place` is one round trip, that a duplicate
touches no file and no object (G2), and that after an unknown or failed `place` nothing is removed
here: the commit may have happened, and the cleaner asks the database (G1).

*Staged*: a body up to `staging_max_size` goes into the database with the statement that makes the
messages, and to the object store later. So there is one wait for a disk, the database's, before
the answer. Staging is bounded by `staging_total`.

*Directly*: a larger one is written to the object store first, then `place` binds that object.
Into a directory it is written and fsynced in a thread, and meanwhile read here, for what is
derived from it. While a store over the network cannot be reached, it is staged in pieces, for a
content that is pending until `place` names it.

Bytes that were placed lately are first offered without a body.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from mmap import mmap
from typing import Final

from attrs import Factory, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks, gather
from sora.errors import SoraError, StorageFull, Unavailable
from sora.mail.facts import Facts
from sora.mail.recoding import recoded
from sora.mailbox.copies import Mirror, Written
from sora.mailbox.reserve import Name, Reserve
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IMessages, IUploads
from sora.storage.rows import (
    PIECE,
    Appended,
    Arrival,
    Claim,
    Delivered,
    ImportDone,
    ObjectPlace,
    Operation,
    Placement,
    Replaced,
    Target,
)
from sora.storage.stores import ObjectStore
from sora.threads import Threads

DERIVE_IN_THREAD: Final = 64 * 1024
"""Octets from which on a message is read in a thread."""
MAX_RECENT: Final = 4096
"""Contents placed lately that are remembered."""
BACKLOG_AGE: Final = 10.0
"""Seconds for which the size of the backlog is taken as known."""
FULL_AGE: Final = 1.0
"""The same while it is over its bound."""

TOGETHER: Final = 4 * 1024 * 1024
"""Octets of bodies and texts that go into one statement when several messages are appended."""
AT_ONCE: Final = 4
"""Messages of one append whose bytes are made durable at the same time."""

Derive = Callable[[bytes | mmap], Facts]
Put = Awaitable[ImportDone]


@frozen
class _Brought:
    """An arrival; `staged` octets that wait for their upload when it is placed, or the `name`
    of the object that was written for it, and what was written to the mirror."""

    arrival: Arrival
    staged: int = 0
    name: Name | None = None
    mirrored: Written | None = None


class _Room:
    """Octets that may still go into a statement; its first part has room whatever its size."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._is_fresh = True

    def take(self, octets: int) -> bool:
        """Whether so many more have room; they take it."""
        if not self._is_fresh and octets > self._left:
            return False
        self._is_fresh = False
        self._left -= octets
        return True


class Arrivals:
    """Places received bytes. `poke` is called when a body was staged: the uploader has work. What
    goes to the store directly goes to the `mirror` as well.

    `staging_max_size` and `staging_total` are octets; nothing is staged when the first is -1.
    """

    log = Logger()

    def __init__(
        self,
        messages: IMessages,
        uploads: IUploads,
        store: ObjectStore,
        *,
        derive: Derive,
        threads: Threads,
        clock: IReactorTime,
        staging_max_size: int = 1024 * 1024,
        staging_total: int = 10 * 1024 * 1024 * 1024,
        poke: Callable[[], None] | None = None,
        mirror: Mirror | None = None,
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
        self._mirror = mirror
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

    async def recoded(self, spool: Spool, new: Callable[[], Spool]) -> Spool:
        """The same bytes, or a `new` spool in which binary parts with NULs are base64."""
        if spool.data().find(b"\0") < 0:
            spool.unmap()
            return spool
        into = new()
        if spool.size < DERIVE_IN_THREAD:
            is_new = _recode(spool, into)
        else:
            is_new = await self._threads.run(_recode, spool, into)
        spool.unmap()
        return into if is_new else spool

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
        if await self._may_be_known(key, spool):
            if facts is None:
                facts = await self.facts(spool)
            arrival = Arrival(spool.hash, facts)
            placement = await self._messages.place(scope_id, arrival, targets, operation)
            if not placement.needs_body:
                self._remember(key)
                return placement
        brought = await self._bring(scope_id, spool, facts)
        placement = await self._messages.place(scope_id, brought.arrival, targets, operation)
        self._settle(brought, placement.used_object, placement.content_id)
        self._remember(key)
        return placement

    async def deliver(
        self,
        spools: Sequence[tuple[int, Spool, Facts]],
        claims: Sequence[Claim],
        operation: Operation,
    ) -> Delivered:
        """Do what these claims want, with messages from these bytes in these scopes; durable
        when this returns. One round trip, unless bytes that were placed lately are gone. Raises
        what `place` and `IMessages.deliver` raise.
        """

        async def offer(scope_id: int, spool: Spool, facts: Facts, known: bool) -> _Brought:
            if known and await self._may_be_known((scope_id, spool.hash), spool):
                return _Brought(Arrival(spool.hash, facts))
            return await self._bring(scope_id, spool, facts)

        offered = [await offer(*each, known=True) for each in spools]
        delivered = await self._deliver(spools, offered, claims, operation)
        if delivered.missing:
            for place in delivered.missing:
                offered[place] = await offer(*spools[place], known=False)
            delivered = await self._deliver(spools, offered, claims, operation)
        if delivered.missing:
            raise Unavailable("Contents of messages went away while they were delivered")
        for (scope_id, spool, _), brought, (content_id, used) in zip(
            spools, offered, delivered.contents, strict=True
        ):
            self._settle(brought, used, content_id)
            self._remember((scope_id, spool.hash))
        return delivered

    async def _deliver(
        self,
        spools: Sequence[tuple[int, Spool, Facts]],
        offered: Sequence["_Brought"],
        claims: Sequence[Claim],
        operation: Operation,
    ) -> Delivered:
        arrivals = [
            (scope_id, brought.arrival)
            for (scope_id, _, _), brought in zip(spools, offered, strict=True)
        ]
        return await self._messages.deliver(arrivals, claims, operation)

    async def append(
        self,
        scope_id: int,
        spools: Sequence[Spool],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None = None,
    ) -> Appended:
        """Make one message from each of these bytes, all or none, and take `replaced` away.

        One round trip while all bodies and texts together are small; for each message beyond
        `TOGETHER` octets one more before it, that makes its content. Raises what `place`
        and `IMessages.append` raise.
        """
        offers = _Offers(self, scope_id)
        offered = await offers.all(spools)
        appended = await self._append(scope_id, offered, targets, operation, replaced)
        if appended.needs_body:
            for place, placement in enumerate(appended.placements):
                if placement.needs_body:
                    offered[place] = await offers.one(spools[place], known=False)
            appended = await self._append(scope_id, offered, targets, operation, replaced)
        if appended.needs_body:
            raise Unavailable("Contents of messages went away while they were appended")
        for spool, brought, placement in zip(spools, offered, appended.placements, strict=True):
            self._settle(brought, placement.used_object, placement.content_id)
            self._remember((scope_id, spool.hash))
        return appended

    async def imported(
        self, scope_id: int, spools: Sequence[Spool], put: Callable[[Sequence[Arrival]], Put]
    ) -> ImportDone:
        """Give these bytes to `put`, which makes messages of them (`IImporting.put`); durable when
        this returns. Statements as in `append`; raises what `place` and `put` raise.
        """
        offers = _Offers(self, scope_id)
        offered = await offers.all(spools)
        done = await put([brought.arrival for brought in offered])
        if done.missing:
            for place in done.missing:
                offered[place] = await offers.one(spools[place], known=False)
            done = await put([brought.arrival for brought in offered])
        if done.missing:
            raise Unavailable("Contents of messages went away while they were imported")
        for spool, brought, one in zip(spools, offered, done.imported, strict=True):
            self._settle(brought, one.used_object, one.content_id)
            self._remember((scope_id, spool.hash))
        return done

    async def offer(self, scope_id: int, spool: Spool, room: _Room, *, known: bool) -> _Brought:
        """What a statement that makes several messages is told of one: its bytes, while there is
        `room`; or, when its content is made before or may be `known`, their hash alone."""
        if known and await self._may_be_known((scope_id, spool.hash), spool):
            return _Brought(Arrival(spool.hash))
        brought = await self._bring(scope_id, spool, None)
        spool.unmap()  # there may be hundreds of them
        return await self._within(room, scope_id, brought)

    async def is_known(self, scope_id: int, hash: bytes) -> bool:
        """Whether a live content with these bytes is there. One round trip."""
        known: bool = await self._uploads.known(scope_id, hash)
        return known

    async def prepare(self, scope_id: int, spool: Spool) -> None:
        """Make a content from these bytes, durable when this returns, of which messages are made
        by a later statement. One round trip, and what the bytes take. Raises what `place` raises.
        """
        brought = await self._bring(scope_id, spool, None)
        prepared = await self._messages.prepare(scope_id, brought.arrival)
        self._settle(brought, prepared.used_object, prepared.content_id)

    async def _append(
        self,
        scope_id: int,
        offered: Sequence["_Brought"],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None,
    ) -> Appended:
        arrivals = [brought.arrival for brought in offered]
        return await self._messages.append(scope_id, arrivals, targets, operation, replaced)

    async def _within(self, room: "_Room", scope_id: int, brought: "_Brought") -> "_Brought":
        """What was brought, if it has room in the statement that makes the messages; else
        its content is made now, and the statement is told its hash alone."""
        if room.take(_weight(brought.arrival)):
            return brought
        prepared = await self._messages.prepare(scope_id, brought.arrival)
        self._settle(brought, prepared.used_object, prepared.content_id)
        return _Brought(Arrival(brought.arrival.hash))

    async def _may_be_known(self, key: tuple[int, bytes], spool: Spool) -> bool:
        """Whether it is worth asking `place` without a body first."""
        if key in self._recent:
            return True
        if self._store.is_remote and spool.size > self._staging_max_size:
            return await self._uploads.known(*key)
        return False

    def _remember(self, key: tuple[int, bytes]) -> None:
        self._recent[key] = None
        self._recent.move_to_end(key)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

    # ------------------------------------------------------------ bringing the bytes

    async def _bring(self, scope_id: int, spool: Spool, facts: Facts | None) -> "_Brought":
        """An arrival with its bytes: an object, or what is to be staged."""
        is_small = spool.size <= self._staging_max_size
        if not is_small and not self._store.is_remote:
            if facts is None:
                facts, name = await self._read_and_put(spool)
            else:
                name = await self._put(spool)
            return self._object(spool, facts, name)
        if facts is None:
            facts = await self.facts(spool)
        if is_small:
            await self._check_room(spool.size)
            return _Brought(Arrival(spool.hash, facts, body=bytes(spool.data())), spool.size)
        try:
            name, mirrored = await self._put_both(spool)
        except (Unavailable, StorageFull) as error:
            self.log.info("a large body is staged: {error}", error=error.text)
            await self._check_room(spool.size)
            content_id = await self._stage(scope_id, spool)
            return _Brought(Arrival(spool.hash, facts, content_id=content_id), spool.size)
        return self._object(spool, facts, name, mirrored)

    def _object(
        self, spool: Spool, facts: Facts, name: Name, mirrored: Written | None = None
    ) -> "_Brought":
        store = self._store
        place = ObjectPlace(name[0], store.name, store.key_id, store.stored_size(spool.size))
        return _Brought(Arrival(spool.hash, facts, object=place), name=name, mirrored=mirrored)

    def _settle(self, brought: "_Brought", used_object: bool, content_id: int) -> None:
        """The statement that the bytes were brought for has returned."""
        if brought.name is not None and not used_object:
            self._tasks.start(self._discard(brought.name, content_id), "removing an object")
        if brought.mirrored is not None and self._mirror is not None:
            settling = self._mirror.settle(content_id if used_object else None, brought.mirrored)
            self._tasks.start(settling, "settling the copy of an object")
        if brought.staged:
            self._backlog += brought.staged
            if self._poke is not None:
                self._poke()

    async def _read_and_put(self, spool: Spool) -> tuple[Facts, Name]:
        putting = Deferred.fromCoroutine(self._put(spool))
        try:
            facts = await self.facts(spool)
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

    # ------------------------------------------------------------ staging

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
            asking = self._tasks.start(
                self._ask_backlog(), "asking for the upload backlog", awaited=is_over
            )
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


@frozen
class _Offers:
    """What one statement that makes several messages is given."""

    _arrivals: Arrivals
    _scope_id: int
    _room: _Room = Factory(lambda: _Room(TOGETHER))

    async def all(self, spools: Sequence[Spool]) -> list[_Brought]:
        """An offer for each of them, some at the same time."""
        slots = DeferredSemaphore(AT_ONCE)

        def offering(spool: Spool) -> "Deferred[_Brought]":
            return Deferred.fromCoroutine(self.one(spool, known=True))

        return await gather(*[slots.run(offering, spool) for spool in spools])

    async def one(self, spool: Spool, *, known: bool) -> _Brought:
        """See `Arrivals.offer`."""
        return await self._arrivals.offer(self._scope_id, spool, self._room, known=known)


def _recode(spool: Spool, into: Spool) -> bool:
    pieces = recoded(bytes(spool.data()))
    for piece in pieces or ():
        into.write(piece)
    return pieces is not None


def _weight(arrival: Arrival) -> int:
    """About how many octets a statement grows by."""
    facts = arrival.facts
    texts = () if facts is None else (facts.text_body, facts.text_header, facts.header)
    return len(arrival.body or b"") + sum(map(len, texts))
