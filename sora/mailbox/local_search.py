"""Searching for what an open mailbox knows by itself: UIDs, flags, modseqs.

Each criterion becomes one octet for each message, 1 where it matches; combining them is
arithmetic on long integers, and nothing is looped over in Python but what must be.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable
from itertools import chain, compress
from typing import Final

from sora.errors import TooMany
from sora.mail.criteria import (
    All,
    And,
    Criterion,
    FlagsAre,
    Fuzzy,
    KeywordIs,
    ModSeqIs,
    Not,
    Or,
    UidIn,
)
from sora.mail.flags import SYSTEM
from sora.mail.numbers import NumberSet
from sora.mailbox.state import MailboxState

FEW: Final = 16
"""Up to one match, or one range, among so many messages, they are taken one by one."""


MAX_LOOKS: Final = 50_000_000
"""How many messages one search may look at, counting each again for each of its criteria that
looks at messages one by one: some two seconds."""


def search(state: MailboxState, criterion: Criterion) -> list[int]:
    """The UIDs that match, ascending. `criterion` must not need storage
    (`criteria.needs_storage`). Raises TooMany when it asks for too much."""
    matches = _Vectors(state).of(criterion)
    count = matches.count(1)
    if count * FEW > len(matches):
        return list(compress(state.uids, matches))
    found: list[int] = []
    place = -1
    for _ in range(count):
        place = matches.index(1, place + 1)
        found.append(state.uids[place])
    return found


class _Vectors:
    def __init__(self, state: MailboxState) -> None:
        self._state = state
        self._length = len(state)
        self._ones = int.from_bytes(b"\1" * self._length)
        self._known: dict[Hashable, int] = {}
        self._masks: set[int] | None = None
        self._looks = 0

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
            case Fuzzy(part):  # nothing of what is known here is loose
                return self._number(part)
            case FlagsAre(mask, present) if not mask & ~SYSTEM:
                wanted = mask if present else 0
                table = bytes([flags & mask == wanted for flags in range(256)])
                return int.from_bytes(self._state.system_flags.translate(table))
            case _:
                return self._looked_for(criterion)

    def _looked_for(self, criterion: Criterion) -> int:
        """What takes a look at each message, once for each criterion."""
        # A set may be large, so it is known by itself and not by what it holds.
        key = id(criterion) if isinstance(criterion, UidIn) else criterion
        found = self._known.get(key)
        if found is None:
            if not self._is_quick(criterion):
                self._looks += self._length
            if self._looks > MAX_LOOKS:
                raise TooMany("These are too many search keys for so many messages")
            found = self._known[key] = int.from_bytes(self._each(criterion))
        return found

    def _is_quick(self, criterion: Criterion) -> bool:
        return isinstance(criterion, UidIn) and self._are_few(criterion.uids)

    def _are_few(self, uids: NumberSet) -> bool:
        return len(uids.ranges) * FEW <= self._length

    def _each(self, criterion: Criterion) -> bytes:
        match criterion:
            case UidIn(uids):
                return self._among(uids)
            case FlagsAre(mask, present):
                wanted = mask if present else 0
                return self._by_mask(lambda flags: flags & mask == wanted)
            case KeywordIs(name, present):
                bit = self._state.keywords.bit(name)
                return self._by_mask(lambda flags: bool(flags & bit) == present)
            case ModSeqIs(at_least):
                return bytes(map(at_least.__le__, self._state.modseqs))
            case _:
                raise TypeError(f"{type(criterion).__name__} needs storage")

    def _among(self, uids: NumberSet) -> bytes:
        known = self._state.uids
        if not self._are_few(uids) and len(uids) <= 2 * self._length:
            lows, highs = zip(*uids.ranges, strict=True)
            ends = map((1).__add__, highs)
            wanted = set(chain.from_iterable(map(range, lows, ends)))
            return bytes(map(wanted.__contains__, known))
        matching = bytearray(self._length)
        for low, high in uids.ranges:
            start = bisect_left(known, low)
            end = bisect_right(known, high, start)
            matching[start:end] = b"\1" * (end - start)
        return bytes(matching)

    def _by_mask(self, matches: Callable[[int], bool]) -> bytes:
        # There are few different masks, however many messages there are.
        if self._masks is None:
            self._masks = set(self._state.masks)
        known = {mask: int(matches(mask)) for mask in self._masks}
        return bytes(map(known.__getitem__, self._state.masks))
