"""The header fields that a test looks at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sora.sieve.message import Header, HeaderField

if TYPE_CHECKING:
    from sora.sieve.call import Call
    from sora.sieve.run import Run


def chosen(run: "Run", call: "Call", header: Header, names: Sequence[str]) -> list[HeaderField]:
    """The fields of these names, in the order of the names; with `:index` only that one of them
    all, counted from the end with `:last` (RFC 5260 §6)."""
    found: list[HeaderField] = []
    for name in names:
        named = header.named(name)
        run.spend(len(named) // 8)
        found += named
    if not call.has("index"):
        return found
    index = call.number("index")
    place = len(found) - index if call.has("last") else index - 1
    return found[place : place + 1] if 0 <= place < len(found) else []
