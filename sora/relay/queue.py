"""The queue, as the reactor sees it: what is on disk, and an index of it in memory.

What is written is written in threads; one fsync of a directory serves all who wait for one. The
index is filled in pieces while mail is already taken in and sent: a large queue delays nothing
(G48).
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Concatenate, Final, ParamSpec, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import shielded
from sora.errors import ShuttingDown, SoraError, Unavailable
from sora.relay.directory import Lane, State, lanes
from sora.relay.entry import Attempt, Entry, NotAnEntry, restarted
from sora.relay.index import Index
from sora.relay.interfaces import Content, Held, Outgoing, RelayFull
from sora.relay.shared_sync import SharedSync
from sora.threads import Threads
from sora.tracing.parents import traceparent

PIECE: Final = 100
"""Files that are looked at in one go of a thread."""
HELD_TOO_LONG: Final = 3600.0
"""Seconds after which what is held was forgotten by who held it."""

Message = tuple[Outgoing, Content]
P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Depth:
    """How many messages there are, by state, and how much; `oldest` is an age in seconds."""

    held: int
    waiting: int
    sending: int
    failed: int
    octets: int
    oldest: float


class RelayQueue:
    """The messages of one lane.

    `threads` write what comes in; `settling` are for what goes out: a message that was sent is
    not to wait behind others until it is gone. `max_messages` and `max_size` (octets) bound what
    is held and waits. What a crash left while it was being sent is tried after `suspect_pause`
    seconds. `grew` is called when something may be due.
    """

    log = Logger()

    def __init__(
        self,
        path: str,
        threads: Threads,
        *,
        clock: IReactorTime,
        random: Random,
        max_messages: int,
        max_size: int,
        settling: Threads | None = None,
        suspect_pause: float = 60.0,
        grew: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._threads = threads
        self._settling = settling or threads
        self._suspect_pause = suspect_pause
        self._clock = clock
        self._random = random
        self._max_messages = max_messages
        self._max_size = max_size
        self.grew = grew
        self._lane: Lane | None = None
        self._held: dict[str, tuple[int, float]] = {}
        self._held_octets = 0
        self._writing = 0
        self._index = Index()
        self._failed: set[str] = set()
        self._sent: set[str] = set()
        self._orders: list[tuple[str, str]] = []
        self._sync = SharedSync(self._sync_held)

    # ------------------------------------------------------------ begin and end

    async def open(self) -> None:
        """Take a lane. Raises Unavailable."""
        self._lane = await self._threads.run(Lane.claim, self._path)

    async def close(self) -> None:
        """Let go of the lane; nothing is being written any more."""
        lane, self._lane = self._lane, None
        if lane is not None:
            await self._threads.run(lane.close)

    @property
    def lane(self) -> Lane:
        """Our lane. Raises ShuttingDown when there is none."""
        if self._lane is None:
            raise ShuttingDown()
        return self._lane

    def depth(self) -> Depth:
        """How much there is now."""
        oldest = self._index.oldest()
        age = max(0.0, self._clock.seconds() - oldest) if oldest is not None else 0.0
        taken = self._index.taken
        octets = self._index.octets + self._held_octets
        return Depth(
            len(self._held), len(self._index) - taken, taken, len(self._failed), octets, age
        )

    # ------------------------------------------------------------ coming in

    async def hold(self, messages: Sequence[Message], *, force: bool = False) -> Held:
        """See IRelay. `force`: whatever the limits say."""
        if not force:
            self._require_room(len(messages))
        return await shielded(Deferred.fromCoroutine(self._hold(self.lane, messages)))

    async def release(self, held: Held) -> None:
        """See IRelay."""
        names = [name for name in held.names if name in self._held]
        try:
            moved = await self._run(_move_all, names)
        except Unavailable as error:
            self.log.error(
                "{count} held messages wait: {error}", count=len(names), error=error.text
            )
            return
        for name in moved:
            size, queued = self._let_go(name)
            self._index.add(name, size, queued, queued, fresh=True)
        self.grew()

    async def drop(self, held: Held) -> None:
        """See IRelay."""
        names = [name for name in held.names if name in self._held]
        for name in names:
            self._let_go(name)
        try:
            await self._run(_remove_all, State.HELD, names)
        except Unavailable as error:
            self.log.error(
                "{count} held messages could not be dropped: {error}",
                count=len(names),
                error=error.text,
            )

    def _require_room(self, count: int) -> None:
        messages = len(self._held) + len(self._index) + self._writing + count
        octets = self._held_octets + self._index.octets
        if messages > self._max_messages or octets >= self._max_size:
            raise RelayFull(f"The relay queue {self._path} is full: {messages - count} messages")

    async def _hold(self, lane: Lane, messages: Sequence[Message]) -> Held:
        now = self._clock.seconds()
        here = traceparent()
        named = [
            (self._new_name(now), evolve(outgoing, traceparent=here) if here else outgoing, content)
            for outgoing, content in messages
        ]
        names = tuple(name for name, _, _ in named)
        self._writing += len(messages)
        is_durable = False
        try:
            sizes = await self._threads.run(_write_all, lane, named, now)
            await self._sync()
            is_durable = True
        finally:
            self._writing -= len(messages)
            if not is_durable:
                await self._threads.run(_forget, lane, names)
        for name, size in zip(names, sizes, strict=True):
            self._held[name] = (size, now)
            self._held_octets += size
        return Held(names)

    def _let_go(self, name: str) -> tuple[int, float]:
        size, queued = self._held.pop(name)
        self._held_octets -= size
        return size, queued

    def _new_name(self, now: float) -> str:
        """Names sort by age; the random part makes them unique."""
        return f"{int(now * 1_000_000):016x}-{self._random.getrandbits(48):012x}"

    async def _sync_held(self) -> None:
        await self._threads.run(self.lane.sync, State.HELD)

    # ------------------------------------------------------------ going out

    def take(self, now: float) -> str | None:
        """The name of a message that is due, to be tried now."""
        return self._index.take(now)

    def next_due(self) -> float | None:
        """When the next one is due."""
        return self._index.next_due()

    def hurry_unreachable(self) -> int:
        """The server is back: what waited for it is due. Gives how many messages."""
        return self._index.hurry_unreachable(self._clock.seconds())

    async def begin(self, name: str) -> Entry | None:
        """A message that was taken, to be sent; None when it is there no longer, or is damaged, and
        so it is taken out of what waits. Raises Unavailable."""
        if name in self._sent:
            await self.done(name)
            return None
        try:
            return await self._settle(Lane.begin, name)
        except FileNotFoundError:
            self._index.remove(name)
        except NotAnEntry as error:
            self.log.error("{name} in the relay queue is damaged: {error}", name=name, error=error)
            await self.fail(name)
        return None

    def content(self, name: str) -> Content:
        """The octets of a message that is being sent."""
        return partial(self.lane.open_message, State.SENDING, name)

    async def note(self, name: str, attempt: Attempt) -> None:
        """Write an attempt down. Raises Unavailable."""
        await self._settle(Lane.append, State.SENDING, name, attempt)

    async def put_back(self, name: str, due: float, *, unreachable: bool = False) -> None:
        """It will be tried again then. Raises Unavailable."""
        await self._settle(Lane.move, name, State.SENDING, State.WAITING)
        self._index.put_back(name, due, unreachable=unreachable)

    def postpone(self, name: str, pause: float) -> None:
        """Nothing is known of what was being done; it is looked at again after a pause."""
        self._index.put_back(name, self._clock.seconds() + pause)

    async def done(self, name: str) -> None:
        """It is sent. If it cannot be removed, it is known not to be sent again. Raises
        Unavailable."""
        self._sent.add(name)
        await self._settle(Lane.discard, name)
        self._sent.discard(name)
        self._index.remove(name)

    async def fail(self, name: str) -> None:
        """It was refused or given up, and is kept for a while. Raises Unavailable."""
        await self._settle(Lane.move, name, State.SENDING, State.FAILED)
        self._index.remove(name)
        self._failed.add(name)

    # ------------------------------------------------------------ looking through

    async def scan(self) -> None:
        """Compare the index with the disk: what a start finds, what another process left, what
        was put there by hand. Raises Unavailable."""
        for state in (State.SENDING, State.WAITING):
            found = await self._run(Lane.names, state)
            known = self._index.names
            new = [name for name in found if name not in known]
            for begin in range(0, len(new), PIECE):
                for entry in await self._run(_read_all, state, new[begin : begin + PIECE]):
                    self._found(entry, is_suspect=state is State.SENDING)
                self.grew()
        self._failed = set(await self._run(Lane.names, State.FAILED))

    def _found(self, entry: Entry, is_suspect: bool) -> None:
        if entry.name in self._sent:
            return
        due = entry.due
        if is_suspect:
            due = self._clock.seconds() + self._suspect_pause * (0.8 + 0.4 * self._random.random())
        is_fresh = not entry.tries and not is_suspect
        self._index.add(entry.name, entry.size, entry.queued, due, fresh=is_fresh)

    async def release_forgotten(self, longest: float = HELD_TOO_LONG) -> None:
        """Release what nobody has released or dropped."""
        before = self._clock.seconds() - longest
        names = tuple(name for name, (_, held_at) in self._held.items() if held_at <= before)
        if names:
            self.log.warn("{count} held messages were forgotten: they go out", count=len(names))
            await self.release(Held(names))

    async def release_left(self) -> int:
        """Release what the last process in this lane has left held (G48). Raises Unavailable."""
        held = await self._run(Lane.names, State.HELD)
        left = [name for name in held if name not in self._held]
        return len(await self._run(_move_all, left))

    async def adopt(self) -> int:
        """Take over what dead processes have left in their lanes. Gives how many messages.
        Raises Unavailable."""
        count = 0
        mine = self.lane.place
        for place in await self._threads.run(lanes, self._path):
            if place != mine:
                count += await self._run(Lane.adopt, place)
        return count

    async def prune(self, retention: float) -> int:
        """Remove what failed longer than `retention` seconds ago. Gives how many messages.
        Raises Unavailable."""
        before = self._clock.seconds() - retention
        return await self._run(Lane.prune, before)

    async def obey(self) -> None:
        """Do what sora-admin asks. Raises Unavailable."""
        self._orders += await self._run(Lane.take_orders)
        orders, self._orders = self._orders, []
        for verb, name in orders:
            try:
                await self._obey(verb, name)
            except (SoraError, NotAnEntry, FileNotFoundError) as error:
                self.log.error(
                    "{verb} of {name} failed: {error}", verb=verb, name=name, error=str(error)
                )

    async def _obey(self, verb: str, name: str) -> None:
        now = self._clock.seconds()
        if name in self._index:
            if not self._index.hurry(name, now):
                self._orders.append((verb, name))  # it is being tried now
            elif verb == "delete":
                await self.done(name)
            self.grew()
        elif name in self._failed:
            if verb == "delete":
                await self._run(Lane.remove, State.FAILED, name)
            else:
                await self._run(_restart, name, now)
            self._failed.discard(name)
            await self.scan()
        self.log.info("{name} in the relay queue: {verb}, by order", name=name, verb=verb)

    def _settle(
        self, work: "Callable[Concatenate[Lane, P], T]", *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        return self._settling.run(work, self.lane, *args, **kwargs)

    def _run(
        self, work: "Callable[Concatenate[Lane, P], T]", *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        return self._threads.run(work, self.lane, *args, **kwargs)


# ---------------------------------------------------------------- in a thread


def _write_all(
    lane: Lane, named: Sequence[tuple[str, Outgoing, Content]], queued: float
) -> list[int]:
    return [lane.write(name, outgoing, content, queued) for name, outgoing, content in named]


def _forget(lane: Lane, names: Sequence[str]) -> None:
    for name in names:
        try:
            lane.remove(State.HELD, name)
        except Unavailable:
            continue  # the next start sends it: nothing is lost


def _move_all(lane: Lane, names: Sequence[str]) -> list[str]:
    return [name for name in names if lane.move(name, State.HELD, State.WAITING)]


def _remove_all(lane: Lane, state: State, names: Sequence[str]) -> None:
    for name in names:
        lane.remove(state, name)


def _read_all(lane: Lane, state: State, names: Sequence[str]) -> list[Entry]:
    """Those that can be read; damaged ones are put aside."""
    found = []
    for name in names:
        try:
            found.append(lane.read(state, name))
        except FileNotFoundError:
            continue
        except NotAnEntry:
            lane.move(name, state, State.FAILED)
    return found


def _restart(lane: Lane, name: str, now: float) -> None:
    entry = lane.read(State.FAILED, name)
    lane.append(State.FAILED, name, restarted(entry, now))
    lane.move(name, State.FAILED, State.WAITING)
