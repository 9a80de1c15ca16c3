"""PREVIEW (RFC 8970): the beginning of a message's text, as it was made when the message came.

It is always there, so LAZY changes nothing and the answer is never NIL; a message without any
text has an empty one (§3.2).
"""

import re
from typing import Final

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.fetch_items import FetchItem, KeptItem
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import string
from sora.storage.rows import Column, Want

# A list in parentheses may also be one of modifiers of FETCH (RFC 4466 §2.4).
_LAZY: Final = re.compile(rb" \(LAZY\)", re.IGNORECASE)


class PreviewItem(KeptItem):
    """PREVIEW [SP "(" "LAZY" ")"]"""

    name = b"PREVIEW"
    source = Column.PREVIEW
    wants = frozenset({Want.PREVIEW})

    @classmethod
    def parse(cls, scan: Scanner, word: bytes) -> FetchItem:
        found = _LAZY.match(scan.data, scan.position)
        if found:
            scan.position = found.end()
        return cls()

    def text(self, value: str) -> bytes:
        return string(value.encode("utf-8"))


EXTENSION = Extension(Capability(b"PREVIEW"), fetch_items={b"PREVIEW": PreviewItem})
