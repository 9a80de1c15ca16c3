"""The queue from outside: what sora-admin sees and does, whether or not a Sora runs.

What is in the directory can be read at any time. It is changed only by who has the lock of a lane:
where no process has it, that is we; otherwise an order is left, which the process takes within
seconds.
Everything here blocks.
"""

import os
from collections.abc import Iterator
from enum import StrEnum

from attrs import frozen

from sora.errors import Unavailable
from sora.relay.directory import Lane, State, lanes, names, read
from sora.relay.entry import Entry, NotAnEntry, restarted


class Verb(StrEnum):
    """What can be done with a message."""

    RETRY = "retry"
    DELETE = "delete"


@frozen
class Queued:
    """A message, where it is, and what its file says; `entry` is None for a damaged file."""

    place: str
    state: State
    name: str
    entry: Entry | None

    @property
    def lane(self) -> int:
        """The number of its lane."""
        return _number(self.place)


@frozen
class Count:
    """How many messages are in a state, their octets, and when the oldest was queued."""

    state: State
    messages: int
    octets: int
    oldest: float | None


def queued(
    path: str,
    states: tuple[State, ...] = tuple(State),
    after: tuple[int, State, str] | None = None,
) -> Iterator[Queued]:
    """All messages in some states, by lane, state and name: so oldest first within a state of a
    lane. Those behind `after`: a lane, a state, a name. Raises Unavailable."""
    order = list(State)
    behind = None if after is None else (after[0], order.index(after[1]), after[2])
    for place in lanes(path):
        for state in sorted(states, key=order.index):
            if os.path.isdir(f"{place}/{state}"):
                for name in names(place, state):
                    at = (_number(place), order.index(state), name)
                    if behind is not None and at <= behind:
                        continue
                    found = _look(place, state, name)
                    if found is not None:
                        yield found


def find(path: str, name: str) -> Queued | None:
    """The message of this name, which may be a beginning that only one has. Raises
    Unavailable."""
    found = []
    for place in lanes(path):
        for state in State:
            if os.path.isdir(f"{place}/{state}"):
                matching = [one for one in names(place, state) if one.startswith(name)]
                if name in matching:
                    return _look(place, state, name)
                found += [(place, state, one) for one in matching]
    return _look(*found[0]) if name and len(found) == 1 else None


def count(path: str) -> list[Count]:
    """How much is in each state. Raises Unavailable."""
    counts = []
    for state in State:
        entries = [one.entry for one in queued(path, (state,))]
        known = [entry for entry in entries if entry is not None]
        oldest = min((entry.queued for entry in known), default=None)
        counts.append(Count(state, len(entries), sum(entry.size for entry in known), oldest))
    return counts


def do(verb: Verb, message: Queued, now: float) -> bool:
    """Retry or delete a message: True when it is done, False when an order was left for the
    process that has the lane. Raises Unavailable."""
    lane = Lane.open(message.place)
    if lane is None:
        _order(verb, message)
        return False
    try:
        if verb is Verb.DELETE:
            lane.remove(message.state, message.name)
        elif message.entry is not None:
            lane.append(message.state, message.name, restarted(message.entry, now))
            if message.state is not State.HELD:  # what is held is released by the next start
                lane.move(message.name, message.state, State.WAITING)
    finally:
        lane.close()
    return True


def _number(place: str) -> int:
    return int(place.rpartition("/")[2])


def _look(place: str, state: State, name: str) -> Queued | None:
    try:
        return Queued(place, state, name, read(f"{place}/{state}/{name}"))
    except NotAnEntry:
        return Queued(place, state, name, None)
    except FileNotFoundError:
        return None  # it went on meanwhile


def _order(verb: Verb, message: Queued) -> None:
    order = f"{message.place}/orders/{verb}.{message.name}"
    try:
        os.close(os.open(order, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise Unavailable(f"No order can be left in {message.place}: {error.strerror}") from error
