"""Run a command with one PostgreSQL for all of its tests.

    python -m trial_tests.support.run_postgres -- trial -j 4 trial_tests

Starts a server in a temporary directory, runs the command with `SORA_TEST_POSTGRES` set, stops
the server, removes the directory, and exits as the command did. A server that the variable names
already is used as it is.
"""

import os
import shutil
import signal
import subprocess
import sys

from trial_tests.support.postgres import VARIABLE, server_for_tests


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    if os.environ.get(VARIABLE):
        return subprocess.run(command).returncode
    server = server_for_tests(connections=400)
    try:
        server.start()
        environment = {**os.environ, VARIABLE: str(server.socket)}
        running = subprocess.Popen(command, env=environment)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda given, _: running.send_signal(given))
        return running.wait()
    finally:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
