"""Addresses of scripts for outbound use (RFC 5228 §2.4.2.3).

The grammar is RFC 5322's without comments, and nothing is mended: mail is to go where the author of
the script wants it, or nowhere.
"""

import re
from typing import Final

from sora.addresses import parse_address
from sora.errors import BadArgument

_MAX: Final = 1000
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTED: Final = r"\"(?:[^\"\\]++|\\.)*+\""
_ATOM: Final = r"[^\x00-\x20\x7f()<>\[\]:;@\\,\".]++"
_SPEC: Final = rf"({_QUOTED}|{_ATOM}(?:\.{_ATOM})*+)@([^\s()<>\[\]:;@\\,\"]++)"
_PHRASE: Final = rf"(?:[^\"\\()<>\[\]:;@,]++|{_QUOTED})*+"
_ADDRESS: Final = re.compile(rf" *+(?:{_SPEC}|{_PHRASE}<{_SPEC}>) *+\Z")


def outbound(text: str) -> str | None:
    """`user@domain` or `Name <user@domain>` -> the addr-spec, its domain folded; None if it is
    neither: no lists, no groups, no routes."""
    if len(text) > _MAX or _CONTROL.search(text):
        return None
    found = _ADDRESS.match(text)
    if found is None:
        return None
    local, domain = (found[1], found[2]) if found[1] else (found[3], found[4])
    try:
        address = parse_address(f"{local}@{domain}", "")
    except BadArgument:
        return None
    if local[0] == '"' and re.fullmatch(rf"{_ATOM}(?:\.{_ATOM})*", address.local):
        # Quotes that are not needed make another address of the same one.
        local = address.local
    return f"{local}@{address.domain}"
