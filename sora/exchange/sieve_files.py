"""Sieve scripts on a disk, as Pigeonhole keeps them: files `name.sieve` in a directory, and a
symbolic link to the one that runs, in the directory or beside it (`~/sieve` and
`~/.dovecot.sieve`)."""

from pathlib import Path
from typing import Final

from attrs import field, frozen

from sora.exchange.opening import open_octets
from sora.exchange.source import BadSource, Problem

SUFFIX: Final = ".sieve"
MAX_SCRIPTS: Final = 1000
MAX_SCRIPT: Final = 16 * 1024 * 1024
"""octets that are read; how large a script may be, whoever keeps it says"""
UNNAMED: Final = "imported"
"""the name of a script whose file has none"""


@frozen
class ScriptFile:
    """A script, and whether it is the one that runs."""

    name: str
    path: str
    source: bytes = field(repr=False)
    is_active: bool = False


def read_scripts(path: str) -> tuple[list[ScriptFile], list[Problem]]:
    """All scripts of a directory, or the one in a file, which is then active; and what cannot be
    read. It blocks. Raises BadSource."""
    given = Path(path)
    if given.is_dir():
        files = sorted(one for one in given.iterdir() if _is_script(one))
        active = _active(given)
    elif given.is_file():
        files, active = [given.resolve()], given.resolve()
    else:
        raise BadSource(f"There is no Sieve script and no directory {path}")
    if len(files) > MAX_SCRIPTS:
        raise BadSource(f"{path} has more than {MAX_SCRIPTS} scripts")
    scripts, problems = [], []
    for file in files:
        try:
            with open_octets(file) as opened:
                source = opened.read(MAX_SCRIPT)
        except OSError as error:
            problems.append(Problem(str(file), f"cannot be read: {error.strerror}"))
            continue
        name = file.name.removesuffix(SUFFIX).strip(".") or UNNAMED
        is_active = active is not None and file.resolve() == active
        scripts.append(ScriptFile(name, str(file), source, is_active))
    return scripts, problems


def _is_script(file: Path) -> bool:
    return (
        file.name.endswith(SUFFIX)
        and not file.name.startswith(".")
        and not file.is_symlink()
        and file.is_file()
    )


def _active(directory: Path) -> Path | None:
    """Where a link that names the script which runs leads to."""
    inside = directory.resolve()
    for place in (inside, inside.parent):
        for link in sorted(place.iterdir()):
            if link.is_symlink() and link.resolve().parent == inside and link.is_file():
                return link.resolve()
    return None
