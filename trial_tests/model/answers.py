"""What a server says, taken apart: as much of RFC 3501 §9 as clients of the model ask for."""

import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n")
_ATOM: Final = re.compile(rb"[^ ()\r\n\"{\[\]]+(?:\[[^\]]*\])?(?:<\d+>)?")
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_CODE: Final = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\] ?")


@frozen
class Response:
    """A line, with its literals: `* number word rest`, or `tag word [code argument] rest`.

    `tag` is `*` or `+` for what has none; `code` is empty for what has none.
    """

    tag: bytes
    word: bytes
    number: int = 0
    code: bytes = b""
    argument: bytes = b""
    rest: bytes = b""


def responses(said: bytes) -> Iterator[Response]:
    """All that was said."""
    for line in _lines(said):
        tag, _, rest = line.removesuffix(b"\r\n").partition(b" ")
        if tag == b"+":
            yield Response(tag, b"", rest=rest)
            continue
        word, _, rest = rest.partition(b" ")
        if word.isdigit():
            number = int(word)
            word, _, rest = rest.partition(b" ")
            yield Response(tag, word, number, rest=rest)
            continue
        found = _CODE.match(rest) if word in (b"OK", b"NO", b"BAD", b"BYE") else None
        if found:
            yield Response(tag, word, 0, found[1], found[2] or b"", rest[found.end() :])
        else:
            yield Response(tag, word, rest=rest)


def _lines(said: bytes) -> Iterator[bytes]:
    start = place = 0
    while place < len(said):
        end = said.index(b"\r\n", place) + 2
        found = re.search(rb"\{(\d+)\}\r\n\Z", said[place:end])
        place = end + int(found[1]) if found else end
        if not found:
            yield said[start:place]
            start = place


def items(rest: bytes) -> dict[bytes, Any]:
    """`(NAME value NAME value)` of FETCH: numbers, octets, lists."""
    value, place = _value(rest, 0)
    assert place == len(rest), rest
    names = [bytes(name).upper() for name in value[::2]]
    assert len(names) == len(set(names)) == len(value[1::2]), rest
    return dict(zip(names, value[1::2], strict=True))


def _value(text: bytes, place: int) -> tuple[Any, int]:
    if text[place : place + 1] == b"(":
        values = []
        place += 1
        while text[place : place + 1] != b")":
            value, place = _value(text, place)
            values.append(value)
            if text[place : place + 1] == b" ":
                place += 1
        return values, place + 1
    if found := _LITERAL.match(text, place):
        end = found.end() + int(found[1])
        return text[found.end() : end], end
    if found := _QUOTED.match(text, place):
        return found[1], found.end()
    found = _ATOM.match(text, place)
    assert found, text[place:]
    return found[0], found.end()


def numbers(text: bytes) -> list[int]:
    """A set of numbers without `*`, in its order: `2,4:6`."""
    found: list[int] = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        first, last = int(low), int(high or low)
        found += range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return found


def number_set(found: list[int]) -> bytes:
    """Ascending numbers, as short as can be."""
    runs: list[list[int]] = []
    for number in found:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in runs)
