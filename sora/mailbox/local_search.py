"""Searching for what an open mailbox knows by itself: UIDs, flags, modseqs.

Each criterion becomes one octet for each message, 1 where it matches; combining them is
arithmetic on long integers, and nothing is looped over in Python but what must be.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import compress

from sora.mail.criteria import (
    All,
    And,
    Criterion,
    FlagsAre,
    KeywordIs,
    ModSeqIs,
    Not,
    Or,
    UidIn,
)
from sora.mailbox.state import MailboxState


def search(state: MailboxState, criterion: Criterion) -> list[int]:
    """The UIDs that match, ascending. `criterion` must not need storage
    (`criteria.needs_storage`)."""
    return list(compress(state.uids, _Vectors(state).of(criterion)))


class _Vectors:
    def __init__(self, state: MailboxState) -> None:
        self._state = state
        self._length = len(state)
        self._ones = int.from_bytes(b"\1" * self._length)

    def of(self, criterion: Criterion) -> bytes:
        return self._number(criterion).to_bytes(self._length)

    def _number(self, criterion: Criterion) -> int:
        match criterion:
            case All():
                return self._ones
            case And(parts):
                number = self._ones
                for part in parts:
                    number &= self._number(part)
                return number
            case Or(parts):
                number = 0
                for part in parts:
                    number |= self._number(part)
                return number
            case Not(part):
                return self._ones ^ self._number(part)
            case UidIn(uids):
                matching = bytearray(self._length)
                known = self._state.uids
                for low, high in uids.ranges:
                    start = bisect_left(known, low)
                    end = bisect_right(known, high, start)
                    matching[start:end] = b"\1" * (end - start)
                return int.from_bytes(matching)
            case FlagsAre(mask, present):
                wanted = mask if present else 0
                return self._by_mask(lambda flags: flags & mask == wanted)
            case KeywordIs(name, present):
                bit = self._state.keywords.bit(name)
                return self._by_mask(lambda flags: bool(flags & bit) == present)
            case ModSeqIs(at_least):
                return int.from_bytes(bytes([modseq >= at_least for modseq in self._state.modseqs]))
            case _:
                raise TypeError(f"{type(criterion).__name__} needs storage")

    def _by_mask(self, matches: Callable[[int], bool]) -> int:
        # There are few different masks, however many messages there are.
        known = {mask: int(matches(mask)) for mask in set(self._state.masks)}
        return int.from_bytes(bytes(map(known.__getitem__, self._state.masks)))
