"""What is asked for one after the other, read before it is asked for.

A client that retrieves a maildrop asks for one message, takes it, and asks for the next: each
would cost a round trip to the database. So what lies beside one another in the list is read in
groups, one statement for each. While a client goes on in one direction, with gaps or without, the
next `AHEAD` groups are on their way; they are begun when it has its answer (`look_ahead`), so that
it does not wait for their beginning. Groups grow as long as it goes on, up to `GROUP_MESSAGES`.

The latest groups are kept, so that who goes back, asks again, or jumps about in a part of the list
finds what was read.

Memory is bounded twice: a session holds so many octets, in groups of at most `GROUP_OCTETS`, and
all sessions of a process share an `Allowance`. When that is used up, messages are read one by one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sora.errors import NoSuchMessage, SoraError

GROUP_MESSAGES: Final = 64
FIRST_GROUP: Final = 4
"""messages of the group that a client begins with who has not shown yet what it wants"""
GROUP_OCTETS: Final = 512 * 1024
AHEAD: Final = 2
"""groups beside the one that a client is taking"""
KEPT: Final = (AHEAD + 1) * GROUP_OCTETS
"""octets that a list holds for its client"""
NEAR: Final = 16
"""messages that a client may pass over and still goes on"""
ALLOWANCE: Final = 64 * 1024 * 1024
"""octets that all sessions of a process read ahead together"""

T = TypeVar("T")
Group = Mapping[int, T | SoraError]
"""By place in the list: a message, or why it cannot be read now. One that is gone is absent."""


class Allowance:
    """Octets that may be held at the same time."""

    def __init__(self, octets: int = ALLOWANCE) -> None:
        self.left = octets

    def take(self, octets: int) -> bool:
        """Reserve octets; gives whether there are so many left."""
        if octets > self.left:
            return False
        self.left -= octets
        return True

    def give_back(self, octets: int) -> None:
        """They are held no longer."""
        self.left += octets


class Ordered(Protocol):
    """The list in whose order messages are asked for."""

    def following(self, place: int) -> int | None:
        """The place of the next message that may be asked for, from `place` on."""

    def preceding(self, place: int) -> int | None:
        """The same backwards, from `place` on."""

    def cost(self, place: int) -> int:
        """How many octets are held of the message once it is read."""


@define(eq=False)
class _Ahead(Generic[T]):
    """A group that was read, or is on its way."""

    places: list[int]
    octets: int
    waiting: "list[Deferred[None]]" = Factory(list)
    found: Group[T] | None = None
    failure: BaseException | None = None


class ReadAhead(Generic[T]):
    """The messages of one list, for one client. `read` reads those at some places, ascending.

    `kept` is how many octets are held; `after_jump` how many messages are read for who jumps.
    """

    def __init__(
        self,
        order: Ordered,
        read: Callable[[Sequence[int]], "Deferred[Group[T]]"],
        allowance: Allowance,
        *,
        kept: int = KEPT,
        after_jump: int = 1,
    ) -> None:
        self._order = order
        self._read = read
        self._allowance = allowance
        self._kept = kept
        self._after_jump = after_jump
        self._groups: list[_Ahead[T]] = []
        """those that are held, the latest at the end"""
        self._held = 0
        self._at: dict[int, _Ahead[T]] = {}
        self._size = FIRST_GROUP
        self._last = -1
        self._direction = 0
        self._has_jumped = False
        self._seen: _Ahead[T] | None = None
        """the group that `look_ahead` has looked at"""

    def known(self, place: int) -> T | None:
        """The message at a place if it was read; None says nothing. It counts as asked for by
        nobody."""
        group = self._at.get(place)
        message = None if group is None or group.found is None else group.found.get(place)
        return None if isinstance(message, SoraError) else message

    def is_begun(self, place: int) -> bool:
        """Whether it was read, or is on its way."""
        return place in self._at

    def asked_for(self, place: int) -> None:
        """The client has asked for a message: which way does it go?"""
        step = place - self._last
        if step and self._last >= 0:
            self._has_jumped = abs(step) > NEAR
            self._direction = 0 if self._has_jumped else 1 if step > 0 else -1
        self._last = place

    def take(self, place: int) -> T | None:
        """The message at a place if it was read; None says nothing."""
        message = self.known(place)
        if message is not None:
            self.asked_for(place)
        return message

    async def get(self, place: int) -> T:
        """The message at a place. Raises NoSuchMessage when it is gone, and what reading raised."""
        self.asked_for(place)
        return await self.look_up(place)

    async def look_up(self, place: int) -> T:
        """The same for somebody else than the client, of whose way it says nothing."""
        group = self._at.get(place) or self._begin(place)
        if group.found is None and group.failure is None:
            there: Deferred[None] = Deferred()
            group.waiting.append(there)
            await there
        if group.failure is not None:
            self._drop(group)
            raise group.failure
        assert group.found is not None
        message = group.found.get(place)
        if message is None:
            raise NoSuchMessage("Another session has removed this message")
        if isinstance(message, SoraError):
            # It may be over when it is asked for again.
            self._at.pop(place, None)
            raise message
        return message

    def look_ahead(self, is_wanted: Callable[[int], bool] = lambda place: True) -> None:
        """Begin with the groups that come next, if the client goes on: once it has its answer.
        Only those are whose first message `is_wanted`."""
        group = self._at.get(self._last)
        if not self._direction or group is None or group is self._seen:
            return
        self._seen = group
        for _ in range(AHEAD):
            following = self._beyond(group)
            if following is None:
                break
            begun = self._at.get(following)
            if begun is None:
                begun = self._begin_ahead(following) if is_wanted(following) else None
                if begun is None:
                    break
            group = begun

    def upcoming(self) -> int | None:
        """The place that a client who goes on asks for next, as far as it is known."""
        if self._direction > 0:
            return self._order.following(self._last + 1)
        return self._order.preceding(self._last - 1) if self._direction else None

    def forget(self) -> None:
        """Hold nothing any more."""
        for group in self._groups[:]:
            self._drop(group)

    # ------------------------------------------------------------ inside

    def _beyond(self, group: _Ahead[T]) -> int | None:
        """The next place behind a group, in the direction of the client."""
        if self._direction > 0:
            return self._order.following(group.places[-1] + 1)
        return self._order.preceding(group.places[0] - 1)

    def _begin(self, place: int) -> _Ahead[T]:
        """Read a group that somebody waits for: a single message if no more is allowed."""
        if self._direction:
            self._size = min(self._size * 4, GROUP_MESSAGES)
        elif self._has_jumped:
            self._size = self._after_jump
        places, octets = self._choose(place)
        if not self._reserve(octets):
            places, octets = [place], 0
        return self._start(places, octets)

    def _begin_ahead(self, place: int) -> _Ahead[T] | None:
        """Read a group that nobody waits for yet, if that is allowed."""
        self._size = min(self._size * 4, GROUP_MESSAGES)
        places, octets = self._choose(place)
        if not octets or not self._reserve(octets):
            return None
        return self._start(places, octets)

    def _reserve(self, octets: int) -> bool:
        """Make room for a new group: the oldest go, but for the one that is in use."""
        in_use = self._at.get(self._last)
        for group in self._groups[:]:
            if self._held + octets <= self._kept and self._allowance.left >= octets:
                break
            if group is not in_use:
                self._drop(group)
        return self._held + octets <= self._kept and self._allowance.take(octets)

    def _start(self, places: list[int], octets: int) -> _Ahead[T]:
        group: _Ahead[T] = _Ahead(places, octets)
        self._groups.append(group)
        self._held += octets
        self._at.update(dict.fromkeys(places, group))
        self._read(places).addCallbacks(
            lambda found: self._arrived(found, group),
            lambda failure: self._failed(failure, group),
        )
        return group

    def _choose(self, place: int) -> tuple[list[int], int]:
        """What is read with a message: those that come next, as far as they are not known."""
        back = self._direction < 0
        places, octets = [place], self._order.cost(place)
        while len(places) < self._size:
            last = places[-1]
            following = self._order.preceding(last - 1) if back else self._order.following(last + 1)
            if following is None or following in self._at:
                break
            octets += (cost := self._order.cost(following))
            if octets > GROUP_OCTETS:
                octets -= cost
                break
            places.append(following)
        return (places[::-1] if back else places), octets

    def _arrived(self, found: Group[T], group: _Ahead[T]) -> None:
        group.found = found
        self._fire(group)

    def _failed(self, failure: Failure, group: _Ahead[T]) -> None:
        group.failure = failure.value
        self._fire(group)

    def _fire(self, group: _Ahead[T]) -> None:
        waiting, group.waiting = group.waiting, []
        for one in waiting:
            one.callback(None)

    def _drop(self, group: _Ahead[T]) -> None:
        if group in self._groups:
            self._groups.remove(group)
            self._allowance.give_back(group.octets)
            self._held -= group.octets
            for place in group.places:
                if self._at.get(place) is group:
                    del self._at[place]
