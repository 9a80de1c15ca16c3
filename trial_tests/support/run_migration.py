"""A process of its own that migrates a database, for tests that kill it.

Reads one JSON object: host, database, lease (seconds), migrations ([version, name, sql], or null
for the project's own). Prints each step, and `applied [versions]` at the end.
"""

import json
import sys
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from sora.storage.postgres.connection import Server, connect
from sora.storage.postgres.migrate import Migration, Pace, migrate


def main(_: object) -> "Deferred[None]":
    wanted = json.loads(sys.stdin.read())
    server = Server(host=wanted["host"], database=wanted["database"], user="sora")
    given = wanted["migrations"]
    migrations = None if given is None else [Migration(*each) for each in given]

    async def work() -> None:
        applied = await migrate(
            lambda: connect(server, reactor, reactor),  # type: ignore[arg-type]
            reactor,  # type: ignore[arg-type]
            uuid4(),
            lambda step: print(step, flush=True),
            migrations=migrations,
            pace=Pace(lease=wanted["lease"], poll=0.02),
        )
        print(f"applied {applied}", flush=True)

    return Deferred.fromCoroutine(work())


if __name__ == "__main__":
    react(main)
