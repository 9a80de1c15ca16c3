"""WITHIN (RFC 5032): messages by their age in seconds."""

from typing import Literal

from sora.mail.criteria import AgeIs
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.wire.search_keys import ReadKey, SearchReader, SearchTree


def _age(comparison: Literal["older", "younger"]) -> ReadKey:
    def read(reader: SearchReader) -> SearchTree:
        """SP nz-number"""
        reader.scanner.space()
        return AgeIs(comparison, reader.scanner.nz_number())

    return read


EXTENSION = Extension(
    Capability(b"WITHIN"),
    search_keys={b"OLDER": _age("older"), b"YOUNGER": _age("younger")},
)
