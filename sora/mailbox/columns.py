"""What was read of messages and never changes, kept in memory for the next client that asks.

A message's envelope, structure, header fields, size, dates, and the place of its content are the
same as long as the message lives; a UID never names another one (G29). So nothing here is ever
out of date, and nothing has to be told to anybody: who asks for a message that was expunged
does not ask here, since its mailbox's state says that it is gone.

Values lie in chunks: those of one column (a name that the caller chooses), of one mailbox, of
`CHUNK` neighbouring UIDs. A list of messages is then looked up with a few calls, whatever its
length, and memory is given back by the chunk.

Which chunk goes: one that was read once lies in `_new`; one that was asked for again in `_proven`,
which takes most of the capacity. A client that reads a million messages once therefore
displaces what others read once, and not what they read every day.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final, Generic, TypeVar

CHUNK_BITS: Final = 9
CHUNK: Final = 1 << CHUNK_BITS
"""UIDs of a chunk."""
LARGEST: Final = 16 * 1024
"""Octets of the largest value that is kept."""
PROVEN_SHARE: Final = 0.8
_OCTETS_PER_VALUE: Final = 160
"""A value's object, the number of its UID, and its place in a dict."""
_OCTETS_PER_CHUNK: Final = 512

T = TypeVar("T")
_Key = tuple[int, Hashable, int]


class _Chunk(Generic[T]):
    __slots__ = ("octets", "values")

    def __init__(self) -> None:
        self.values: dict[int, T] = {}
        self.octets = _OCTETS_PER_CHUNK


class Columns(Generic[T]):
    """Values by mailbox, column and UID, in at most `capacity` octets.

    `weigh` gives the octets of a value.
    """

    def __init__(self, capacity: int, weigh: Callable[[T], int]) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._new: OrderedDict[_Key, _Chunk[T]] = OrderedDict()
        self._proven: OrderedDict[_Key, _Chunk[T]] = OrderedDict()
        self._octets = 0
        self._proven_octets = 0

    @property
    def octets(self) -> int:
        """About how much memory the values take."""
        return self._octets

    def get(self, mailbox_id: int, column: Hashable, uids: Sequence[int]) -> list[T | None]:
        """What is known of messages, in the order of the ascending `uids`."""
        found: list[T | None] = []
        for number, start, end in _chunks(uids):
            chunk = self._find((mailbox_id, column, number))
            if chunk is None:
                found += [None] * (end - start)
            else:
                found += map(chunk.values.get, uids[start:end])
        return found

    def put(
        self, mailbox_id: int, column: Hashable, uids: Sequence[int], values: Sequence[T]
    ) -> None:
        """Keep values of messages, `uids` ascending; what is too large is not kept."""
        for number, start, end in _chunks(uids):
            pairs = zip(uids[start:end], values[start:end], strict=True)
            self._add((mailbox_id, column, number), pairs)
        self._make_room()

    def _find(self, key: _Key) -> _Chunk[T] | None:
        chunk = self._proven.get(key)
        if chunk is not None:
            self._proven.move_to_end(key)
            return chunk
        chunk = self._new.pop(key, None)
        if chunk is not None:
            self._proven[key] = chunk
            self._proven_octets += chunk.octets
            self._demote()
        return chunk

    def _demote(self) -> None:
        while self._proven_octets > self._capacity * PROVEN_SHARE and len(self._proven) > 1:
            key, chunk = self._proven.popitem(last=False)
            self._proven_octets -= chunk.octets
            self._new[key] = chunk

    def _add(self, key: _Key, pairs: Iterable[tuple[int, T]]) -> None:
        proven = self._proven.get(key)
        chunk = proven or self._new.get(key)
        if chunk is None:
            chunk = self._new[key] = _Chunk()
            self._octets += chunk.octets
        before = chunk.octets
        for uid, value in pairs:
            weight = self._weigh(value)
            if weight <= LARGEST and uid not in chunk.values:
                chunk.values[uid] = value
                chunk.octets += weight + _OCTETS_PER_VALUE
        self._octets += chunk.octets - before
        if proven is not None:
            self._proven_octets += chunk.octets - before

    def _make_room(self) -> None:
        while self._octets > self._capacity:
            if self._new:
                _, chunk = self._new.popitem(last=False)
            else:
                _, chunk = self._proven.popitem(last=False)
                self._proven_octets -= chunk.octets
            self._octets -= chunk.octets


def _chunks(uids: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(number of a chunk, start, end): which of the ascending UIDs lie in which chunk."""
    start = 0
    while start < len(uids):
        number = uids[start] >> CHUNK_BITS
        end = bisect_left(uids, (number + 1) << CHUNK_BITS, start)
        yield number, start, end
        start = end
