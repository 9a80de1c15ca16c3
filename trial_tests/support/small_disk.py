"""A disk of a few megabytes that is really full when it is full: a tmpfs of its own."""

import os
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

from attrs import frozen
from twisted.trial.unittest import TestCase

FILLER = "filler"
BLOCK = 64 * 1024


@frozen
class SmallDisk:
    """`path` is where it is mounted."""

    path: Path

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.path / FILLER).open("ab", buffering=0) as file:
            block = BLOCK
            while block:
                try:
                    file.write(bytes(block))
                except OSError:
                    block //= 2

    def free(self) -> None:
        """There is room again."""
        (self.path / FILLER).unlink()


def small_disk(case: TestCase, octets: int = 4 * 1024 * 1024) -> SmallDisk:
    """One for a test, which is skipped where nothing may be mounted."""
    path = Path(tempfile.mkdtemp(prefix="sora-small-disk-"))
    options = f"size={octets},mode=0700,uid={os.geteuid()}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        path.rmdir()
        raise SkipTest(f"no small disk can be mounted here (mount -t tmpfs): {done.stderr.strip()}")

    def unmount() -> None:
        # What still has a file open there keeps it until it is closed.
        subprocess.run(["umount", "--lazy", str(path)], check=True)
        path.rmdir()

    case.addCleanup(unmount)
    return SmallDisk(path)
