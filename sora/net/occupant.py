"""Which program listens on a port, as far as this machine tells (Linux, /proc)."""

from pathlib import Path

_LISTEN = "0A"


def occupant(port: int, proc: Path = Path("/proc")) -> str:
    """A few words such as `dovecot (process 812)`; empty when it cannot be told."""
    inodes = _inodes(port, proc)
    if not inodes:
        return ""
    for directory in proc.iterdir():
        if not directory.name.isdigit():
            continue
        try:
            for entry in (directory / "fd").iterdir():
                target = entry.readlink().name
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    program = (directory / "comm").read_text().strip()
                    return f"{program} (process {directory.name})"
        except OSError:
            # It has ended meanwhile, or belongs to somebody else.
            continue
    return ""


def _inodes(port: int, proc: Path) -> set[str]:
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
