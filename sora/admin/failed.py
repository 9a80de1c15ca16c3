"""What ends a command, and how the operator is told."""

from traceback import extract_tb
from typing import Final, TextIO

from sora.admin.output import printable

MOST: Final = 500
"""characters of a line of an error: what was typed may be in it, and be anything"""
MOST_LINES: Final = 50
NOT_THERE: Final = frozenset({"42883", "42P01", "42703"})
"""what PostgreSQL says of functions, tables and columns that it does not have"""
ENDED: Final = 1
MISUNDERSTOOD: Final = 2
INTERRUPTED: Final = 130
"""as shells have it for Ctrl-C"""


class CommandFailed(Exception):
    """The command cannot be done; the text is one line for the operator, or empty when all has been
    said. `code` is how the program ends."""

    def __init__(self, text: str = "", code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def tell(stderr: TextIO, text: str) -> None:
    """Say what is wrong, each line after the name of the program: without control characters, which
    a terminal would obey, and not longer than somebody reads."""
    lines = text.rstrip().splitlines()
    for line in lines[:MOST_LINES]:
        stderr.write(f"sora-admin: {_shown(line)}\n")
    if len(lines) > MOST_LINES:
        stderr.write(f"sora-admin: and {len(lines) - MOST_LINES} more\n")


def unexpected(error: Exception) -> str:
    """One line about an error that nobody has foreseen, with the place that a report needs."""
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror}"
    if getattr(error, "sqlstate", "") in NOT_THERE:
        return f"The schema is not that of this program; sora-admin migrate status ({error})"
    frames = extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"This is a bug, please report it: {type(error).__name__}: {error}{place}"


def why(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without its name."""
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"


def _shown(line: str) -> str:
    text = printable(line)
    return text if len(text) <= MOST else f"{text[: MOST * 2 // 3]} … {text[-MOST // 3 :]}"
