"""A process that runs an embedded PostgreSQL until it is killed; for tests that kill it.

    python -m trial_tests.support.hold_postgres DIRECTORY

Prints `ready PID` when it answers.
"""

import sys
import time
from pathlib import Path

from sora.app.postgres_server import PostgresServer

if __name__ == "__main__":
    held = PostgresServer(Path(sys.argv[1]))
    held.start()
    print(f"ready {held.pid}", flush=True)
    while True:
        time.sleep(3600)
