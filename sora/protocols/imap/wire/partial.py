"""partial-range of PARTIAL (RFC 9394 §4): a part of a result, counted from either end."""

import re
from collections.abc import Sequence
from typing import Final, Self

from attrs import frozen

from sora.mail.numbers import MAX_NUMBER
from sora.protocols.imap.wire.scanner import Scanner

_RANGE: Final = re.compile(rb"(?:([1-9]\d{0,9}):([1-9]\d{0,9})|-([1-9]\d{0,9}):-([1-9]\d{0,9}))")


@frozen
class PartialRange:
    """`text` is what the client asked for, `500:400` as `400:500`, which is the same (RFC 5267 §5);
    `low` and `high` count from 1, from the end if `from_end`."""

    text: bytes
    low: int
    high: int
    from_end: bool

    @classmethod
    def read(cls, scan: Scanner) -> Self:
        """nz-number ":" nz-number / "-" nz-number ":" "-" nz-number, in either order"""
        found = _RANGE.match(scan.data, scan.position)
        if found is None:
            raise scan.error("A range like 1:100 or -1:-100 is missing")
        numbers = [int(number) for number in found.groups() if number]
        if max(numbers) > MAX_NUMBER:
            raise scan.error("A number is larger than 32 bits")
        scan.position = found.end()
        low, high, from_end = min(numbers), max(numbers), found[3] is not None
        text = found[0] if from_end else b"%d:%d" % (low, high)
        return cls(text, low, high, from_end)

    def of(self, results: Sequence[int]) -> Sequence[int]:
        """That part of the results, in their order."""
        if self.from_end:
            count = len(results)
            return results[max(0, count - self.high) : max(0, count - self.low + 1)]
        return results[self.low - 1 : self.high]
