"""UIDs in the past of a mailbox, and those that the messages had when they lived there."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from sora.mail.numbers import NumberSet


class PastNumbers:
    """Two columns of the same length, from `Past`: ascending UIDs, and the sources of each. It
    takes 24 octets for each message."""

    def __init__(self, uids: "array[int]", sources: "array[int]") -> None:
        self._uids = uids
        self._sources = sources
        order = sorted(range(len(sources)), key=sources.__getitem__)
        self._order = array("Q", order)
        """where in the columns the sources stand, ascending"""

    def sources(self, uids: NumberSet) -> Iterator[int]:
        """The sources of those of the UIDs that are there, in the order of the UIDs."""
        for low, high in uids.ranges:
            start = bisect_left(self._uids, low)
            yield from self._sources[start : bisect_right(self._uids, high, start)]

    def uid(self, source: int) -> int:
        """The UID of a source, 0 when there is none."""
        place = bisect_left(self._order, source, key=self._sources.__getitem__)
        if place == len(self._order):
            return 0
        at = self._order[place]
        return self._uids[at] if self._sources[at] == source else 0

    def known(self, sources: Sequence[int]) -> list[int]:
        """The UIDs of sources, in their order; unknown ones are left out."""
        return list(filter(None, map(self.uid, sources)))
