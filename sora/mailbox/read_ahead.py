"""Messages that are asked for one after the other, read before they are asked for.

A client that retrieves a maildrop asks for one message, takes it, and asks for the next: each
would cost a round trip to the database and the way to its body. So messages are read in groups,
one statement for each, and while a client takes those of one group the next `AHEAD` groups are on
their way: a group takes as long to read as a client on a fast line needs for some fifty messages.
Groups grow as long as the client goes on in order, up to `GROUP_MESSAGES`, and begin small again
when it jumps.

Memory is bounded twice: a session holds so many groups of at most `GROUP_OCTETS`, and all sessions
of a process share an `Allowance`. When that is used up, messages are read one by one.
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

    def cost(self, place: int) -> int:
        """How many octets are held of the message once it is read."""


@define(eq=False)
class _Ahead(Generic[T]):
    """A group that was read, or is on its way."""

    places: list[int]
    octets: int
    left: set[int]
    """places that were not asked for yet"""
    waiting: "list[Deferred[None]]" = Factory(list)
    found: dict[int, T | SoraError] | None = None
    failure: BaseException | None = None


class ReadAhead(Generic[T]):
    """The messages of one list, for one client. `read` reads those at some places, ascending."""

    def __init__(
        self,
        order: Ordered,
        read: Callable[[Sequence[int]], "Deferred[Group[T]]"],
        allowance: Allowance,
    ) -> None:
        self._order = order
        self._read = read
        self._allowance = allowance
        self._groups: list[_Ahead[T]] = []
        self._size = FIRST_GROUP
        self._last = -1

    async def get(self, place: int) -> T:
        """The message at a place. Raises NoSuchMessage when it is gone, and what reading raised."""
        goes_on = self._last >= 0 and self._order.following(self._last + 1) == place
        group = self._group_of(place)
        if group is None:
            self.forget()
            if not goes_on:
                self._size = FIRST_GROUP if self._last < 0 else 1
            group = self._begin(place)
        self._last = place
        if goes_on:
            self._go_on(group)
        if group.found is None and group.failure is None:
            there: Deferred[None] = Deferred()
            group.waiting.append(there)
            await there
        if group.failure is not None:
            self._drop(group)
            raise group.failure
        assert group.found is not None
        message = group.found.pop(place)
        group.left.discard(place)
        if place == group.places[-1]:
            self._drop(group)
        if isinstance(message, SoraError):
            raise message
        return message

    def forget(self) -> None:
        """Hold nothing any more."""
        for group in self._groups[:]:
            self._drop(group)

    # ------------------------------------------------------------ inside

    def _group_of(self, place: int) -> _Ahead[T] | None:
        for group in self._groups:
            if place in group.left:
                return group
        return None

    def _go_on(self, group: _Ahead[T]) -> None:
        """A client goes on in order: let go of what lies behind it, begin with what comes next."""
        while self._groups and self._groups[0] is not group:
            self._drop(self._groups[0])
        while 0 < len(self._groups) <= AHEAD:
            following = self._order.following(self._groups[-1].places[-1] + 1)
            if following is None:
                break
            self._size = min(self._size * 4, GROUP_MESSAGES)
            if not self._begin_ahead(following):
                break

    def _begin(self, place: int) -> _Ahead[T]:
        """Read a group that somebody waits for: a single message if no more is allowed."""
        places, octets = self._choose(place)
        if not self._allowance.take(octets):
            places, octets = [place], 0
        return self._start(places, octets)

    def _begin_ahead(self, place: int) -> bool:
        """Read a group that nobody waits for yet; gives whether that is allowed."""
        places, octets = self._choose(place)
        if not octets or not self._allowance.take(octets):
            return False
        self._start(places, octets)
        return True

    def _start(self, places: list[int], octets: int) -> _Ahead[T]:
        group: _Ahead[T] = _Ahead(places, octets, set(places))
        self._groups.append(group)
        self._read(places).addCallbacks(
            lambda found: self._arrived(found, group),
            lambda failure: self._failed(failure, group),
        )
        return group

    def _choose(self, place: int) -> tuple[list[int], int]:
        places, octets = [place], self._order.cost(place)
        while len(places) < self._size:
            following = self._order.following(places[-1] + 1)
            if following is None or octets + self._order.cost(following) > GROUP_OCTETS:
                break
            places.append(following)
            octets += self._order.cost(following)
        return places, octets

    def _arrived(self, found: Group[T], group: _Ahead[T]) -> None:
        gone = NoSuchMessage("Another session has removed this message")
        group.found = {place: found.get(place, gone) for place in group.places}
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
