"""`docs/deployment.md` on a new Debian with its systemd, as somebody with a new machine follows it.

    ./dev deployment [--suite bookworm] [--mirror URL] [--keep DIRECTORY]

mmdebstrap makes a root, systemd-nspawn boots it, and each line of the document is typed in it as it
stands there: with Debian's own apt-get, useradd and PostgreSQL, and pip from PyPI. It has network of its
own, so that the ports are those of the document; only what fetches packages sees the machine's. Then the
unit is put to use: reloads, the journal, the watchdog, an end under load, a start without a database, a
boot. Needs root, mmdebstrap, systemd-container and a mirror; everything is ended and removed afterwards.
`trial_tests/system/test_deployment.py` follows the document in a minute, without a Debian.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trial_tests.deployment.debian import Debian
from trial_tests.deployment.document import follow
from trial_tests.deployment.unit import USES

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the document, and use the unit; 0 when all went well."""
    parser = argparse.ArgumentParser(prog="./dev deployment", description="a new Debian")
    parser.add_argument("--suite", default="bookworm", help="of Debian (default: bookworm)")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="make it here, and keep it")
    given = parser.parse_args(arguments)
    if os.getuid():
        raise SystemExit("this needs root")
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            raise SystemExit(f"this needs {program} (apt-get install {package})")
    place = given.keep or Path(tempfile.mkdtemp(prefix="sora-debian-"))
    machine = Debian(place)
    try:
        machine.build(given.suite, given.mirror)
        machine.boot()
        said = follow(machine)
        for expected in (r"Subject: test ", r"(\d+) parts were looked at, \1 are well"):
            if not re.search(expected, said):
                raise SystemExit(f"{said}\nthis does not say {expected}")
        print(f"the document leads to a login on a new {given.suite}")
        for use in USES:
            print(f"== {(use.__doc__ or '').splitlines()[0]}", flush=True)
            use(machine)
    finally:
        machine.close()
        if given.keep is None:
            shutil.rmtree(place)
    print("the unit does what is said of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
