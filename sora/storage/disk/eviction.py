"""Which bodies stay in a bounded cache: S3-FIFO (pure).

New entries go to a small queue, a tenth of the room. When it is over its share, its oldest
entry moves to the main queue if it was asked for meanwhile, else it goes, and its name is
remembered. A name that is remembered goes to the main queue at once when it comes back. In the
main queue the oldest entry gets another round as long as it was asked for. So one sync of a
whole mailbox, which reads each body once, does not push out what is read every day.
(Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.)
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from attrs import define

SMALL_SHARE: Final = 10
"""The small queue has one part in so many."""
MAX_ASKED: Final = 3


@define
class _Entry:
    size: int
    asked: int = 0


class Eviction:
    """Names and sizes of what is kept. The sum of the sizes never exceeds `capacity`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.octets = 0
        self._small: OrderedDict[bytes, _Entry] = OrderedDict()
        self._main: OrderedDict[bytes, _Entry] = OrderedDict()
        self._small_octets = 0
        self._remembered: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    def __contains__(self, name: bytes) -> bool:
        return name in self._small or name in self._main

    def __iter__(self) -> Iterator[bytes]:
        yield from self._small
        yield from self._main

    def size(self, name: bytes) -> int | None:
        """The size of what is kept under a name."""
        entry = self._small.get(name) or self._main.get(name)
        return None if entry is None else entry.size

    def asked(self, name: bytes) -> None:
        """Somebody read it."""
        entry = self._small.get(name) or self._main.get(name)
        if entry is not None:
            entry.asked = min(entry.asked + 1, MAX_ASKED)

    def add(self, name: bytes, size: int) -> list[bytes]:
        """Keep one more; gives the names that have to go for it. What is larger than the
        capacity is not kept, and has to go itself."""
        self.remove(name)
        if size > self.capacity:
            return [name]
        gone = []
        while self.octets + size > self.capacity:
            gone.append(self._evict())
        if name in self._remembered:
            del self._remembered[name]
            self._main[name] = _Entry(size)
        else:
            self._small[name] = _Entry(size)
            self._small_octets += size
        self.octets += size
        return gone

    def limit(self, capacity: int) -> list[bytes]:
        """Have another capacity; gives the names that have to go for it."""
        self.capacity = capacity
        gone = []
        while self.octets > capacity:
            gone.append(self._evict())
        return gone

    def remove(self, name: bytes) -> None:
        """It is not kept any more."""
        entry = self._small.pop(name, None)
        if entry is not None:
            self._small_octets -= entry.size
        else:
            entry = self._main.pop(name, None)
        if entry is not None:
            self.octets -= entry.size

    def _evict(self) -> bytes:
        while True:
            if self._small and (self._small_octets * SMALL_SHARE > self.capacity or not self._main):
                name, entry = self._small.popitem(last=False)
                self._small_octets -= entry.size
                if entry.asked:
                    entry.asked = 0
                    self._main[name] = entry
                    continue
                self._remember(name)
            else:
                name, entry = self._main.popitem(last=False)
                if entry.asked:
                    entry.asked -= 1
                    self._main[name] = entry
                    continue
            self.octets -= entry.size
            return name

    def _remember(self, name: bytes) -> None:
        self._remembered[name] = None
        while len(self._remembered) > max(len(self._main), 1000):
            self._remembered.popitem(last=False)
