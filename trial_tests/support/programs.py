"""Programs that a test needs, and what to install when they are not there."""

import os
import shutil
from unittest import SkipTest, TestCase

_ELSEWHERE = "/usr/sbin:/sbin:/usr/local/sbin"


def require_program(test: TestCase, program: str, package: str) -> str:
    """The path of `program`. Without it the test is skipped, with a line that names the Debian
    package; under `CI=true` it fails."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{_ELSEWHERE}")
    if path is not None:
        return path
    text = f"{program} is not installed: apt-get install {package}"
    if os.environ.get("CI") == "true":
        raise test.failureException(text)
    raise SkipTest(text)
