"""What is in a relay's queue, while it works."""

import contextlib
from pathlib import Path

PLACES = ("held", "waiting", "sending", "failed")


def letters_in(directory: Path) -> dict[str, bytes]:
    """The files below a queue's directory by their names, but for what is only written. One that goes
    from place to place meanwhile is one."""
    found = {}
    for path in directory.rglob("*"):
        if path.parent.name in PLACES:
            with contextlib.suppress(FileNotFoundError):  # it has just gone to the next place
                found[path.name] = path.read_bytes()
    return found
