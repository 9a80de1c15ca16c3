"""Files that a command line names, or the standard input in their place."""

from pathlib import Path
from typing import Any, Final

from sora.admin.command import CommandFailed, Terminal
from sora.admin.failed import why

STDIN: Final = "-"
"""in the place of a file's name"""
MAX_LINE: Final = 4096
"""characters of a first line"""


def octets_of(file: str, terminal: Terminal, most: int) -> bytes:
    """At most so many octets of a file, or of the standard input. Raises CommandFailed."""
    try:
        if file != STDIN:
            with Path(file).open("rb") as opened:
                return opened.read(most)
        stream: Any = getattr(terminal.stdin, "buffer", terminal.stdin)
        found = stream.read(most)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}") from None
    return found.encode("utf-8", "surrogateescape") if isinstance(found, str) else bytes(found)


def first_line(file: str) -> str:
    """The first line of a file, without its end. Raises CommandFailed."""
    try:
        with open(file, encoding="utf-8") as opened:
            return opened.readline(MAX_LINE).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} cannot be read: {why(error)}") from None
