"""Header blocks: where one ends, its fields, and its lines.

Tolerant of what arrives: bare LF, 8-bit octets, NUL, lines that are no fields. Two views of a
block are needed. `fields` has names and unfolded values, for everything that is derived from a
message. `selected` cuts out lines exactly as they stand, for HEADER.FIELDS.

A block always ends at its first empty line, whatever stands in it before. That is what makes
the header of `trace + content` the trace followed by the header of the content.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MAX_HEADER: Final = 1 << 20
"""Octets. A block without an empty line is cut here, at the end of a line; the rest is body."""

Field = tuple[bytes, bytes]
"""A name in lower case, and an unfolded value without white space at its ends."""

EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_NAME: Final = re.compile(rb"[!-9;-~]+\Z")
# A field's last line end is left out of a match: the next match begins with it.
_VALUE: Final = rb"[^\n]*(?:\n[ \t][^\n]*)*"
_LINE: Final = re.compile(rb"\n((?!\r?\n|\Z)" + _VALUE + rb")")


def header_end(data: bytes) -> int:
    """Where the header block that `data` begins with ends, its empty line included."""
    if data.startswith(b"\n"):
        return 1
    if data.startswith(b"\r\n"):
        return 2
    found = EMPTY_LINE.search(data, 0, MAX_HEADER)
    return found.end() if found else cut(data, 0, len(data))


def cut(data: bytes, start: int, end: int) -> int:
    """The end of a block that has no empty line before `end`, within MAX_HEADER."""
    if end - start <= MAX_HEADER:
        return end
    line_end = data.rfind(b"\n", start, start + MAX_HEADER)
    return line_end + 1 if line_end > 0 else start + MAX_HEADER


def fields(block: bytes) -> list[Field]:
    """The fields of a header block, in order. Lines that are no fields are passed over."""
    found = []
    for line in _FOLD.sub(b"", block).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            name = name.rstrip(b" \t")
            if _NAME.match(name):
                found.append((name.lower(), value.strip(b" \t\r")))
    return found


def others(block: bytes) -> list[bytes]:
    """The unfolded lines of a header block that `fields` passes over, without empty ones."""
    found = []
    for line in _FOLD.sub(b"", block).split(b"\n"):
        name, colon, _ = line.partition(b":")
        if line.strip(b" \t\r") and not (colon and _NAME.match(name.rstrip(b" \t"))):
            found.append(line.strip(b" \t\r"))
    return found


def first(found: Sequence[Field], name: bytes) -> bytes | None:
    """The value of the first field of this name (in lower case)."""
    for other, value in found:
        if other == name:
            return value
    return None


def selected(block: bytes, names: Sequence[str], inverted: bool = False) -> bytes:
    """The lines of the fields with these names, or of all others, as they stand, and the empty
    line if there is one (RFC 3501 §6.4.5). Lines that are no fields are among the others."""
    named, chooser = _patterns(tuple(names))
    ended = block.endswith(b"\n")
    if ended and not inverted:
        kept = chooser.findall(b"\n" + block)
    else:
        lines = _LINE.findall(b"\n" + block)
        kept = [line for line in lines if bool(named.match(line)) != inverted]
        # Only the last line of a block that has no empty line can be without a line end.
        ended = ended or not lines or bool(named.match(lines[-1])) == inverted
    text = b"\n".join(kept) + (b"\n" if kept and ended else b"")
    return text + _empty_line(block)


def _empty_line(block: bytes) -> bytes:
    if block.endswith(b"\n\r\n") or block == b"\r\n":
        return b"\r\n"
    return b"\n" if block.endswith(b"\n\n") or block == b"\n" else b""


@lru_cache(maxsize=128)
def _patterns(names: tuple[str, ...]) -> tuple["re.Pattern[bytes]", "re.Pattern[bytes]"]:
    """What a line with one of these names begins with, and a search for all such lines."""
    alternatives = b"|".join(re.escape(name.encode("utf-8", "replace")) for name in names)
    named = rb"(?:" + alternatives + rb")[ \t]*:" if names else rb"(?!)"
    return re.compile(rb"(?i)" + named), re.compile(rb"(?i)\n(" + named + _VALUE + rb")")
