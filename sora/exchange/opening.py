"""Files of others, opened to be read: a name that is a symbolic link is not followed, since what it
leads to may be outside; and nothing but a file is waited for."""

import os
from typing import IO

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def open_octets(path: "os.PathLike[str]") -> IO[bytes]:
    """A file, to read octets. Raises OSError, also for a link."""
    return open(path, "rb", opener=_opener)


def open_lines(path: "os.PathLike[str]", errors: str) -> IO[str]:
    """A file, to read lines of UTF-8. Raises OSError, also for a link."""
    return open(path, encoding="utf-8", errors=errors, opener=_opener)
