"""MESSAGELIMIT and SAVELIMIT (RFC 9738): how many messages one command works on.

The limit itself stands in `sora.protocols.imap.limiting`. SAVELIMIT is told of where only COPY
and APPEND have one; an APPEND is bounded below it anyway.
"""

from sora.mail.criteria import UidIn
from sora.mail.numbers import MAX_NUMBER, NumberSet
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.wire.search_keys import SearchReader, SearchTree


def _uid(reader: SearchReader) -> int:
    reader.scanner.space()
    uid = reader.scanner.number()
    if uid == 0:
        raise reader.scanner.error("A UID is missing")
    return uid


def _uid_after(reader: SearchReader) -> SearchTree:
    """ "UIDAFTER" SP uniqueid (§3.2)"""
    uid = _uid(reader)
    return UidIn(NumberSet(((uid + 1, MAX_NUMBER),)) if uid < MAX_NUMBER else NumberSet())


def _uid_before(reader: SearchReader) -> SearchTree:
    """ "UIDBEFORE" SP uniqueid (§3.2)"""
    uid = _uid(reader)
    return UidIn(NumberSet(((1, uid - 1),)) if uid > 1 else NumberSet())


EXTENSION = Extension(
    Capability(b"MESSAGELIMIT", limit=lambda limits: limits.messages),
    search_keys={b"UIDAFTER": _uid_after, b"UIDBEFORE": _uid_before},
)
SAVELIMIT = Extension(
    Capability(b"SAVELIMIT", limit=lambda limits: 0 if limits.messages else limits.saved)
)
