"""Sets of UIDs and of sequence numbers.

`NumberSet` is a set of positive integers kept as sorted, disjoint, non-adjacent ranges:
`1:4000000000` costs as little as `7`. `SequenceSet` is what a client wrote, in which `*`
is not yet known (RFC 3501 §9, sequence-set).

A result of 100,000 numbers goes through here: what is done for each number is done by
iterators of the standard library, not by a loop.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, islice, repeat
from operator import and_, eq, not_, sub
from typing import Final, Self

from attrs import field, frozen

MAX_NUMBER: Final = 0xFFFFFFFF
"""nz-number of RFC 3501 §9: 32 bits, unsigned"""


def _normalised(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted((min(pair), max(pair)) for pair in ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


@frozen
class NumberSet:
    """Positive integers, as sorted ranges with both ends included.

    The constructor takes ranges in any order, reversed, overlapping, and puts them right.
    """

    ranges: tuple[tuple[int, int], ...] = field(default=(), converter=_normalised)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "NumberSet":
        """A set from single numbers in any order, which may repeat."""
        return cls.ascending(sorted(set(numbers)))

    @classmethod
    def ascending(cls, numbers: Sequence[int]) -> Self:
        """A set from single numbers that are sorted already, each there once."""
        continues = _continues(numbers)
        starts = compress(numbers, map(not_, b"\0" + continues))
        ends = compress(numbers, map(not_, continues + b"\0"))
        new = cls.__new__(cls)
        # As the constructor would leave them: it need not look at each.
        object.__setattr__(new, "ranges", tuple(zip(starts, ends, strict=True)))
        return new

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = bisect_right(self.ranges, (number, MAX_NUMBER << 32)) - 1
        return place >= 0 and self.ranges[place][0] <= number <= self.ranges[place][1]

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __or__(self, other: "NumberSet") -> "NumberSet":
        return NumberSet(self.ranges + other.ranges)

    def __and__(self, other: "NumberSet") -> "NumberSet":
        found: list[tuple[int, int]] = []
        mine, theirs = 0, 0
        while mine < len(self.ranges) and theirs < len(other.ranges):
            low = max(self.ranges[mine][0], other.ranges[theirs][0])
            high = min(self.ranges[mine][1], other.ranges[theirs][1])
            if low <= high:
                found.append((low, high))
            if self.ranges[mine][1] < other.ranges[theirs][1]:
                mine += 1
            else:
                theirs += 1
        return NumberSet(tuple(found))

    def __sub__(self, other: "NumberSet") -> "NumberSet":
        between = 1
        kept: list[tuple[int, int]] = []
        for low, high in other.ranges:
            if between < low:
                kept.append((between, low - 1))
            between = high + 1
        if self.ranges and between <= self.ranges[-1][1]:
            kept.append((between, self.ranges[-1][1]))
        return self & NumberSet(tuple(kept))

    def __str__(self) -> str:
        """As a sequence-set: `1:3,7`. The empty set has no such form and gives an empty text."""
        return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in self.ranges)

    def within(self, existing: Sequence[int]) -> list[int]:
        """Those of the sorted numbers `existing` that are in this set, in their order."""
        found: list[int] = []
        for low, high in self.ranges:
            found.extend(existing[bisect_left(existing, low) : bisect_right(existing, high)])
        return found

    def multirange(self) -> str:
        """As a literal of PostgreSQL's int8multirange: `{[1,4),[7,8)}`."""
        return "{" + ",".join(f"[{low},{high + 1})" for low, high in self.ranges) + "}"

    @classmethod
    def from_multirange(cls, text: str) -> "NumberSet":
        """From PostgreSQL's canonical text of an int8multirange."""
        inner = text.strip()[1:-1]
        if not inner:
            return cls()
        bounds = [part.strip("[)").split(",") for part in inner.split("),")]
        return cls(tuple((int(low), int(high) - 1) for low, high in bounds))


def in_order(numbers: Sequence[int]) -> str:
    """A sequence-set that keeps the order of its numbers: ranges only where they ascend, as
    RFC 4315 §3 and RFC 5267 §3.2 ask for. No numbers give an empty text."""
    if not numbers:
        return ""
    continues = _continues(numbers)
    before, after = b"\0" + continues, continues + b"\0"
    shown = bytes(map(not_, map(and_, before, after)))
    separators = map((",", ":").__getitem__, compress(before, shown))
    texts = map(str, compress(numbers, shown))
    return "".join(chain.from_iterable(zip(separators, texts, strict=True)))[1:]


def _continues(numbers: Sequence[int]) -> bytes:
    """For each number but the first, 1 if it is the one before plus one, else 0."""
    return bytes(map(eq, map(sub, islice(numbers, 1, None), numbers), repeat(1)))


@frozen
class SequenceSet:
    """A sequence-set as it was written; `None` stands for `*` (RFC 3501 §9).

    With `is_saved` it was `$`, the result of the last search that was saved (RFC 5182).
    """

    ranges: tuple[tuple[int | None, int | None], ...]
    is_saved: bool = False

    def resolve(self, largest: int) -> NumberSet:
        """The set with `*` taken for `largest`, the largest number in use.

        In an empty mailbox, `largest` is 0 and `*` means nothing.
        """
        known = []
        for low, high in self.ranges:
            low = largest if low is None else low
            high = largest if high is None else high
            if min(low, high) > 0:
                known.append((low, high))
        return NumberSet(tuple(known))
