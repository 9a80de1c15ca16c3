"""The faults, and in which order a seed has them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Final

from attrs import frozen

from trial_tests.faults.node import Node
from trial_tests.faults.weather import weather
from trial_tests.faults.world import World, is_mountable

STARTING: Final = 10.0
"""seconds that a node may take in the midst of faults; one that does not make it is started again when
all is well"""
STOPPING: Final = 60.0
"""seconds that it may take to stop: clients have 3, and each part 33 at most"""
MIDST: Final = 2.0
"""seconds in which an upload should have begun, that is to be in the midst"""
FILES_EVERY: Final = 5
"""each so-manieth seed has its bodies on a disk, the others in S3"""

Act = Callable[[World], object]


@frozen
class Fault:
    """What happens, and what ends it. Both block. `kind` is what it is counted as."""

    kind: str
    name: str
    begin: Act
    end: Act


@frozen
class Strike:
    """A fault at a time: seconds since the load began, and how long it lasts."""

    at: float
    lasts: float
    fault: Fault

    def __str__(self) -> str:
        return f"{self.at:.2f} s: {self.fault.name}, for {self.lasts:.2f} s"


def has_files(seed: int) -> bool:
    """Whether bodies are files in this seed."""
    return seed % FILES_EVERY == 0


def strikes_of(seed: int) -> Sequence[Strike]:
    """What a seed does, always the same; several may be on at a time."""
    rng = Random(seed)
    count = rng.randint(2, 5)
    draw = _draw_with_files if has_files(seed) else _draw
    found = [
        Strike(rng.uniform(0.1, 1.8), rng.choice((0.1, 0.4, 0.8, 1.5)), draw(rng))
        for _ in range(count)
    ]
    return sorted(found, key=lambda strike: strike.at)


def _draw(rng: Random) -> Fault:
    """Networks fail more often than machines, and the object store takes longest to start."""
    kinds = [_network, _process_of_sora, _killed_while_uploading, _database, _store, _disk]
    return rng.choices(kinds, [12, 4, 1, 4, 1, 2])[0](rng)


def _draw_with_files(rng: Random) -> Fault:
    kinds = [_network_without_store, _process_of_sora, _database, _disk, _disk_of_bodies]
    return rng.choices(kinds, [6, 4, 4, 2, 5])[0](rng)


def _which(rng: Random) -> tuple[str, Callable[[World], Sequence[Node]]]:
    number = rng.randrange(3)
    if number == 2:
        return "both nodes", lambda world: world.nodes
    return f"node {number}", lambda world: [world.nodes[number]]


# ---------------------------------------------------------------------- networks


def _network(rng: Random) -> Fault:
    return _network_to(rng.choices(("postgres", "store", "clients", "relay"), [4, 5, 2, 1])[0], rng)


def _network_without_store(rng: Random) -> Fault:
    return _network_to(rng.choices(("postgres", "clients", "relay"), [3, 2, 1])[0], rng)


def _network_to(what: str, rng: Random) -> Fault:
    who, nodes = _which(rng)
    kind, name, act = rng.choice(weather(rng))

    def begin(world: World) -> None:
        for node in nodes(world):
            for proxy in node.links.named(what):
                act(proxy)

    def end(world: World) -> None:
        for node in nodes(world):
            for proxy in node.links.named(what):
                proxy.heal()

    to = {"postgres": "PostgreSQL", "store": "the store"}.get(what, f"the {what}")
    return Fault(f"network {kind}", f"network between {who} and {to}: {name}", begin, end)


# ---------------------------------------------------------------------- processes


def _process_of_sora(rng: Random) -> Fault:
    who, nodes = _which(rng)
    kind = rng.choices(("kill -9", "SIGTERM", "SIGSTOP"), [4, 2, 2])[0]

    def begin(world: World) -> None:
        with world.hands:
            for node in nodes(world):
                process = node.sora.process
                if process is None or process.poll() is not None:
                    continue
                if kind == "SIGSTOP":
                    process.send_signal(signal.SIGSTOP)
                    continue
                world.go_on(node)
                if kind == "kill -9":
                    node.sora.kill_sora()
                else:
                    _terminate(world, node)

    def end(world: World) -> None:
        _have_running(world, nodes(world))

    return Fault(f"{kind} of Sora", f"{kind} of {who}", begin, end)


def _terminate(world: World, node: Node) -> None:
    """G67: nothing hangs, whatever else is away meanwhile."""
    try:
        node.sora.stop(STOPPING)
    except subprocess.TimeoutExpired:
        log = node.sora.messages_of_log()[-3000:]
        world.wrongs.append(f"a node does not stop within {STOPPING:g} s after SIGTERM:\n{log}")
        node.sora.kill_sora()


def _killed_while_uploading(rng: Random) -> Fault:
    """The store is slow, and as soon as octets are on their way to it, the node is no more."""
    number = rng.randrange(2)

    def begin(world: World) -> None:
        node = world.nodes[number]
        for proxy in node.links.named("store"):
            proxy.slow(30_000)
            before = proxy.counts.to_server
            deadline = time.monotonic() + MIDST
            while proxy.counts.to_server < before + 5_000 and time.monotonic() < deadline:
                time.sleep(0.005)
        with world.hands:
            if node.is_alive:
                world.go_on(node)
                node.sora.kill_sora()

    def end(world: World) -> None:
        node = world.nodes[number]
        for proxy in node.links.named("store"):
            proxy.heal()
        _have_running(world, [node])

    name = f"kill -9 of node {number} in the midst of an upload"
    return Fault("kill -9 in the midst of an upload", name, begin, end)


def _have_running(world: World, nodes: Sequence[Node]) -> None:
    with world.hands:
        for node in nodes:
            world.go_on(node)
            if not node.is_alive:
                node.sora.spawn()
    deadline = time.monotonic() + STARTING
    for node in nodes:
        # With the database away it ends, and says so: it is started again in the end.
        while node.is_alive and not node.sora.is_ready() and time.monotonic() < deadline:
            time.sleep(0.02)


def _database(rng: Random) -> Fault:
    kind = rng.choice(
        ("kill -9", "kill -9", "stop", "SIGSTOP", "kill -9 of a backend", "end of backends")
    )

    def begin(world: World) -> None:
        with world.hands:
            if kind == "SIGSTOP":
                world.postgres.pause()
            elif not world.postgres._started or world.postgres._paused:
                return
            elif kind == "kill -9 of a backend":
                _kill_a_backend(world)
            elif kind == "end of backends":
                with suppress(Exception):  # it may be recovering
                    world.rows(_END_BACKENDS)
            else:
                world.postgres.kill() if kind == "kill -9" else world.postgres.stop()

    def end(world: World) -> None:
        with world.hands:
            world.postgres.resume()
            world.start_postgres()

    return Fault(f"{kind} of PostgreSQL", f"{kind} of PostgreSQL", begin, end)


_BACKENDS: Final = """
SELECT pid FROM pg_stat_activity WHERE datname = 'sora' AND pid <> pg_backend_pid()
ORDER BY (state = 'active') DESC, pid LIMIT 1
"""
_END_BACKENDS: Final = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = 'sora' AND pid <> pg_backend_pid() AND pid % 2 = 0
"""


def _kill_a_backend(world: World) -> None:
    """One that works, if there is one. All others end with it, and the server recovers by itself."""
    with suppress(Exception):  # it may be recovering
        for (pid,) in world.rows(_BACKENDS):
            os.kill(pid, signal.SIGKILL)


def _store(rng: Random) -> Fault:
    kind = rng.choice((signal.SIGKILL, signal.SIGSTOP))

    def begin(world: World) -> None:
        with world.hands:
            process = None if world.store is None else world.store._process
            if process is not None:
                process.send_signal(kind)
                if kind is signal.SIGKILL:
                    process.wait()

    def end(world: World) -> None:
        with world.hands:
            if world.store is not None:
                if world.store._process is not None:
                    world.store._process.send_signal(signal.SIGCONT)
                world.store.start()

    return Fault(f"{kind.name} of SeaweedFS", f"{kind.name} of SeaweedFS", begin, end)


# ---------------------------------------------------------------------- disks


def _disk(rng: Random) -> Fault:
    who, nodes = _which(rng)

    def begin(world: World) -> None:
        for node in nodes(world):
            if is_mountable():
                node.disk.fill()

    def end(world: World) -> None:
        for node in nodes(world):
            with suppress(FileNotFoundError):
                node.disk.free()

    return Fault("full disk of a node", f"the disk of {who} is full", begin, end)


def _disk_of_bodies(rng: Random) -> Fault:
    def begin(world: World) -> None:
        if world.bodies is not None and is_mountable():
            world.bodies.fill()

    def end(world: World) -> None:
        if world.bodies is not None:
            with suppress(FileNotFoundError):
                world.bodies.free()

    return Fault("full disk of bodies", "the disk of bodies is full", begin, end)
