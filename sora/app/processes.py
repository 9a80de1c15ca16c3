"""Accounts and processes of the operating system, as far as PostgreSQL needs them."""

import os
import pwd
import subprocess
from pathlib import Path

from attrs import frozen

from sora.app.postgres_binaries import PostgresRefused


@frozen
class Account:
    """The operating system's account that PostgreSQL runs as; `uid` is None for our own."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def run_as(self) -> dict[str, object]:
        """Arguments of subprocess that drop to this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def choose_account() -> Account:
    """Ourselves, or for root the first of `sora`, `postgres`, `nobody` that exists."""
    if os.geteuid() != 0:
        return Account(pwd.getpwuid(os.geteuid()).pw_name)
    for name in ("sora", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresRefused(
        "PostgreSQL must not run as root, and there is no other account: "
        "`useradd --system sora` makes one"
    )


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that ended and was not waited for is not alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]


def is_postgres_of(pid: int, data: Path) -> bool:
    """Whether this process is a PostgreSQL that works in this data directory."""
    if not is_alive(pid):
        return False
    process = Path(f"/proc/{pid}")
    if process.exists():
        try:
            working = Path(os.readlink(process / "cwd"))
            return working == data and "postgres" in (process / "comm").read_text()
        except OSError:
            return False
    listed = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
    )
    words = listed.stdout.decode(errors="replace")
    return "postgres" in words and str(data) in words
