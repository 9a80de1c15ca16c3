"""podman with storage, settings and network of its own, so that nothing of it is left afterwards, and
ports are free: it lives in a directory and in a network namespace. Only builds see the machine's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trial_tests.system.test_deployment import PROJECT

PATIENCE: Final = 1800
"""seconds for one command"""
_SETTINGS: Final = """\
[containers]
default_sysctls = ["net.ipv4.ip_unprivileged_port_start=0"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "lowered"
[engine.runtimes]
lowered = ["{place}/runtime"]
[network]
network_backend = "netavark"
network_config_dir = "{place}/networks"
"""
_STORAGE: Final = """\
[storage]
driver = "overlay"
graphroot = "{place}/storage"
runroot = "{place}/run"
"""


class Engine:
    """It lives in `place`, until `close`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "networks").mkdir()
        (place / "settings.conf").write_text(_SETTINGS.format(place=place))
        (place / "storage.conf").write_text(_STORAGE.format(place=place))
        runtime = place / "runtime"
        runtime.write_text(
            f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -m trial_tests.deployment.runtime "$@"\n'
        )
        runtime.chmod(0o755)
        begin = "ip link set lo up && echo begun && exec sleep infinity"
        self._network = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", begin], stdout=subprocess.PIPE
        )
        assert self._network.stdout is not None
        if self._network.stdout.readline() != b"begun\n":
            raise SystemExit("there is no network apart: see above")

    @property
    def environment(self) -> dict[str, str]:
        """How podman, buildah and podman-compose find all of it."""
        return {
            **os.environ,
            "CONTAINERS_CONF": f"{self.place}/settings.conf",
            "CONTAINERS_STORAGE_CONF": f"{self.place}/storage.conf",
            "BUILDAH_ISOLATION": "chroot",
            "BUILDAH_FORMAT": "docker",
        }

    def words(self, words: Sequence[str], *, apart: bool) -> list[str]:
        """A command, in the network of the containers or in the machine's."""
        return ["nsenter", f"--net=/proc/{self._network.pid}/ns/net", *words] if apart else [*words]

    def ask(
        self, words: Sequence[str], *, cwd: Path = PROJECT, apart: bool = True, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one command, that may fail."""
        return subprocess.run(
            self.words(words, apart=apart),
            cwd=cwd,
            env=self.environment,
            input=f"{typed}\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def type(
        self, words: Sequence[str], *, cwd: Path = PROJECT, apart: bool = True, typed: str = ""
    ) -> str:
        """Run one command; gives what it printed. Ends the run when it fails."""
        begun = time.monotonic()
        done = self.ask(words, cwd=cwd, apart=apart, typed=typed)
        print(f"$ {' '.join(words)}    # {time.monotonic() - begun:.1f} s", flush=True)
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}\nthis ended with {done.returncode}")
        return done.stdout

    def close(self) -> None:
        """End all containers, and take their mounts away."""
        self.ask(["podman", "pod", "rm", "--all", "--force", "--time", "5"])
        self.ask(["podman", "rm", "--all", "--force", "--time", "5"])
        self.ask(["podman", "network", "prune", "--force"])
        self.ask(["podman", "system", "reset", "--force"])
        self._network.send_signal(signal.SIGKILL)
        self._network.wait()
