"""Paths of MAIL and RCPT (RFC 5321 §4.1.2): `<address>`, and the parameters after it.

A reverse-path is taken as it is, whatever strange local parts the world has: it is only repeated. A
forward-path names somebody here, and is looked at when it is looked up.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from sora.errors import BadSyntax

# A source route is ignored (RFC 5321 appendix C): `<@a.example,@b.example:user@c.example>`.
_PATH: Final = re.compile(
    r"[ ]*<(?:@[^:<>\"\s]*:)?((?:\"(?:[^\"\\]|\\.)*\"|[^\"<>\s])*)>(?:[ \t]+(.*))?\Z"
)
MAX_PATH: Final = 1024
"""characters of an address; RFC 5321 §4.5.3.1.3 asks for 256 octets"""


def read_path(text: str, keyword: str) -> tuple[str, str]:
    """The address of `FROM:<address> parameters` and the text of its parameters.

    Raises:
        BadSyntax: it has not this form.
    """
    path = _PATH.match(text, len(keyword)) if text[: len(keyword)].upper() == keyword else None
    if path is None:
        raise BadSyntax(f"The form is {keyword}<address>")
    if len(path[1]) > MAX_PATH:
        raise BadSyntax(f"An address has at most {MAX_PATH} characters")
    return path[1], path[2] or ""


def is_address_literal(domain: str) -> bool:
    """Whether a domain is an address in brackets (RFC 5321 §4.1.3)."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return False
    inner = domain[1:-1]
    try:
        if inner[:5].lower() == "ipv6:":
            IPv6Address(inner[5:])
        else:
            IPv4Address(inner)
    except ValueError:
        return False
    return True
