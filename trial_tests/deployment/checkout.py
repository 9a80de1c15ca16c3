"""What is tracked of the project, as somebody has it who has just cloned it."""

import shutil
import subprocess
from pathlib import Path

from trial_tests.system.test_deployment import PROJECT


def check_out(target: Path) -> None:
    """Copy it into this directory."""
    said = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True
    ).stdout
    for name in said.decode().split("\0"):
        source = PROJECT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
