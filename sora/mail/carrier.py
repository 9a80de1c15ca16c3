"""Octets carried in text columns.

PostgreSQL decodes `text` about twice as fast as `bytea`, and refuses NUL in it. So octets
travel as Latin-1, one character for each octet, with U+0100 in the place of NUL.
"""

from typing import Final

_NUL: Final = "\u0100"


def to_text(data: bytes) -> str:
    """Octets -> text without NUL, one character for each octet."""
    text = data.decode("latin-1")
    return text.replace("\0", _NUL) if "\0" in text else text


def to_bytes(text: str) -> bytes:
    """The inverse of `to_text`.

    Raises:
        UnicodeEncodeError: the text was not made by `to_text`.
    """
    return (text.replace(_NUL, "\0") if _NUL in text else text).encode("latin-1")
