"""Whether the value of a header field is in the grammar of its RFC, the obsolete one included.

A judge of its own, beside Sora's tolerant readers: what is not in the grammar has no reading
that an RFC prescribes, and two servers may differ about it.
"""

import re
from typing import Final

_ATOM: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]++"
_QUOTED: Final = rb'"(?:[^"\\\r\n]|\\.)*"'
_WORD: Final = rb"(?:" + _ATOM + rb"|" + _QUOTED + rb")"
_S: Final = rb"[ \t]*"
_DOTTED: Final = _ATOM + rb"(?:" + _S + rb"\." + _S + _ATOM + rb")*"
_LOCAL: Final = _WORD + rb"(?:" + _S + rb"\." + _S + _WORD + rb")*"
_DOMAIN: Final = rb"(?:" + _DOTTED + rb"|\[[^\[\]\\]*\])"
_SPEC: Final = _LOCAL + _S + rb"@" + _S + _DOMAIN
_PHRASE: Final = _WORD + rb"(?:" + _S + rb"(?:" + _WORD + rb"|\.))*"
_ROUTE: Final = (
    rb"(?:[, \t]*@"
    + _S
    + _DOMAIN
    + rb")(?:"
    + _S
    + rb","
    + _S
    + rb"(?:@"
    + _S
    + _DOMAIN
    + rb")?)*"
    + _S
    + rb":"
)
_ANGLE: Final = rb"<" + _S + rb"(?:" + _ROUTE + _S + rb")?" + _SPEC + _S + rb">"
_MAILBOX: Final = rb"(?:(?:" + _PHRASE + _S + rb")?" + _ANGLE + rb"|" + _SPEC + rb")"
_GROUP: Final = (
    _PHRASE + _S + rb":(?:" + _S + rb"(?:,|" + _MAILBOX + _S + rb"(?=[,;])))*" + _S + rb";"
)
_ADDRESSES: Final = re.compile(
    _S + rb"(?:(?:" + _GROUP + rb"|" + _MAILBOX + rb")?" + _S + rb"(?:,|\Z)" + _S + rb")*\Z",
    re.DOTALL,
)

_TOKEN: Final = rb"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]++"
_PARAMETERS: Final = (
    rb"(?:"
    + _S
    + rb";"
    + _S
    + _TOKEN
    + _S
    + rb"="
    + _S
    + rb"(?:"
    + _TOKEN
    + rb"|"
    + _QUOTED
    + rb"))*"
    + _S
    + rb";?"
    + _S
    + rb"\Z"
)
_TYPE: Final = re.compile(_S + _TOKEN + _S + rb"/" + _S + _TOKEN + _PARAMETERS, re.DOTALL)
_DISPOSITION: Final = re.compile(_S + _TOKEN + _PARAMETERS, re.DOTALL)
_LANGUAGES: Final = re.compile(
    rb"[ \t,]*[A-Za-z0-9-]+(?:" + _S + rb",[ \t,]*[A-Za-z0-9-]+)*[ \t,]*\Z|\Z"
)
_ENCODING: Final = re.compile(_S + _TOKEN + _S + rb"\Z")


def is_address_list(value: bytes) -> bool:
    """RFC 5322 §3.4 and §4.4."""
    bare = _without_comments(value)
    return bare is not None and len(bare) < 5000 and _ADDRESSES.match(bare) is not None


def is_content_type(value: bytes) -> bool:
    """RFC 2045 §5.1, with comments; a semicolon may end it."""
    bare = _without_comments(value)
    return bare is not None and _TYPE.match(bare) is not None


def is_disposition(value: bytes) -> bool:
    """RFC 2183 §2."""
    bare = _without_comments(value)
    return bare is not None and _DISPOSITION.match(bare) is not None


def is_encoding(value: bytes) -> bool:
    """RFC 2045 §6.1."""
    bare = _without_comments(value)
    return bare is not None and _ENCODING.match(bare) is not None


_DATE: Final = re.compile(
    rb"\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s*,)?\s*\d{1,2}\s+"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{2,4}\s+"
    rb"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?\s+(?:[+-]\d{4}|UT|GMT|[ECMP][SD]T|[A-IK-Za-ik-z])\s*\Z"
)


def is_date(value: bytes) -> bool:
    """RFC 5322 §3.3 and §4.3."""
    bare = _without_comments(value)
    return bare is not None and _DATE.match(bare) is not None


def is_language_list(value: bytes) -> bool:
    """RFC 3282 §2; it may be empty."""
    bare = _without_comments(value)
    return bare is not None and _LANGUAGES.match(bare) is not None


_OUTSIDE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[()"]|\\.|[^()"\\]+|\\', re.DOTALL)
_INSIDE: Final = re.compile(rb"[()]|\\.|[^()\\]+|\\", re.DOTALL)


def _without_comments(value: bytes) -> bytes | None:
    """`value` with each comment as a space; None when one, or a quoted string, has no end."""
    kept: list[bytes] = []
    depth = 0
    place = 0
    while place < len(value):
        found = (_INSIDE if depth else _OUTSIDE).match(value, place)
        assert found is not None
        piece = found[0]
        place = found.end()
        if piece == b"(":
            depth += 1
        elif piece == b")":
            depth -= 1
            if depth < 0:
                return None
            kept.append(b" " if not depth else b"")
        elif not depth:
            if piece == b'"':
                return None
            kept.append(piece)
    return None if depth else b"".join(kept)
