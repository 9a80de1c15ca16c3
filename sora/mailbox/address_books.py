"""External lists of Sieve (RFC 6134): address books, which are annotations of the server.

`urn:ietf:params:sieve:addrbook:NAME` (short `:addrbook:NAME`) is the private annotation
`/private/vendor/sora/addrbook/NAME` (RFC 5464): addresses, one on a line, which the owner sets with
IMAP's SETMETADATA "". The book `default` always exists (RFC 6134 §2.5); others when they are set.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from sora.sieve.outbound import outbound

SCHEMES: Final = "urn"
"""What ManageSieve's EXTLISTS tells (RFC 6134 §2.8)."""
DEFAULT: Final = "default"
MAX_MEMBERS: Final = 2000

_BOOK: Final = "urn:ietf:params:sieve:addrbook:"
_ENTRY: Final = "/private/vendor/sora/addrbook/"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def annotation_of(list_name: str) -> str | None:
    """The annotation that an external list is in; None for a name of no list of ours."""
    if not list_name.startswith(_BOOK):
        return None
    book = unquote(list_name[len(_BOOK) :])
    return _ENTRY + book.lower() if _NAME.fullmatch(book) else None


def members_of(list_name: str, value: str | None) -> tuple[str, ...] | None:
    """The addresses in a list, by the annotation's value; None if there is no such list."""
    if value is None:
        return () if list_name == _BOOK + DEFAULT else None
    found = (outbound(line.strip()) for line in value.splitlines()[:MAX_MEMBERS])
    return tuple(dict.fromkeys(one for one in found if one is not None))


def first_among(values: Sequence[str], members: Sequence[str]) -> str | None:
    """The first member that one of the values is, whatever the case (RFC 6134 §2.5)."""
    wanted = {value.strip().casefold() for value in values}
    return next((member for member in members if member.casefold() in wanted), None)
