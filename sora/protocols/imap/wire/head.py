"""The beginning of a command: tag, UID if it is there, word (RFC 3501 §9, command)."""

import re
from typing import Final

from attrs import frozen

NO_HEAD: Final = "A command is a tag, a space and a word, and has no NUL"
"""what is said when there is none"""

_HEAD = re.compile(
    rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) (?:([Uu][Ii][Dd]) )?([A-Za-z][A-Za-z0-9.-]*)"
)
_TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,100}) ")


@frozen
class Head:
    """`word` is in capitals; `end` is where the arguments begin."""

    tag: bytes
    by_uid: bool
    word: bytes
    end: int


def head_of(text: bytes) -> Head | None:
    """The head of a command; None when it has none, or a NUL anywhere but in a literal8, which
    its scanner looks at (RFC 3516)."""
    match = _HEAD.match(text)
    if match is None or (0 in text and b"~{" not in text):
        return None
    return Head(match[1], match[2] is not None, match[3].upper(), match.end())


def tag_of(text: bytes) -> bytes:
    """What to answer with, whatever follows: the tag, or `*` when there is none."""
    match = _TAG.match(text)
    return match[1] if match else b"*"
