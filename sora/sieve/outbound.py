"""Addresses of scripts for outbound use (RFC 5228 §2.4.2.3)."""

import re
from typing import Final

from sora.addresses import parse_address
from sora.errors import BadArgument
from sora.mail.address_list import MISSING_DOMAIN, MISSING_MAILBOX
from sora.mail.address_list import parse as parse_addresses

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAX: Final = 1000


def outbound(text: str) -> str | None:
    """`user@domain` or `Name <user@domain>` -> the addr-spec, its domain folded; None if it is
    neither: no lists, no groups, no routes."""
    if len(text) > _MAX or _CONTROL.search(text):
        return None
    found = parse_addresses(text.encode("utf-8", "surrogateescape"))
    if len(found) != 1:
        return None
    one = found[0]
    if one.host in (None, MISSING_DOMAIN) or one.mailbox in (None, MISSING_MAILBOX) or one.route:
        return None
    assert one.mailbox is not None and one.host is not None
    local, domain = one.mailbox.decode("utf-8", "replace"), one.host.decode("utf-8", "replace")
    try:
        address = parse_address(f'"{_quoted(local)}"@{domain}', "")
    except BadArgument:
        return None
    # What is no dot-atom is quoted, so that it means the same to whoever reads it.
    shown = local if _DOT_ATOM.match(local) else f'"{_quoted(local)}"'
    return f"{shown}@{address.domain}"


def _quoted(local: str) -> str:
    return re.sub(r"([\\\"])", r"\\\1", local)


_ATOM: Final = r"[^\x00-\x20\x7f()<>\[\]:;@\\,\".]+"
_DOT_ATOM: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
