"""Status lines (RFC 1939 §3, RFC 2449 §5, §8)."""

from typing import Final

MAX_TEXT: Final = 400
"""octets of the text of a line, which has 512 at most"""


def positive(text: str) -> bytes:
    """`+OK text`"""
    return b"+OK " + _line(text) + b"\r\n" if text else b"+OK\r\n"


def negative(code: str, text: str) -> bytes:
    """`-ERR [code] text`; the code may be empty."""
    return b"-ERR " + _line(f"[{code}] {text}" if code else text) + b"\r\n"


def _line(text: str) -> bytes:
    return " ".join(text.split()).encode("ascii", "backslashreplace")[:MAX_TEXT]
