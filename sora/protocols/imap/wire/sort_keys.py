"""The keys of SORT (RFC 5256 §5, sort-criteria)."""

from collections.abc import Mapping
from typing import Final

from sora.errors import BadSyntax, TooMany
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import SortBy, SortKey

SORT_KEYS: Final[Mapping[bytes, SortBy]] = {
    b"ARRIVAL": SortBy.ARRIVAL,
    b"CC": SortBy.CC,
    b"DATE": SortBy.DATE,
    b"FROM": SortBy.FROM,
    b"SIZE": SortBy.SIZE,
    b"SUBJECT": SortBy.SUBJECT,
    b"TO": SortBy.TO,
}
"""The keys of RFC 5256; extensions add theirs in the dialect."""
MAX_KEYS: Final = 20
"""how many keys one SORT may have"""


def sort_criteria(scan: Scanner, known: Mapping[bytes, SortBy]) -> tuple[SortKey, ...]:
    """ "(" sort-criterion *(SP sort-criterion) ")" """
    keys = scan.parenthesised(lambda: _sort_criterion(scan, known))
    if len(keys) > MAX_KEYS:
        raise TooMany(f"SORT by more than {MAX_KEYS} keys")
    return tuple(keys)


def _sort_criterion(scan: Scanner, known: Mapping[bytes, SortBy]) -> SortKey:
    """["REVERSE" SP] sort-key"""
    word = scan.word()
    reverse = word == b"REVERSE"
    if reverse:
        scan.space()
        word = scan.word()
    by = known.get(word)
    if by is None:
        raise BadSyntax(f"{word.decode()} is not a key of SORT")
    return SortKey(by, reverse)
