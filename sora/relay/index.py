"""What waits, as this process knows it: who is due, how much it is, how old the oldest is.

Pure: it has no clock and reads no file. What was never tried has a line of its own, which takes
turns with what is tried again: a backlog does not keep new mail waiting, nor new mail a backlog.
"""

from collections import deque
from heapq import heapify, heappop, heappush

from attrs import define


@define
class Waiting:
    """One message that waits. `is_taken` while it is being tried."""

    name: str
    size: int
    queued: float
    due: float
    is_fresh: bool
    is_unreachable: bool = False
    is_taken: bool = False


class Index:
    """The messages that wait, by name."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._fresh: deque[str] = deque()
        self._due: list[tuple[float, str]] = []
        self._ages: list[tuple[float, str]] = []
        self._octets = 0
        self._taken = 0
        self._fresh_is_next = True

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, name: object) -> bool:
        return name in self._waiting

    @property
    def names(self) -> set[str]:
        """All names."""
        return set(self._waiting)

    @property
    def octets(self) -> int:
        """Octets of all messages."""
        return self._octets

    @property
    def taken(self) -> int:
        """How many are being tried."""
        return self._taken

    def oldest(self) -> float | None:
        """When the oldest one was queued; None if nothing waits."""
        while self._ages and self._ages[0][1] not in self._waiting:
            heappop(self._ages)
        return self._ages[0][0] if self._ages else None

    def add(self, name: str, size: int, queued: float, due: float, *, fresh: bool) -> None:
        """One more. `fresh`: it was never tried."""
        if name in self._waiting:
            return
        self._waiting[name] = Waiting(name, size, queued, due, fresh)
        self._octets += size
        heappush(self._ages, (queued, name))
        if fresh:
            self._fresh.append(name)
        else:
            heappush(self._due, (due, name))

    def remove(self, name: str) -> None:
        """It is sent, or was given up or deleted."""
        gone = self._waiting.pop(name, None)
        if gone is not None:
            self._octets -= gone.size
            self._taken -= gone.is_taken

    def take(self, now: float) -> str | None:
        """The next one that is due; it is taken until `put_back` or `remove`."""
        fresh_first, self._fresh_is_next = self._fresh_is_next, not self._fresh_is_next
        name = self._take_fresh() if fresh_first else self._take_due(now)
        if name is None:
            name = self._take_due(now) if fresh_first else self._take_fresh()
        if name is not None:
            self._waiting[name].is_taken = True
            self._taken += 1
        return name

    def put_back(self, name: str, due: float, *, unreachable: bool = False) -> None:
        """It was tried, and is due again then. `unreachable`: the server could not be reached."""
        one = self._waiting.get(name)
        if one is None:
            return
        self._taken -= one.is_taken
        one.is_taken = one.is_fresh = False
        one.is_unreachable = unreachable
        self._set_due(one, due)

    def hurry(self, name: str, now: float) -> bool:
        """Make one due at once. False if there is none of this name, or if it is being tried."""
        one = self._waiting.get(name)
        if one is None or one.is_taken:
            return False
        if not one.is_fresh:
            self._set_due(one, now)
        return True

    def hurry_unreachable(self, now: float) -> int:
        """The server is back: make those due that waited for it only. Gives how many."""
        found = [one for one in self._waiting.values() if one.is_unreachable and not one.is_taken]
        for one in found:
            one.is_unreachable = False
            one.due = min(one.due, now)
        if found:
            self._due = [
                (one.due, one.name)
                for one in self._waiting.values()
                if not one.is_fresh and not one.is_taken
            ]
            heapify(self._due)
        return len(found)

    def next_due(self) -> float | None:
        """When the next one is due that is not due at once; None if there is none."""
        self._drop_stale()
        return self._due[0][0] if self._due else None

    def _set_due(self, one: Waiting, due: float) -> None:
        one.due = due
        heappush(self._due, (due, one.name))

    def _take_fresh(self) -> str | None:
        while self._fresh:
            one = self._waiting.get(self._fresh.popleft())
            if one is not None and one.is_fresh and not one.is_taken:
                return one.name
        return None

    def _take_due(self, now: float) -> str | None:
        self._drop_stale()
        if self._due and self._due[0][0] <= now:
            return heappop(self._due)[1]
        return None

    def _drop_stale(self) -> None:
        """Take what is no longer true from the top of the heap."""
        while self._due:
            due, name = self._due[0]
            one = self._waiting.get(name)
            if one is not None and not one.is_taken and not one.is_fresh and one.due == due:
                return
            heappop(self._due)
