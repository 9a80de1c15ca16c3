"""`docs/deployment.md` on a new Debian, as somebody with a new machine follows it.

    ./dev deployment [--suite bookworm] [--mirror URL] [--keep DIRECTORY]

mmdebstrap makes a root, in which each line of the document is typed as it stands there: with Debian's
own apt-get, useradd and PostgreSQL, and pip from PyPI. It has network of its own, so that the ports are
those of the document; only what fetches packages sees the machine's. Of systemd there is but a small
`systemctl` that starts the unit's ExecStart as the unit's User with the unit's capabilities, and
PostgreSQL is started by pg_ctlcluster, since nothing here is PID 1. Needs root, mmdebstrap and a mirror; everything is ended and removed afterwards.
`trial_tests/system/test_deployment.py` does the same in a minute, without a Debian.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from trial_tests.system.test_deployment import PASSWORD, PROJECT, blocks

CHECKOUT = "/root/sora"
PATIENCE = 900
"""seconds for one line"""
FETCHING = re.compile(r"/pip install ")
LINES = re.compile(r"(?:.*\\\n)*.+\n")
CLUSTERS = "pg_lsclusters --no-header | while read -r v c _; do pg_ctlcluster $v $c start; done"
"""what systemd does at the end of the installation of PostgreSQL"""
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"

SYSTEMCTL = r"""#!/bin/sh
# What systemd would do with a unit of type exec, as far as it matters here.
set -eu
echo "systemctl $*" >>/root/systemctl
[ "$*" = "enable --now sora" ] || exit 0
unit=/etc/systemd/system/sora.service
value() { sed -n "s/^$1=//p" "$unit" | tail -n 1; }
user=$(value User)
for place in lib/$(value StateDirectory) cache/$(value CacheDirectory) log/$(value LogsDirectory); do
    install -d -o "$user" -g "$(value Group)" -m 0700 "/var/$place"
done
install -d -o "$user" -m "$(value RuntimeDirectoryMode)" "/run/$(value RuntimeDirectory)"
cd "$(value WorkingDirectory)"
umask "$(value UMask)"
# shellcheck disable=SC2046 # a command is a list of words
setsid setpriv --reuid "$user" --regid "$(value Group)" --init-groups --no-new-privs \
    --inh-caps -all,+net_bind_service --ambient-caps +net_bind_service \
    --bounding-set -all,+net_bind_service $(value ExecStart) >/var/log/journal 2>&1 </dev/null &
for _ in $(seq 600); do
    ! grep -q ^ready /var/log/journal || exit 0
    sleep 0.1
done
cat /var/log/journal
exit 1
"""


class CleanRoot:
    """A Debian in `place`, with processes of its own until `close`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._first: subprocess.Popen[bytes] | None = None

    def build(self, suite: str, mirror: str) -> None:
        """Install it, and begin its processes."""
        words = ["--variant=apt", "--include=ca-certificates", suite, str(self.place), mirror]
        subprocess.run(["mmdebstrap", "--quiet", *words], check=True, timeout=PATIENCE)
        shutil.copy("/etc/resolv.conf", self.place / "etc/resolv.conf")
        if "PIP_CERT" in os.environ:  # whose network has an authority of its own
            shutil.copy(os.environ["PIP_CERT"], self.place / AUTHORITIES)
        control = self.place / "usr/local/sbin/systemctl"
        control.write_text(SYSTEMCTL)
        control.chmod(0o755)
        self._checkout()
        begin = (
            f"mount -t proc proc {self.place}/proc && mount -t tmpfs tmpfs {self.place}/dev/shm &&"
            " ip link set lo up && echo begun && exec sleep infinity"
        )
        apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        self._first = subprocess.Popen([*apart, "sh", "-c", begin], stdout=subprocess.PIPE)
        assert self._first.stdout is not None
        if self._first.stdout.readline() != b"begun\n":
            raise SystemExit("the root has no processes of its own: see above")
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text()
        self._init = children.split()[0]

    def _checkout(self) -> None:
        """What is tracked of the project."""
        said = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True
        ).stdout
        for name in said.decode().split("\0"):
            source = PROJECT / name
            if name and source.is_file():
                target = self.place / CHECKOUT.lstrip("/") / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def type(self, command: str, *, fetches: bool = False) -> str:
        """Type one command; gives what was said. Ends the run when it fails."""
        spaces = ["--mount", "--pid"] + ([] if fetches else ["--net"])
        words = ["nsenter", "--target", self._init, *spaces, "chroot", str(self.place)]
        begun = time.monotonic()
        done = subprocess.run(
            [*words, "sh", "-euc", f"cd {CHECKOUT}; {command}"],
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=_environment(),
            start_new_session=True,  # without a terminal
        )
        said = done.stdout + done.stderr
        print(f"$ {command.rstrip()}    # {time.monotonic() - begun:.1f} s", flush=True)
        if done.returncode:
            raise SystemExit(f"{said}\nthis ended with {done.returncode}")
        return said

    def close(self) -> None:
        """End all its processes, and with them its mounts."""
        if self._first is not None:
            self._first.kill()
            self._first.wait()


def _environment() -> dict[str, str]:
    """That of a new machine's root; and how this one reaches PyPI, if it needs to be told."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if "PIP_CERT" in os.environ:
        kept["PIP_CERT"] = f"/{AUTHORITIES}"
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **kept}


def follow(root: CleanRoot) -> str:
    """Do what the document says; gives what the last lines said."""
    said = ""
    for name, text in blocks("typed"):
        if name:
            (root.place / name.lstrip("/")).write_text(text)
            continue
        said = ""
        for command in LINES.findall(text):
            if command.startswith("apt-get"):
                root.type("apt-get update --quiet=2", fetches=True)
                root.type(f"{command.rstrip()} --download-only", fetches=True)
            said += root.type(command, fetches=bool(FETCHING.search(command)))
            if command.startswith("apt-get"):
                root.type(CLUSTERS)
    return said


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the document; 0 when it led to a login."""
    parser = argparse.ArgumentParser(description="docs/deployment.md on a new Debian")
    parser.add_argument("--suite", default="bookworm", help="of Debian (default: bookworm)")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="make it here, and keep it")
    given = parser.parse_args(arguments)
    if os.getuid() or not shutil.which("mmdebstrap"):
        raise SystemExit("this needs root, and mmdebstrap (apt-get install mmdebstrap)")
    place = given.keep or Path(tempfile.mkdtemp(prefix="sora-clean-root-"))
    root = CleanRoot(place)
    try:
        root.build(given.suite, given.mirror)
        said = follow(root)
    finally:
        root.close()
        if given.keep is None:
            shutil.rmtree(place)
    for expected in (r"Subject: test ", r"(\d+) parts were looked at, \1 are well"):
        if not re.search(expected, said):
            raise SystemExit(f"{said}\nthis does not say {expected}")
    print(f"the document leads to a login on a new {given.suite}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
