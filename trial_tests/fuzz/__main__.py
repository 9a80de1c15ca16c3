"""Fuzzing for as long as one likes.

    python -m trial_tests.fuzz --seconds 3600 [--target reader|scanner|mime|session|
        managesieve-reader|managesieve|pop3-reader|pop3|sieve|sieve-run|sieve-regex|all] [--seed N] [--engine atheris] [--artifacts DIRECTORY]

Inputs are mutations of what the tests of the protocol say. With `--engine atheris` (from PyPI, by
hand: `pip install atheris`) new code that is reached guides them. What fails is written to the
directory, and the exit code is 1. Time for each octet is reported, not judged; memory is judged,
by tracemalloc, for one run in some hundred.
"""

import argparse
import resource
import signal
import sys
import time
import traceback
import tracemalloc
from hashlib import sha256
from pathlib import Path
from random import Random
from types import FrameType

STUCK = 60
"""seconds after which a run is taken to have no end"""


class _Stuck(BaseException):
    pass


def _stuck(signal_number: int, frame: FrameType | None) -> None:
    raise _Stuck


def fuzz(name: str, seconds: float, seed: int, artifacts: Path) -> bool:
    """Mutate and run; gives whether nothing was wrong."""
    from trial_tests.fuzz.mutate import mutated
    from trial_tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    inputs, known = list(target.corpus()), target.words()
    random = Random(seed)
    signal.signal(signal.SIGALRM, _stuck)
    began = time.monotonic()
    runs = failures = 0
    slowest = (0.0, b"")
    most = 0
    while time.monotonic() - began < seconds:
        data = mutated(random, inputs, known, target.limit)
        traced = runs % 300 == 299
        signal.alarm(STUCK)
        if traced:
            tracemalloc.start()
        started = time.process_time()
        try:
            target.run(data)
        except (Exception, _Stuck) as error:  # noqa: BLE001 - whatever is wrong is reported
            failures += 1
            _report(name, data, error, artifacts)
        spent = time.process_time() - started
        signal.alarm(0)
        if traced:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            most = max(most, peak)
            if peak > len(data) * target.octets_of_memory + target.memory_beside:
                failures += 1
                _report(name, data, MemoryError(f"{peak} octets for {len(data)}"), artifacts)
        elif spent / (len(data) + 500) > slowest[0]:
            slowest = (spent / (len(data) + 500), data)
        runs += 1
    spent = time.monotonic() - began
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name}: {runs} runs in {spent:.0f} s, {failures} failures; slowest "
        f"{slowest[0] * 1e6:.1f} µs for each octet (of {len(slowest[1])} and 500); "
        f"most memory of a run {most // 1000} kB, of the process {resident} MB",
        flush=True,
    )
    return not failures


def _report(name: str, data: bytes, error: BaseException, artifacts: Path) -> None:
    artifacts.mkdir(parents=True, exist_ok=True)
    path = artifacts / f"{name}-{sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    print(f"{path}: {type(error).__name__}: {str(error)[-1500:]}", flush=True)
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    print("".join(traceback.format_list(frames)), flush=True)


def fuzz_guided(name: str, seconds: float, seed: int, artifacts: Path) -> None:
    """The same with atheris, which ends the process."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=["sora.mail", "sora.protocols"]):
        from trial_tests.fuzz.corpus import PIECES
        from trial_tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    place = artifacts / f"{name}-corpus"
    place.mkdir(parents=True, exist_ok=True)
    for one in target.corpus():
        (place / sha256(one).hexdigest()[:16]).write_bytes(one[: target.limit])
    dictionary = artifacts / f"{name}.dict"
    entries = [*PIECES, *target.words()] if name != "mime" else PIECES
    dictionary.write_text(
        "".join('"' + "".join(f"\\x{octet:02x}" for octet in one) + '"\n' for one in entries)
    )
    options = [
        sys.argv[0],
        f"-max_total_time={int(seconds)}",
        f"-max_len={target.limit}",
        f"-timeout={STUCK}",
        "-rss_limit_mb=2500",
        f"-seed={seed}",
        f"-dict={dictionary}",
        f"-artifact_prefix={artifacts}/{name}-",
        "-print_final_stats=1",
        str(place),
    ]
    atheris.Setup(options, target.run)
    atheris.Fuzz()


def main() -> int:
    """See above."""
    names = ["reader", "scanner", "mime", "session", "managesieve-reader", "managesieve"]
    names += ["lmtp-reader", "lmtp", "pop3-reader", "pop3", "sieve", "sieve-run", "sieve-regex"]
    options = argparse.ArgumentParser(prog="python -m trial_tests.fuzz")
    options.add_argument("--seconds", type=float, default=60, help="for each target")
    options.add_argument("--target", choices=[*names, "all"], default="all")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--engine", choices=["mutations", "atheris"], default="mutations")
    options.add_argument("--artifacts", type=Path, default=Path("fuzz-artifacts"))
    given = options.parse_args()
    if given.engine == "atheris":
        if given.target == "all":
            options.error("atheris takes one target")
        fuzz_guided(given.target, given.seconds, given.seed, given.artifacts)
    chosen = names if given.target == "all" else [given.target]
    passed = [fuzz(name, given.seconds, given.seed, given.artifacts) for name in chosen]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
