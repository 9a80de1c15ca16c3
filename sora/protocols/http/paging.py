"""Pages of long lists, by cursor: where a page ended, in a form that nobody builds on (pure)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from sora.errors import BadArgument

LONGEST: Final = 1000
"""rows of a page"""


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
