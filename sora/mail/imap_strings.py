"""Octets as strings of IMAP (RFC 3501 §4.3): quoted where that is allowed, else literals."""

import re
from typing import Final

_MAX_QUOTED: Final = 1000
# TEXT-CHAR without the two quoted-specials; then also with them.
_PLAIN: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]*\Z")
_SPECIAL: Final = re.compile(rb'(["\\])')
_NOT_QUOTED: Final = re.compile(rb"[\x00\r\n\x80-\xff]")


def string(value: bytes) -> bytes:
    """A string: quoted when it is 7-bit and not long, else a literal. NUL, which no string of
    IMAP can have, is left out."""
    if _PLAIN.match(value) and len(value) <= _MAX_QUOTED:
        return b'"%s"' % value
    if len(value) <= _MAX_QUOTED and not _NOT_QUOTED.search(value):
        return b'"%s"' % _SPECIAL.sub(rb"\\\1", value)
    value = value.replace(b"\0", b"")
    return b"{%d}\r\n%s" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """A string, or NIL for None."""
    return b"NIL" if value is None else string(value)
