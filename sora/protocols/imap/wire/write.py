"""Values -> octets of responses (RFC 3501 §9): what a user chose is quoted here only."""

import re
from collections.abc import Iterable, Sequence

from sora.mail.mailbox_names import encode_utf7

MAX_QUOTED = 1024
"""octets up to which a string is quoted; a longer one is a literal"""

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+\Z")
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*\Z")
_SPECIAL = re.compile(rb'(["\\])')


def quoted(octets: bytes) -> bytes:
    """quoted; the octets have to be quotable: without NUL, CR and LF, and 7-bit or, for a client
    that takes it, UTF-8."""
    if b'"' in octets or b"\\" in octets:
        octets = _SPECIAL.sub(rb"\\\1", octets)
    return b'"' + octets + b'"'


def literal(octets: bytes) -> bytes:
    """literal: any octets"""
    return b"{%d}\r\n" % len(octets) + octets


def literal8(octets: bytes) -> bytes:
    """literal8: any octets, NUL too (RFC 3516)"""
    return b"~" + literal(octets)


def string(octets: bytes) -> bytes:
    """string = quoted / literal, the shorter that can hold the octets"""
    if len(octets) <= MAX_QUOTED and _QUOTABLE.match(octets):
        return quoted(octets)
    return literal(octets)


def astring(octets: bytes) -> bytes:
    """astring: an atom where it can be one"""
    if _ATOM.match(octets) and octets.upper() != b"NIL":
        return octets
    return string(octets)


def mailbox(name: str, utf8: bool = False) -> bytes:
    """mailbox, in modified UTF-7, or as it is for a client that takes UTF-8 (RFC 6855 §3,
    RFC 9051 §5.1)"""
    if not utf8:
        return astring(encode_utf7(name))
    return astring(name.encode("ascii")) if name.isascii() else quoted(name.encode("utf-8"))


def numbered(word: bytes, numbers: Sequence[int]) -> bytes:
    """word *(SP nz-number)"""
    # A list writes its numbers about twice as fast as they are joined.
    text = str(list(numbers))[1:-1].replace(",", "")
    return word + b" " + text.encode() if text else word


def parenthesised(items: Iterable[bytes]) -> bytes:
    """ "(" item *(SP item) ")" """
    return b"(" + b" ".join(items) + b")"


def text(sentence: str) -> bytes:
    """text = 1*TEXT-CHAR: a sentence for a person, on one line, in US-ASCII"""
    octets = sentence.encode("ascii", "backslashreplace")
    octets = b" ".join(octets.replace(b"\0", b"").split())[:800]
    # A text that began with a bracket would be read as a response code (RFC 3501 §7.1).
    return b"(" + octets[1:] if octets.startswith(b"[") else octets or b"?"
