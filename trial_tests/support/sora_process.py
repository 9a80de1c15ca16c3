"""A whole Sora as users start it: `twistd -n sora`, real sockets, a directory of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trial_tests.support.ports import free_base_port

EMAIL = "user@example.com"
PASSWORD = "correct horse battery"
CLEAN_ENDS = (0, -signal.SIGTERM)
"""exit codes of a clean end: twistd ends by the signal that stopped it, once all is done"""


def descendants(pid: int) -> list[int]:
    """All live processes below `pid`."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found: list[int] = []
    queue = list(children.get(pid, []))
    while queue:
        found.append(queue.pop())
        queue.extend(children.get(found[-1], []))
    return found


class SoraProcess:
    """`twistd -n sora` in its embedded mode, or with a configuration.

    `start` returns when it says that it is ready. Blocking: for tests whose clients block.
    """

    def __init__(self, directory: str, arguments: Sequence[str] = (), embedded: bool = True):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.base = free_base_port()
        self.arguments = list(arguments)
        self.embedded = embedded
        self.doorbell = self.directory / "bell"
        """those that have the same one are on the same node"""
        self.environment: dict[str, str] = {}
        """beside that of this process"""
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.directory / "output.log"

    @property
    def imap(self) -> int:
        """The port of IMAP."""
        return self.base + 143

    @property
    def imaps(self) -> int:
        """The port of IMAP over TLS."""
        return self.base + 993

    @property
    def pop3(self) -> int:
        """The port of POP3."""
        return self.base + 110

    @property
    def pop3s(self) -> int:
        """The port of POP3 over TLS."""
        return self.base + 995

    @property
    def lmtp(self) -> int:
        """The port of LMTP."""
        return self.base + 24

    @property
    def managesieve(self) -> int:
        """The port of ManageSieve."""
        return self.base + 4190

    @property
    def data(self) -> Path:
        """The directory of the embedded mode."""
        return self.directory / "var"

    def start(self, wait: float = 90) -> None:
        """Start, and wait until it is ready."""
        self.spawn()
        deadline = time.monotonic() + wait
        assert self.process is not None
        while not self.is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"Sora ended with {self.process.returncode}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Sora is not ready after {wait} s:\n{self.output()}")
            time.sleep(0.05)

    def spawn(self) -> None:
        """Start without waiting."""
        twistd = str(Path(sys.executable).parent / "twistd")
        mode = (
            [
                "--dir",
                str(self.data),
                "--base-port",
                str(self.base),
                "--account",
                EMAIL,
                "--password",
                PASSWORD,
            ]
            if self.embedded
            else []
        )
        self._begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(twistd, "-n", "--pidfile=", "sora", *mode),
                    *("--set", f"process.doorbell={self.doorbell}"),
                    *self.arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def output(self) -> str:
        """What this start has printed so far."""
        with self.log.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode("utf-8", "replace")

    def is_ready(self) -> bool:
        """Whether the line that begins with `ready` has been printed."""
        return re.search(r"^ready", self.output(), re.MULTILINE) is not None

    def stop(self, wait: float = 30) -> int:
        """SIGTERM, as an operator stops it; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(wait)
        self.process = None
        return code

    def kill_sora(self) -> None:
        """`kill -9` of Sora alone: its database server lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def kill_everything(self) -> None:
        """`kill -9` of Sora and of its database server with all its processes."""
        assert self.process is not None
        pids = descendants(self.process.pid) + self.postgres_pids()
        self.process.kill()
        for pid in set(pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.process = None
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.02)

    def postgres_pids(self) -> list[int]:
        """The database server of this directory, and its children, by its own pid file."""
        for file in self.data.rglob("postmaster.pid"):
            pid = int(file.read_text().split()[0])
            if Path(f"/proc/{pid}").exists():
                return [pid, *descendants(pid)]
        return []

    def cleanup(self) -> None:
        """Leave nothing behind, whatever happened in the test."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.postgres_pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
