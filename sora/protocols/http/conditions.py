"""Changes under a condition: `ETag` and `If-Match` (RFC 9110 §13.1; pure). So nobody's is lost.

Tags are strong: two texts with the same tag are the same.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from sora.protocols.http.endpoint import Conditions
from sora.protocols.http.problems import BAD_REQUEST, Refused

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_NEVER: Final = ("",)
"""tags of which none is ever that of something"""


def tag_of(text: str) -> str:
    """What stands in an `ETag` for a text."""
    return sha256(text.encode()).hexdigest()[:32]


def conditions_of(if_match: Sequence[bytes], if_none_match: Sequence[bytes]) -> Conditions:
    """The conditions of a request, from its headers. Raises Refused."""
    match = b",".join(if_match).decode("latin-1").strip()
    if any(one.strip() != b"*" for one in if_none_match):
        raise Refused(BAD_REQUEST, "If-None-Match may be * here, and nothing else")
    return Conditions(
        tags=_tags(match) if if_match and match != "*" else (),
        exists=match == "*",
        is_new=bool(if_none_match),
    )


def _tags(text: str) -> tuple[str, ...]:
    """A weak one never matches here (§13.1.1), nor does what is no tag: nothing is done then."""
    return tuple([one[2] for one in _TAG.finditer(text) if not one[1]]) or _NEVER
