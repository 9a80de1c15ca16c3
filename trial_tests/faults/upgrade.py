"""An old version and this one side by side, on one database and one store, under load.

    python -m trial_tests.faults.upgrade COMMIT

COMMIT is what runs on the first node, from a copy of its files. It starts on an empty database, at its
own schema. Then this version starts on the second node, and migrates; both serve; the old one is ended,
comes back on the new schema, and serves alone. Nothing may be lost or double, nobody may be refused, and
sessions on either node see what happened on the other. Whatever is wrong, and all that either node says
in its log above `info`, is printed; the exit code is 1 then. It takes a minute and a half.
"""

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from attrs import define, field

from trial_tests.faults.checks import check_objects, check_rows
from trial_tests.faults.ledger import Ledger
from trial_tests.faults.load import PASSWORD, Client, Deliverer, Drainer, Reader, Work
from trial_tests.faults.node import Node
from trial_tests.faults.quiet import wait_until_quiet
from trial_tests.faults.reading import read_all
from trial_tests.faults.wires import Imap
from trial_tests.faults.world import FORWARDER, World

ALONE: Final = 4.0
"""seconds of load on one version"""
TOGETHER: Final = 10.0
"""seconds of load on both"""
SEEN_WITHIN: Final = 6.0
"""seconds: a round of the poll, and a heartbeat of who believed to be alone"""
_QUIET: Final = ("health: logins", "a newer version has changed the schema")
"""what may be said: this machine is busy, and the way back is told once"""


@define(eq=False)
class UpgradeWorld(World):
    """The first node runs what is in the directory `old`."""

    old: Path = field(factory=Path)

    def start(self) -> None:
        """Start what nodes stand on, and the first of them."""
        self.postgres.directory.mkdir()
        self.postgres.start()
        self.sink.start()
        assert self.store is not None
        self.store.start()
        self.old = self.directory / "old"
        for number in range(2):
            self.nodes.append(self._node(number))
        self.nodes[0].sora.environment["PYTHONPATH"] = str(self.old)

    def begin(self, commit: str, accounts: Sequence[str]) -> None:
        """Unpack the old version, start it, and make accounts with it."""
        packed = subprocess.run(["git", "archive", commit], check=True, capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(self.old, filter="data")
        self.nodes[0].sora.spawn()
        self.wait_ready(self.nodes[0])
        self.database_id = str(self.postgres.value("SELECT database_id FROM sora", "sora"))
        for name in accounts:
            self.make_with_old(name)

    def make_with_old(self, name: str) -> None:
        """An account, by the command line of the old version."""
        twistd = str(Path(sys.executable).parent / "twistd")
        words = ["accounts", "create", "--email", name, "--password", PASSWORD]
        done = subprocess.run(
            [twistd, "sora-admin", *words, "--config", str(self.nodes[0].sora.file)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(self.old)},
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def start_node(self, node: Node) -> None:
        """Start a node, and wait until it serves."""
        node.sora.spawn()
        self.wait_ready(node)

    def schema(self) -> int:
        """The last migration."""
        return int(self.rows("SELECT max(version) FROM migrations")[0][0])


async def upgrade(world: UpgradeWorld, commit: str) -> list[str]:
    """Do it; gives what was wrong."""
    mark = f"{time.time_ns():x}"
    accounts = [f"{name}-{mark}@faults.example" for name in ("ann", "bob", "pop", "eve")]
    *busy, eve = accounts
    await world.do(world.begin, commit, accounts)
    old, new = world.nodes
    print(f"the old version is ready, at migration {world.schema():04}")
    work = Work(Ledger(), f"u{mark}")
    tasks = [asyncio.ensure_future(one.run()) for one in _clients(old, work, busy, 0)]
    await asyncio.sleep(ALONE)
    await world.do(world.start_node, new)
    print(f"this version is ready, at migration {world.schema():04}")
    tasks += [asyncio.ensure_future(one.run()) for one in _clients(new, work, busy, 1)]
    wrongs = [*await _seen(old, new, eve), *await _seen(new, old, eve)]
    await asyncio.sleep(TOGETHER)
    await world.do(old.sora.stop)
    await asyncio.sleep(ALONE)
    await world.do(world.start_node, old)
    print("the old version is back, on the new schema")
    await world.do(new.sora.stop)
    await asyncio.sleep(ALONE)
    await world.do(world.start_node, new)
    work.stopping = True
    await asyncio.gather(*tasks)
    print(f"{sum(work.counts.values())} operations, {work.ledger.acknowledged()} letters")
    wrongs += await world.do(wait_until_quiet, world)
    for node in world.nodes:
        found, unread = await read_all(node, busy)
        wrongs += [*unread, *work.ledger.check(found)]
        wrongs += _said(node)
    wrongs += await world.do(check_rows, world)
    return [*wrongs, *await world.do(check_objects, world)]


def _clients(node: Node, work: Work, accounts: Sequence[str], number: int) -> list[Client]:
    ann, bob, pop = accounts
    front = node.links.front
    rng = Random(number)

    def own() -> Random:
        return Random(rng.getrandbits(64))

    lmtp = front["lmtp"].port
    return [
        Deliverer(work, lmtp, "", own(), recipients=list(accounts), forwarder=FORWARDER),
        Reader(work, front["imap"].port, ann, own(), number, 2),
        Reader(work, front["imap"].port, bob, own(), number, 2),
        Drainer(work, front["pop3"].port, pop, own()),
    ]


async def _seen(doing: Node, watching: Node, account: str) -> list[str]:
    """What is done on one node, and not seen in IDLE on the other."""
    does, sees = await _session(doing, account), await _session(watching, account)
    text = b"Subject: seen\r\n\r\nby the other\r\n"

    async def append() -> None:
        await does.ask(b"APPEND INBOX {%d+}\r\n%s" % (len(text), text))

    async def flag() -> None:
        await does.ask(b"STORE 1 +FLAGS (\\Flagged \\Deleted)")

    async def expunge() -> None:
        await does.ask(b"EXPUNGE")

    missing = [
        f"{what} on one node is not seen on the other"
        for what, act in (("EXISTS", append), ("FETCH", flag), ("EXPUNGE", expunge))
        if not await _idle(sees, what.encode(), act)
    ]
    await does.leave()
    await sees.leave()
    return missing


async def _session(node: Node, account: str) -> Imap:
    wire = await Imap.open(node.sora.imap)
    await wire.greeted()
    await wire.ask(f"LOGIN {account} {PASSWORD}".encode())
    await wire.ask(b"SELECT INBOX")
    return wire


async def _idle(wire: Imap, wanted: bytes, act: Callable[[], Awaitable[None]]) -> bool:
    """Whether IDLE tells of it in time."""
    await wire.send(b"i IDLE\r\n")
    await wire.line()
    await act()
    deadline = time.monotonic() + SEEN_WITHIN
    seen = False
    while not seen and time.monotonic() < deadline:
        try:
            seen = wanted in await asyncio.wait_for(wire.line(), deadline - time.monotonic())
        except TimeoutError:
            break
    await wire.send(b"DONE\r\n")
    while not (await wire.line()).startswith(b"i OK"):
        pass
    return seen


def _said(node: Node) -> list[str]:
    lines = [json.loads(line) for line in node.sora.messages_of_log().splitlines()]
    return [
        f"{node.sora.directory.name} says: {one['message']}"
        for one in lines
        if one["level"] not in ("debug", "info")
        and not any(each in one["message"] for each in _QUIET)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    options = parser.parse_args()
    weed = str(Path(sys.executable).parent / "weed")
    world = UpgradeWorld.create(weed)
    assert isinstance(world, UpgradeWorld)
    try:
        wrongs = asyncio.run(upgrade(world, options.commit))
    finally:
        world.remove()
    print(*wrongs, sep="\n")
    print(f"{options.commit}: {'FAILED' if wrongs else 'ok'}")
    return bool(wrongs)


if __name__ == "__main__":
    raise SystemExit(main())
