"""Faults, for as long as one likes.

    ./dev faults [--seed N] [--count M] [--minutes T] [--jobs J] [--keep DIRECTORY] [--show]

Runs seeds N, N+1, … until M have run or T minutes are over, J at a time on servers of their own, and
prints a line for each. One that fails prints its faults in their order and what is wrong, with what
the ledger knows of each message; the exit code is 1, and the logs of the servers are kept.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

from trial_tests.faults.plan import strikes_of
from trial_tests.faults.seeds import Tally, run_seeds
from trial_tests.faults.world import is_mountable


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what the seeds would do")
    parser.add_argument("--keep", type=Path, help="where the logs of a failure go")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.minutes and options.count == 1:
        seeds = range(options.seed, options.seed + 1_000)
    if options.show:
        for seed in seeds:
            print(f"seed {seed}", *strikes_of(seed), sep="\n  ")
        return 0
    if not is_mountable():
        print("disks are never full here: only the superuser may mount small ones")
    begun = time.monotonic()
    end = begun + (options.minutes * 60 or float("inf"))
    tally = run_seeds(seeds, options.jobs, end, options.keep)
    print(_figures(tally, time.monotonic() - begun))
    return bool(tally.failed)


_DONE = ("OK", "+OK", "250")
"""what an operation is answered with that was done"""


def _figures(tally: Tally, seconds: float) -> str:
    done = sum(count for name, count in tally.counts.items() if name.split()[-1] in _DONE)
    return (
        f"operations: {_listed(tally.counts)}\nfaults: {_listed(tally.faults)}\n"
        f"{tally.counts.total()} operations, {done} of them acknowledged, {tally.acknowledged} letters"
        f" that had to be there, {tally.faults.total()} faults, {seconds:.0f} s\n"
        f"seeds: {tally.passed} passed, {len(tally.failed)} failed"
        + (f": {', '.join(map(str, tally.failed))}" if tally.failed else "")
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    raise SystemExit(main())
