"""The header fields that a test looks at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sora.sieve.message import Header, HeaderField

if TYPE_CHECKING:
    from sora.sieve.call import Call
    from sora.sieve.run import Run


def chosen(run: "Run", call: "Call", header: Header, names: Sequence[str]) -> list[HeaderField]:
    """The fields of these names, in order; with `:index` only that one of each name, counted from
    the end with `:last` (RFC 5260 §6)."""
    found: list[HeaderField] = []
    for name in names:
        named = header.named(name)
        if call.has("index"):
            index = call.number("index")
            place = len(named) - index if call.has("last") else index - 1
            named = named[place : place + 1] if 0 <= place < len(named) else ()
        found.extend(named)
    return found
