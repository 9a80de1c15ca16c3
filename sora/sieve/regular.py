"""Regular expressions in time linear in the text: RE2.

They are POSIX extended ones, as the draft of Sieve's `regex` has them: the leftmost longest match,
`[[:alpha:]]`, no references back; `\\d \\w \\s \\b` are understood besides. Matching costs at most
the length of the text times the size of the program, whatever is in them: `cost` is paid for it.
"""

from functools import lru_cache
from typing import Any, Final

import re2
from attrs import frozen

MAX_PATTERN: Final = 2000
"""Characters."""
MAX_PROGRAM: Final = 2000
"""Steps of a compiled pattern."""
_MEMORY: Final = 1 << 20
"""Octets of a program and its automata."""
_WORK: Final = 2048
"""Characters times steps for one instruction: some 10 µs at worst, mostly far less than 1."""


class BadPattern(ValueError):
    """Not a regular expression; what is wrong, without a full stop."""


@frozen
class Regular:
    """A compiled expression; `size` is the most that one character of a text can cost."""

    program: Any
    size: int

    def cost(self, length: int) -> int:
        """Instructions to match a text of this many characters."""
        return length * self.size // _WORK + 1

    def search(self, text: str) -> list[str] | None:
        """The leftmost longest match and its groups ("" for one that took no part); None if there
        is none."""
        try:
            found = self.program.search(text)
        except UnicodeEncodeError:
            # Octets of a script that are no UTF-8.
            found = self.program.search(text.encode("utf-8", "replace").decode())
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
        raise BadPattern(_reason(error)) from None
    if program.programsize > MAX_PROGRAM:
        raise BadPattern("it is too large")
    # Each step carries the places of the groups along.
    return Regular(program, program.programsize * (program.groups + 1))


def _reason(error: Exception) -> str:
    """What RE2 says, on one line: it quotes the pattern."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = "".join(one if one.isprintable() else "\ufffd" for one in text[:100])
    return text or "it is not valid"
