"""Comparators (RFC 4790): how two texts are compared.

A comparator maps a text to a form; two texts are equal when their forms are, one holds another when
its form does, and they are ordered as their forms are. None is "undefined", which matches nothing.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from sora.mail.text import casemap

_DIGITS: Final = re.compile(r"[0-9]++")


@frozen
class Comparator:
    """`form` is what is compared for equality, `order` what is put in order. `substrings` tells
    whether `form` gives a text, of which parts can be compared; `letters` whether each character of
    it comes from the one at the same place. `cost` is how much dearer it is than comparing octets,
    where a text is not US-ASCII."""

    name: str
    form: Callable[[str], Any]
    order: Callable[[str], Any]
    substrings: bool = True
    letters: bool = True
    cost: int = 1


def ascii_lower(text: str) -> str:
    """A-Z to a-z, nothing else."""
    if text.isascii():
        return text.lower()
    octets = text.encode("utf-8", "surrogateescape")
    return octets.lower().decode("utf-8", "surrogateescape")


def ascii_upper(text: str) -> str:
    """a-z to A-Z, nothing else."""
    if text.isascii():
        return text.upper()
    octets = text.encode("utf-8", "surrogateescape")
    return octets.upper().decode("utf-8", "surrogateescape")


def _same(text: str) -> str:
    return text


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _upper_octets(text: str) -> bytes:
    return _octets(text).upper()


def _number(text: str) -> tuple[float, str]:
    """RFC 4790 §9.1.1: the digits at the begin; a text without any is positive infinity. As length
    and digits, which are ordered as the numbers are, however long they get."""
    found = _DIGITS.match(text)
    if found is None:
        return float("inf"), ""
    digits = found[0].lstrip("0")
    return len(digits), digits


OCTET: Final = Comparator("i;octet", _same, _octets)
"""RFC 4790 §9.3"""

CASEMAP: Final = Comparator("i;ascii-casemap", ascii_lower, _upper_octets)
"""RFC 4790 §9.2; the default (RFC 5228 §2.7.3)."""

NUMERIC: Final = Comparator("i;ascii-numeric", _number, _number, substrings=False)
"""RFC 4790 §9.1"""

UNICODE: Final = Comparator(
    "i;unicode-casemap", casemap, lambda text: _octets(casemap(text)), letters=False, cost=50
)
"""RFC 5051"""
