"""Values -> octets of responses (RFC 5804 §4)."""

import re
from typing import Final

MAX_QUOTED: Final = 1024
"""octets up to which a string is quoted; a longer one is a literal (§4, quoted)"""

_QUOTABLE = re.compile(rb"[^\x00\r\n]*\Z")
_SPECIAL = re.compile(rb'(["\\])')


def string(text: str | bytes) -> bytes:
    """string = quoted / literal-s2c"""
    octets = text.encode("utf-8", "replace") if isinstance(text, str) else text
    quoted = _SPECIAL.sub(rb"\\\1", octets)
    if len(quoted) <= MAX_QUOTED and _QUOTABLE.match(octets):
        return b'"' + quoted + b'"'
    return literal(octets)


def literal(octets: bytes) -> bytes:
    """literal-s2c: any octets"""
    return b"{%d}\r\n" % len(octets) + octets


def response(condition: bytes, code: bytes = b"", text: str = "") -> bytes:
    """OK, NO or BYE, with a response code in parentheses and words for a person (§1.2, §1.3)."""
    parts = [condition]
    if code:
        parts.append(b"(" + code + b")")
    if text:
        parts.append(string(text))
    return b" ".join(parts) + b"\r\n"
