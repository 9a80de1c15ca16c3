"""Long lists that are wanted whole, read a page at a time."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
PAGE: Final = 1000
"""rows that are asked for at once"""


async def all_of(
    page: Callable[[str, int], Awaitable[Sequence[T]]],
    key: Callable[[T], str],
    after: str = "",
    limit: int | None = None,
) -> list[T]:
    """All rows, or so many, above the key `after`. `page` gives at most so many above a key,
    ascending; `key` is that of a row."""
    found: list[T] = []
    while limit is None or len(found) < limit:
        asked = PAGE if limit is None else min(PAGE, limit - len(found))
        rows = await page(after, asked)
        found += rows
        if len(rows) < asked:
            break
        after = key(rows[-1])
    return found
