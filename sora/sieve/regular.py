"""Regular expressions in time linear in the text: RE2.

They are POSIX extended ones, as the draft of Sieve's `regex` has them: the leftmost longest match,
`[[:alpha:]]`, no references back; `\\d \\w \\s \\b` are understood besides. Matching costs at most
the length of the text times the size of the program, whatever is in them: `cost` is what is paid.
"""

from functools import lru_cache
from typing import Any, Final

import re2
from attrs import frozen

MAX_PATTERN: Final = 2000
"""Characters."""
_MEMORY: Final = 1 << 18
"""Octets of a program and its automata."""
_WORK: Final = 1 << 14
"""Characters times size of the program for one instruction: some 50 µs at worst, mostly 1 µs."""


class BadPattern(ValueError):
    """Not a regular expression; what is wrong, without a full stop."""


@frozen
class Regular:
    """A compiled expression."""

    program: Any
    size: int

    def cost(self, length: int) -> int:
        """Instructions to match a text of this many characters."""
        return length * self.size // _WORK + 1

    def search(self, text: str) -> list[str] | None:
        """The leftmost longest match and its groups ("" for one that took no part); None if there
        is none."""
        found = self.program.search(text)
        return None if found is None else [found[0], *(group or "" for group in found.groups())]


@lru_cache(maxsize=256)
def compile_pattern(pattern: str, cased: bool) -> Regular:
    """An expression from its text; `cased` tells whether the case of letters counts.

    Raises:
        BadPattern: it is none, or is too large.
    """
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"it has more than {MAX_PATTERN} characters")
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.one_line = True
    options.dot_nl = True
    options.perl_classes = True
    options.word_boundary = True
    options.case_sensitive = cased
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        program = re2.compile(pattern.encode("utf-8", "replace").decode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it is not valid"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadPattern(text) from None
    return Regular(program, program.programsize)
