"""The faults, and in which order a seed has them."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Final

from attrs import frozen

from trial_tests.faults.world import Node, World
from trial_tests.support.tcp_proxy import Direction, TcpProxy

STARTING: Final = 10.0
"""seconds that a node may take in the midst of faults; one that does not make it is started again when
all is well"""

Act = Callable[[World], object]


@frozen
class Fault:
    """What happens, and what ends it. Both block."""

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


def strikes_of(seed: int) -> Sequence[Strike]:
    """What a seed does, always the same; several may be on at a time."""
    rng = Random(seed)
    count = rng.randint(2, 5)
    found = [
        Strike(rng.uniform(0.1, 1.8), rng.choice((0.1, 0.4, 0.8, 1.5)), _draw(rng))
        for _ in range(count)
    ]
    return sorted(found, key=lambda strike: strike.at)


def _draw(rng: Random) -> Fault:
    """Networks fail more often than machines, and the object store takes longest to start."""
    draw = rng.choices([_network, _process_of_sora, _database, _store, _disk], [12, 4, 4, 1, 2])[0]
    return draw(rng)


def _which(rng: Random) -> tuple[str, Callable[[World], Sequence[Node]]]:
    number = rng.randrange(3)
    if number == 2:
        return "both nodes", lambda world: world.nodes
    return f"node {number}", lambda world: [world.nodes[number]]


def _network(rng: Random) -> Fault:
    who, nodes = _which(rng)
    what = rng.choice(("postgres", "store"))
    kind, act = rng.choice(_weather(rng))

    def begin(world: World) -> None:
        for node in nodes(world):
            act(getattr(node, what))

    def end(world: World) -> None:
        for node in nodes(world):
            getattr(node, what).heal()

    return Fault(f"network between {who} and the {what}: {kind}", begin, end)


def _weather(rng: Random) -> Sequence[tuple[str, Callable[[TcpProxy], object]]]:
    octets = rng.choice((0, 1, 700, 5_000, 60_000, 400_000))
    direction = rng.choice(list(Direction))
    rate = rng.choice((3_000, 50_000, 400_000))

    def away(proxy: TcpProxy) -> None:
        proxy.refuse()
        proxy.cut()

    return [
        ("refused", lambda proxy: proxy.refuse()),
        ("refused, and all is cut", away),
        ("paused", lambda proxy: proxy.pause()),
        ("swallowed", lambda proxy: proxy.black_hole()),
        (f"{rate} octets a second", lambda proxy: proxy.slow(rate, 0.02)),
        ("cut", lambda proxy: proxy.cut()),
        (
            f"cut after {octets} octets {direction.value}",
            lambda proxy: proxy.cut_after(octets, direction),
        ),
    ]


def _process_of_sora(rng: Random) -> Fault:
    who, nodes = _which(rng)
    is_clean = rng.random() < 0.25

    def begin(world: World) -> None:
        with world.hands:
            for node in nodes(world):
                if node.is_alive and is_clean:
                    node.sora.stop()
                elif node.is_alive:
                    node.sora.kill_sora()

    def end(world: World) -> None:
        with world.hands:
            for node in nodes(world):
                if not node.is_alive:
                    node.sora.spawn()
        deadline = time.monotonic() + STARTING
        for node in nodes(world):
            # With the database away it ends, and says so: it is started again in the end.
            while node.is_alive and not node.sora.is_ready() and time.monotonic() < deadline:
                time.sleep(0.02)

    return Fault(f"{'SIGTERM' if is_clean else 'kill -9'} of {who}", begin, end)


def _database(rng: Random) -> Fault:
    kind = rng.choice(("kill -9", "kill -9", "stop", "SIGSTOP"))

    def begin(world: World) -> None:
        with world.hands:
            if kind == "SIGSTOP":
                world.postgres.pause()
            elif world.postgres._started:
                world.postgres.kill() if kind == "kill -9" else world.postgres.stop()

    def end(world: World) -> None:
        with world.hands:
            world.postgres.resume()
            world.start_postgres()

    return Fault(f"{kind} of PostgreSQL", begin, end)


def _store(rng: Random) -> Fault:
    kind = rng.choice((signal.SIGKILL, signal.SIGSTOP))

    def begin(world: World) -> None:
        with world.hands:
            process = world.store._process
            if process is not None:
                process.send_signal(kind)
                if kind is signal.SIGKILL:
                    process.wait()

    def end(world: World) -> None:
        with world.hands:
            process = world.store._process
            if process is not None:
                process.send_signal(signal.SIGCONT)
            world.store.start()

    return Fault(f"{kind.name} of SeaweedFS", begin, end)


def _disk(rng: Random) -> Fault:
    who, nodes = _which(rng)

    def begin(world: World) -> None:
        for node in nodes(world):
            node.disk.fill()

    def end(world: World) -> None:
        for node in nodes(world):
            with suppress(FileNotFoundError):
                node.disk.free()

    return Fault(f"the disk of {who} is full", begin, end)
