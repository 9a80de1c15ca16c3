"""SORT=DISPLAY (RFC 5957): by the names that people see."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.storage.rows import SortBy

EXTENSION = Extension(
    Capability(b"SORT=DISPLAY", needs=(b"SORT",)),
    sort_keys={b"DISPLAYFROM": SortBy.DISPLAYFROM, b"DISPLAYTO": SortBy.DISPLAYTO},
)
