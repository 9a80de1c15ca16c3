"""Directories that the account of the embedded PostgreSQL can enter.

Started by root, PostgreSQL runs as another account (`processes.choose_account`). A project
below `/root`, or in a directory that `mktemp -d` made, has parents that this account may not
pass. Their modes are not ours to change: the database is then kept below `ELSEWHERE`, and a
symbolic link stands where it was asked for.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sora.app.postgres_binaries import PostgresRefused
from sora.app.processes import Account

ELSEWHERE: Final = Path("/var/lib/sora-embedded")


def obstacle(directory: Path, account: Account) -> Path | None:
    """The first directory on the way to and with `directory` that the account cannot enter.

    Directories that do not exist yet are no obstacle: we make them.
    """
    for path in (*reversed(directory.parents), directory):
        if not path.exists():
            return None
        tried = subprocess.run(["test", "-x", path], cwd="/", **account.run_as())  # type: ignore[call-overload]
        if tried.returncode != 0:
            return path
    return None


def bring_within_reach(
    directory: Path,
    account: Account,
    say: Callable[[str], None],
    elsewhere: Path = ELSEWHERE,
) -> None:
    """Make `directory` a link to one below `elsewhere` if the account cannot reach it.

    Nothing happens when it exists already, in either form. Raises PostgresRefused when there
    is no way.
    """
    directory = Path(os.path.abspath(directory))
    if directory.exists() or directory.is_symlink():
        return
    blocking = obstacle(Path(os.path.realpath(directory)), account)
    if blocking is None:
        return
    name = hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:16]
    place = elsewhere / name
    try:
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.symlink_to(place)
    except OSError as error:
        raise PostgresRefused(
            f"PostgreSQL runs as {account.name}, who cannot enter {blocking}, and the database "
            f"cannot be kept in {place} instead: {error.strerror}"
        ) from error
    say(f"{account.name} cannot enter {blocking}: the database is kept in {place}")


def copy_within_reach(programs: Path, to: Path) -> Path:
    """Copy an installation of PostgreSQL (`programs` is its `bin`) below `to`, once.

    The programs of a wheel find their libraries in `PACKAGE.libs` beside their package, by the
    way there from where they are: the copy keeps it. Gives the `bin` of the copy.
    """
    installation = programs.parent
    package = installation.parent
    copy = to / "programs"
    if not copy.exists():
        unfinished = to / "programs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        place = unfinished / package.name / installation.name
        shutil.copytree(installation, place, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        unfinished.rename(copy)
    return copy / package.name / installation.name / programs.name
