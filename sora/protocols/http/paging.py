"""Pages of long lists, by cursor: where a page ended, in a form that nobody builds on (pure)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sora.errors import BadArgument
from sora.protocols.http.values import said

T = TypeVar("T")
LONGEST: Final = 1000
"""rows of a page"""


def next_page() -> Any:
    """A field of an answer: the cursor of what comes behind it."""
    return said("The cursor of the next page; null when this is the last.")


def page_begin() -> Any:
    """A field of a query: the cursor that an answer before has given."""
    return said("Where the page begins: `next` of the one before.", default="")


def page_length(text: str, default: int = 100) -> Any:
    """A field of a query: how much a page has at most."""
    return said(text, default=default, minimum=1, maximum=LONGEST)


def cursor_of(key: str) -> str:
    """The cursor of what comes behind `key`."""
    return urlsafe_b64encode(key.encode()).decode("ascii").rstrip("=")


def key_of(cursor: str) -> str:
    """The key of a cursor, "" for the beginning. Raises BadArgument."""
    try:
        octets = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if cursor_of(octets.decode()) != cursor:
            raise ValueError
    except ValueError:
        raise BadArgument("The cursor is none that this server has given") from None
    return octets.decode()


def number_of(cursor: str) -> int:
    """The key of a cursor that is a number, 0 for the beginning. Raises BadArgument."""
    key = key_of(cursor) or "0"
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        raise BadArgument("The cursor is none that this server has given")
    return int(key)


def next_of(rows: Sequence[T], limit: int, key: Callable[[T], str]) -> str | None:
    """The cursor of what comes behind these rows; None when they are fewer than were asked for."""
    return None if len(rows) < limit else cursor_of(key(rows[-1]))


def page_of(rows: Sequence[T], asked: Any, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The page that is asked for (`cursor`, `limit`) of a list that is whole, and the cursor of
    the next one. Raises BadArgument."""
    after = key_of(asked.cursor)
    found = sorted((row for row in rows if key(row) > after), key=key)
    page = found[: asked.limit]
    return page, None if len(found) <= asked.limit else cursor_of(key(page[-1]))
