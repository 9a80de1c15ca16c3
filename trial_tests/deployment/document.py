"""`docs/deployment.md`, typed on a machine."""

import re
from typing import Final

from trial_tests.deployment.debian import Debian
from trial_tests.system.test_deployment import PASSWORD, blocks

FETCHING: Final = re.compile(r"/pip install ")
LINES: Final = re.compile(r"(?:.*\\\n)*.+\n")


def follow(machine: Debian) -> str:
    """Do what the document says; gives what the last lines said."""
    said = ""
    for name, text in blocks("typed"):
        if name:
            machine.path(name).write_text(text)
            continue
        said = ""
        for command in LINES.findall(text):
            if command.startswith("apt-get"):
                machine.type("apt-get update --quiet=2", fetches=True)
                machine.type(f"{command.rstrip()} --download-only", fetches=True)
            said += machine.type(command, typed=PASSWORD, fetches=bool(FETCHING.search(command)))
    return said
