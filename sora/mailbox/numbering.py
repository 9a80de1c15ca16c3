"""Sequence numbers and UIDs, as one client counts them (G27)."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import compress, count
from typing import Final

from sora.errors import BadArgument
from sora.mail.numbers import NumberSet, SequenceSet

FEW: Final = 16
"""Up to one message among so many, messages are looked up one by one."""


class Numbering:
    """The messages that a client knows of: the first `exists` of `uids`, an array that others may
    hold too, and that only grows at its end."""

    def __init__(self, uids: "array[int]") -> None:
        self._array = uids
        self._count = len(uids)
        self._slice: Sequence[int] | None = None
        self.version = 0
        """rises when the client's list of messages becomes another one"""

    def _renumber(self, uids: "array[int]") -> None:
        """The client is told of all of these, and of no others."""
        self._array = uids
        self._count = len(uids)
        self._slice = None
        self.version += 1

    @property
    def exists(self) -> int:
        """How many messages the client knows of."""
        return self._count

    @property
    def uids(self) -> Sequence[int]:
        """Their UIDs, ascending: the one of number n stands at n - 1.

        What this gives is not to be kept: the next `take` makes another one.
        """
        if self._slice is None:
            self._slice = self._array[: self._count]
        return self._slice

    def number(self, uid: int) -> int:
        """The sequence number of a UID, 0 when the client does not know of it."""
        place = bisect_left(self._array, uid, 0, self._count)
        return place + 1 if place < self._count and self._array[place] == uid else 0

    def uid(self, number: int) -> int:
        """The UID of a sequence number. Raises BadArgument when it is out of range."""
        if not 0 < number <= self._count:
            raise BadArgument(f"There is no message {number}: there are {self._count}")
        return self._array[number - 1]

    def of_numbers(self, numbers: SequenceSet) -> list[int]:
        """The UIDs of a sequence set of message numbers, ascending.

        Raises BadArgument when a number is larger than `exists` (RFC 3501 §9, seq-number).
        """
        found: list[int] = []
        for low, high in numbers.resolve(self._count).ranges:
            if high > self._count:
                raise BadArgument(f"There is no message {high}: there are {self._count}")
            found += self._array[low - 1 : high]
        return found

    def of_uids(self, uids: SequenceSet) -> list[int]:
        """Those UIDs of the set that the client knows of, ascending (RFC 3501 §6.4.8)."""
        return self.known_of(uids.resolve(self.last))

    def known_of(self, uids: NumberSet) -> list[int]:
        """Those UIDs of the set that the client knows of, ascending."""
        found: list[int] = []
        for low, high in uids.ranges:
            start = bisect_left(self._array, low, 0, self._count)
            found += self._array[start : bisect_right(self._array, high, start, self._count)]
        return found

    def span_of(self, numbers: SequenceSet) -> NumberSet:
        """The messages of a sequence set of message numbers, as ranges of UIDs that have no
        other message in them. Numbers beyond the last message name nothing (RFC 7377 §2)."""
        spans = []
        for low, high in numbers.resolve(self._count).ranges:
            if low <= self._count:
                spans.append((self._array[low - 1], self._array[min(high, self._count) - 1]))
        return NumberSet(tuple(spans))

    def numbers_of(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of UIDs, which may be in any order, in theirs. Those that the
        client does not know of are left out."""
        if len(uids) * FEW < self._count:
            return [number for number in map(self.number, uids) if number]
        numbers = dict(zip(self.uids, count(1)))
        return list(filter(None, map(numbers.get, uids)))

    def numbers_of_ascending(self, uids: Sequence[int]) -> list[int]:
        """The same for ascending UIDs, faster when they are many."""
        if len(uids) * FEW < self._count:
            return [number for number in map(self.number, uids) if number]
        numbers = range(1, self._count + 1)
        if len(uids) == self._count and array("Q", uids) == self.uids:
            return list(numbers)
        return list(compress(numbers, map(set(uids).__contains__, self.uids)))

    def among(self, uids: Sequence[int]) -> list[int]:
        """Those of the UIDs that the client knows of, in their order."""
        if len(uids) * FEW < self._count:
            return [uid for uid in uids if self.number(uid)]
        return list(filter(set(self.uids).__contains__, uids))

    @property
    def last(self) -> int:
        """The highest UID that the client knows of, 0 when it knows of none."""
        return self._array[self._count - 1] if self._count else 0
