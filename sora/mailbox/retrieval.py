"""The messages of a maildrop, on their way to the client that retrieves them.

Where messages are is read in groups, one statement for each, and kept for a while
(`sora.mailbox.read_ahead`). Their octets are had in one of two ways:

- One that can be had at once, since it is small and the system has its file in memory, is read
  when it is asked for; and the next one as soon as the client has its answer, while it is busy
  with that. No more than this one is held.
- Others are read in groups, by threads or from a store over the network, ahead of the client.
  When the beginning of the next group can be had at once again, none is begun.

A large message is given as a place: it is streamed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred

from sora.deferreds import deferred
from sora.errors import NoSuchMessage, SoraError
from sora.mailbox.bodies import Bodies
from sora.mailbox.read_ahead import NEAR, Allowance, Group, Ordered, ReadAhead
from sora.storage.rows import BodyPlace, MaildropBody

SMALL: Final = 256 * 1024
"""octets up to which a message is held in memory as a whole"""
PLACE_OCTETS: Final = 1024
"""what is counted for a message's place, which takes some 900 octets"""
PLACES: Final = 1024
"""places that are kept"""


@frozen(eq=False)
class Whole:
    """The octets of a small message as they are stored, with its trace."""

    octets: bytes


@frozen(eq=False)
class Large:
    """A message that is streamed: its trace, and where its octets are."""

    trace: bytes
    body: BodyPlace


class Retrieval:
    """Messages by their place in the list. `places_of` asks the database where the octets of
    some are, ascending; it gives them by place."""

    def __init__(
        self,
        order: Ordered,
        places_of: "Callable[[Sequence[int]], Deferred[Group[MaildropBody]]]",
        bodies: Bodies,
        allowance: Allowance,
    ) -> None:
        self._bodies = bodies
        self._allowance = allowance
        self._rows: ReadAhead[MaildropBody] = ReadAhead(
            _OfPlaces(order), places_of, allowance, kept=PLACES * PLACE_OCTETS, after_jump=NEAR
        )
        self._groups: ReadAhead[Whole | Large] = ReadAhead(order, self._read, allowance)
        self._next: tuple[int, Whole | Large] | None = None
        self._held = 0

    def take(self, place: int) -> Whole | Large | None:
        """The message at a place, if it is there or can be had at once; None says nothing."""
        if self._next is not None and self._next[0] == place:
            message: Whole | Large | None = self._next[1]
            self._let_go()
            self._rows.asked_for(place)
            return message
        message = self._groups.take(place)
        if message is not None:
            self._rows.asked_for(place)
        elif (row := self._rows.take(place)) is not None:
            message = self._at_hand(row)
        return message

    async def get(self, place: int) -> Whole | Large:
        """The same, whatever it takes. Raises NoSuchMessage when it is gone, Unavailable."""
        message = self.take(place)
        if message is None:
            if not self._groups.is_begun(place):
                # Whether it is there, and whether it can be had at once, its place says.
                message = self._at_hand(await self._rows.get(place))
            if message is None:
                message = await self._groups.get(place)
        return message

    def look_ahead(self) -> tuple[int, Whole | Large] | None:
        """The client has its answer: get ready what it asks for next if it goes on. Gives the
        next message, with its place, when it is there."""
        self._rows.look_ahead()
        self._let_go()
        place = self._rows.upcoming()
        if place is None:
            return None
        if self._groups.is_begun(place):
            self._groups.look_ahead(self._has_to_wait)
            message = self._groups.known(place)
            return None if message is None else (place, message)
        row = self._rows.known(place)
        if row is None:
            return None
        octets = row.body.size if row.body.size <= SMALL else 0
        if not self._allowance.take(octets):
            return None
        self._held = octets
        message = self._at_hand(row)
        if message is None:
            self._let_go()
            self._groups.look_ahead()
            return None
        self._next = (place, message)
        return self._next

    def forget(self) -> None:
        """Hold nothing any more."""
        self._let_go()
        self._rows.forget()
        self._groups.forget()

    # ------------------------------------------------------------ inside

    def _let_go(self) -> None:
        self._next = None
        self._allowance.give_back(self._held)
        self._held = 0

    def _has_to_wait(self, place: int) -> bool:
        """Whether a message cannot be had at once, or nobody knows."""
        row = self._rows.known(place)
        return row is None or self._at_hand(row) is None

    def _at_hand(self, row: MaildropBody) -> Whole | Large | None:
        if row.body.size > SMALL:
            return Large(row.trace, row.body)
        octets = self._bodies.at_hand(row.body)
        return None if octets is None else Whole(row.trace + octets)

    @deferred
    async def _read(self, places: Sequence[int]) -> Group[Whole | Large]:
        """A group: all bodies together."""
        found: dict[int, Whole | Large | SoraError] = {}
        small: list[tuple[int, MaildropBody]] = []
        for place in places:
            try:
                row = self._rows.known(place) or await self._rows.look_up(place)
            except NoSuchMessage:
                continue
            if row.body.size <= SMALL:
                small.append((place, row))
            else:
                found[place] = Large(row.trace, row.body)
        read = await self._bodies.read_many([row.body for _, row in small])
        for (place, row), octets in zip(small, read, strict=True):
            if isinstance(octets, bytes):
                found[place] = Whole(row.trace + octets)
            elif isinstance(octets, SoraError):
                found[place] = octets
            else:
                raise octets
        return found


@frozen
class _OfPlaces:
    """The same order, of places instead of messages."""

    order: Ordered

    def following(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        return self.order.following(place)

    def preceding(self, place: int) -> int | None:
        """See `read_ahead.Ordered`."""
        return self.order.preceding(place)

    def cost(self, place: int) -> int:
        """See `read_ahead.Ordered`."""
        return PLACE_OCTETS


class ByPlace(Mapping[int, Any]):
    """What was read by UID, by the place of the UID in the list."""

    def __init__(self, uids: Sequence[int], found: Mapping[int, Any]) -> None:
        self._uids = uids
        self._found = found

    def __getitem__(self, place: int) -> Any:
        return self._found[self._uids[place]]

    def __iter__(self) -> Iterator[int]:
        return (place for place, uid in enumerate(self._uids) if uid in self._found)

    def __len__(self) -> int:
        return len(self._found)
