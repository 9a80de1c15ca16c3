"""How received bytes become messages.

How they become durable is told in `sora.mailbox.bringing`. What makes messages of them is one
round trip, and a duplicate touches no file and no object (G2): bytes that were placed lately are
first offered without a body.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from attrs import Factory, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from sora.deferreds import Tasks, gather
from sora.errors import Unavailable
from sora.mail.facts import Facts
from sora.mailbox.bringing import Bringing, Brought
from sora.mailbox.copies import Mirror
from sora.mailbox.deriving import Derive, Deriving
from sora.mailbox.spool import Spool
from sora.mailbox.staging import Staging
from sora.storage.interfaces import IMessages, IUploads
from sora.storage.rows import (
    Appended,
    Arrival,
    Claim,
    Delivered,
    ImportDone,
    Operation,
    Placement,
    Replaced,
    Target,
)
from sora.storage.stores import ObjectStore
from sora.threads import Threads

MAX_RECENT: Final = 4096
"""Contents placed lately that are remembered."""
TOGETHER: Final = 4 * 1024 * 1024
"""Octets of bodies and texts that go into one statement when several messages are appended."""
AT_ONCE: Final = 4
"""Messages of one append whose bytes are made durable at the same time."""

Put = Awaitable[ImportDone]


class _Answer(Protocol):
    """What storage says of several messages at once. When some came without bytes that are not
    there, nothing was done, and `missing` are their places."""

    @property
    def missing(self) -> Collection[int]: ...


A = TypeVar("A", bound=_Answer)


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
    `derive` is what reads a message, and `deriving` reads one without placing it.
    """

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
        self.deriving = Deriving(derive, threads)
        self._messages = messages
        self._uploads = uploads
        self._tasks = Tasks()
        self._bringing = Bringing(
            uploads,
            store,
            mirror,
            Staging(uploads, clock, self._tasks, total=staging_total, poke=poke),
            self.deriving,
            clock,
            self._tasks,
            staging_max_size=staging_max_size,
        )
        self._recent: OrderedDict[tuple[int, bytes], None] = OrderedDict()

    async def stop(self) -> None:
        """Wait for what is done in the background."""
        await self._tasks.join()

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
        if await self._may_be_known(scope_id, spool):
            if facts is None:
                facts = await self.deriving.facts(spool)
            arrival = Arrival(spool.hash, facts)
            placement = await self._messages.place(scope_id, arrival, targets, operation)
            if not placement.needs_body:
                self._remember(scope_id, spool)
                return placement
        brought = await self._bringing.bring(scope_id, spool, facts)
        placement = await self._messages.place(scope_id, brought.arrival, targets, operation)
        self._bringing.settle(brought, placement.used_object, placement.content_id)
        self._remember(scope_id, spool)
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

        async def offer(place: int, *, known: bool) -> Brought:
            scope_id, spool, facts = spools[place]
            if known and await self._may_be_known(scope_id, spool):
                return Brought(Arrival(spool.hash, facts))
            return await self._bringing.bring(scope_id, spool, facts)

        async def deliver(arrivals: Sequence[Arrival]) -> Delivered:
            scopes = [scope_id for scope_id, _, _ in spools]
            offers = list(zip(scopes, arrivals, strict=True))
            return await self._messages.deliver(offers, claims, operation)

        offered = [await offer(place, known=True) for place in range(len(spools))]
        delivered = await _insist(deliver, offered, partial(offer, known=False), "delivered")
        for (scope_id, spool, _), brought, (content_id, used) in zip(
            spools, offered, delivered.contents, strict=True
        ):
            self._bringing.settle(brought, used, content_id)
            self._remember(scope_id, spool)
        return delivered

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

        def append(arrivals: Sequence[Arrival]) -> Awaitable[Appended]:
            return self._messages.append(scope_id, arrivals, targets, operation, replaced)

        offers = _Offers(self, scope_id, spools)
        offered = await offers.all()
        appended = await _insist(append, offered, offers.again, "appended")
        for spool, brought, placement in zip(spools, offered, appended.placements, strict=True):
            self._bringing.settle(brought, placement.used_object, placement.content_id)
            self._remember(scope_id, spool)
        return appended

    async def imported(
        self, scope_id: int, spools: Sequence[Spool], put: Callable[[Sequence[Arrival]], Put]
    ) -> ImportDone:
        """Give these bytes to `put`, which makes messages of them (`IImporting.put`); durable when
        this returns. Statements as in `append`; raises what `place` and `put` raise.
        """
        offers = _Offers(self, scope_id, spools)
        offered = await offers.all()
        done = await _insist(put, offered, offers.again, "imported")
        for spool, brought, one in zip(spools, offered, done.imported, strict=True):
            self._bringing.settle(brought, one.used_object, one.content_id)
            self._remember(scope_id, spool)
        return done

    async def offer(self, scope_id: int, spool: Spool, room: _Room, *, known: bool) -> Brought:
        """What a statement that makes several messages is told of one: its bytes, while there is
        `room`; or, when its content is made before or may be `known`, their hash alone."""
        if known and await self._may_be_known(scope_id, spool):
            return Brought(Arrival(spool.hash))
        brought = await self._bringing.bring(scope_id, spool, None)
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
        brought = await self._bringing.bring(scope_id, spool, None)
        prepared = await self._messages.prepare(scope_id, brought.arrival)
        self._bringing.settle(brought, prepared.used_object, prepared.content_id)

    async def _within(self, room: _Room, scope_id: int, brought: Brought) -> Brought:
        """What was brought, if it has room in the statement that makes the messages; else
        its content is made now, and the statement is told its hash alone."""
        if room.take(_weight(brought.arrival)):
            return brought
        prepared = await self._messages.prepare(scope_id, brought.arrival)
        self._bringing.settle(brought, prepared.used_object, prepared.content_id)
        return Brought(Arrival(brought.arrival.hash))

    async def _may_be_known(self, scope_id: int, spool: Spool) -> bool:
        """Whether it is worth asking `place` without a body first."""
        if (scope_id, spool.hash) in self._recent:
            return True
        return self._bringing.goes_far(spool) and await self.is_known(scope_id, spool.hash)

    def _remember(self, scope_id: int, spool: Spool) -> None:
        key = (scope_id, spool.hash)
        self._recent[key] = None
        self._recent.move_to_end(key)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)


@frozen
class _Offers:
    """What one statement that makes several messages is given."""

    _arrivals: Arrivals
    _scope_id: int
    _spools: Sequence[Spool]
    _room: _Room = Factory(lambda: _Room(TOGETHER))

    async def all(self) -> list[Brought]:
        """An offer for each of them, some at the same time."""
        slots = DeferredSemaphore(AT_ONCE)

        def offering(spool: Spool) -> "Deferred[Brought]":
            return Deferred.fromCoroutine(self._one(spool, known=True))

        return await gather(*[slots.run(offering, spool) for spool in self._spools])

    async def again(self, place: int) -> Brought:
        """An offer with the bytes of one of them, whose hash alone was offered."""
        return await self._one(self._spools[place], known=False)

    async def _one(self, spool: Spool, *, known: bool) -> Brought:
        """See `Arrivals.offer`."""
        return await self._arrivals.offer(self._scope_id, spool, self._room, known=known)


async def _insist(
    do: Callable[[Sequence[Arrival]], Awaitable[A]],
    offered: list[Brought],
    again: Callable[[int], Awaitable[Brought]],
    done: str,
) -> A:
    """Do what makes messages of all that is offered; if bytes are missing that did not come along,
    offer these `again`, once. What is `offered` in the end is in the list."""
    answer = await do([brought.arrival for brought in offered])
    if answer.missing:
        for place in answer.missing:
            offered[place] = await again(place)
        answer = await do([brought.arrival for brought in offered])
    if answer.missing:
        raise Unavailable(f"Contents of messages went away while they were {done}")
    return answer


def _weight(arrival: Arrival) -> int:
    """About how many octets a statement grows by."""
    facts = arrival.facts
    texts = () if facts is None else (facts.text_body, facts.text_header, facts.header)
    return len(arrival.body or b"") + sum(map(len, texts))
