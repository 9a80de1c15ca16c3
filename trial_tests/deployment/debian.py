"""A new Debian with its systemd as PID 1, in a directory: made by mmdebstrap, booted by systemd-nspawn."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from trial_tests.deployment.checkout import check_out

CHECKOUT: Final = "/root/sora"
PATIENCE: Final = 900
"""seconds for one line"""
BOOT: Final = 120
"""seconds for a boot, or an end"""
AUTHORITIES: Final = "etc/ssl/certs/ca-certificates.crt"
PACKAGES: Final = ("ca-certificates", "dbus", "systemd", "systemd-sysv")
"""what a machine has that a container has not"""


class Debian:
    """It is in `place`, and runs from `boot` to `close`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._init = ""

    def path(self, name: str) -> Path:
        """Where this machine sees a file of that one."""
        return self.place / name.lstrip("/")

    # ------------------------------------------------------------------ its life

    def build(self, suite: str, mirror: str) -> None:
        """Install it, with what is tracked of the project in `CHECKOUT`."""
        include = f"--include={','.join(PACKAGES)}"
        words = ["--variant=apt", include, suite, str(self.place), mirror]
        subprocess.run(["mmdebstrap", "--quiet", *words], check=True, timeout=PATIENCE)
        shutil.copy("/etc/resolv.conf", self.path("etc/resolv.conf"))
        if "PIP_CERT" in os.environ:  # whose network has an authority of its own
            shutil.copy(os.environ["PIP_CERT"], self.path(AUTHORITIES))
        check_out(self.path(CHECKOUT))

    def boot(self) -> None:
        """Begin, with network of its own, and wait until all services have started."""
        words = ["--boot", "--private-network", "--register=no", "--keep-unit", "--link-journal=no"]
        words += ["--resolv-conf=off", "--timezone=off", "--console=pipe", "--quiet"]
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", *words, f"--directory={self.place}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._init = self._leader(time.monotonic() + BOOT)
        self.type(f"timeout {BOOT} systemctl is-system-running --wait")

    def _leader(self, deadline: float) -> str:
        """The process that is PID 1 there, once it takes commands."""
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        while time.monotonic() < deadline:
            for child in children.read_text().split():
                if Path(f"/proc/{child}/root/run/systemd/private").exists():
                    return child
            if self._nspawn.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit("systemd does not start in the root: see above")

    def close(self) -> None:
        """Shut it down."""
        if self._nspawn is None:
            return
        self._nspawn.send_signal(signal.SIGTERM)
        try:
            self._nspawn.wait(BOOT)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None

    # ------------------------------------------------------------------ commands

    def type(self, command: str, *, typed: str = "", fetches: bool = False) -> str:
        """Type one command, and `typed` where it asks; gives what was said. Ends the run when it
        fails."""
        begun = time.monotonic()
        done = self.ask(command, typed=typed, fetches=fetches)
        said = done.stdout + done.stderr
        print(f"$ {command.rstrip()}    # {time.monotonic() - begun:.1f} s", flush=True)
        if done.returncode:
            raise SystemExit(f"{said}\nthis ended with {done.returncode}")
        return said

    def ask(
        self, command: str, *, typed: str = "", fetches: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run one command, that may fail."""
        spaces = ["--mount", "--uts", "--ipc", "--pid"] + ([] if fetches else ["--net"])
        return subprocess.run(
            ["nsenter", "--target", self._init, *spaces, "--root", "--wd"]
            + ["sh", "-euc", f"cd {CHECKOUT}; {command}"],
            input=f"{typed}\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=_environment(),
            start_new_session=True,  # without a terminal
        )

    def beside(self, words: list[str]) -> subprocess.Popen[str]:
        """A program of this machine, in the network of that one."""
        return subprocess.Popen(
            ["nsenter", "--target", self._init, "--net", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _environment() -> dict[str, str]:
    """That of a new machine's root; and how this one reaches PyPI, if it needs to be told."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if "PIP_CERT" in os.environ:
        kept["PIP_CERT"] = f"/{AUTHORITIES}"
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **kept}
