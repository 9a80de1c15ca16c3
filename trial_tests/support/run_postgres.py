"""Run a command with one PostgreSQL for all of its tests.

    python -m trial_tests.support.run_postgres -- trial -j 4 trial_tests

Starts a server in a temporary directory, runs the command with `SORA_TEST_POSTGRES` set, stops
the server, removes the directory, and exits as the command did. A server that the variable names
already is used as it is. Interrupted (Ctrl-C, SIGTERM), it asks the command to end, and ends it
with all its processes when that takes too long.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Final, NoReturn

from trial_tests.support.postgres import VARIABLE, server_for_tests
from trial_tests.support.sora_process import descendants

PATIENCE: Final = 10.0
"""seconds that an interrupted run may take to end by itself"""


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    if os.environ.get(VARIABLE):
        return subprocess.run(command).returncode
    server = server_for_tests(connections=400)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        server.start()
        return _run(command, {**os.environ, VARIABLE: str(server.socket)})
    except Interrupted as interrupted:
        return 128 + interrupted.number
    finally:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


class Interrupted(Exception):
    """A signal asked us to end. It is raised once: the end itself is not interrupted."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interrupt(number: int, frame: object) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def _run(command: list[str], environment: dict[str, str]) -> int:
    running = subprocess.Popen(command, env=environment)
    try:
        return running.wait()
    except Interrupted:
        _end(running)
        raise


def _end(running: "subprocess.Popen[bytes]") -> None:
    below = descendants(running.pid)
    running.terminate()
    try:
        running.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        below += descendants(running.pid)
        running.kill()
        running.wait()
    for pid in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
