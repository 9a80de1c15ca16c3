"""`./dev bench`: the workloads, against Sora and Dovecot in turn, as a table of ratios.

Each round runs each workload on each server, alternating, so that a machine that slows down
slows both. The table has the median of the rounds; a ratio above 1 means that Sora is
ahead. Rows that happen once by nature ("first") are taken from the first round.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench import scaled, sieve
from bench.client import Unexpected
from bench.large import LARGE, fill_large
from bench.mail import lmtp
from bench.servers import Dovecot, Server, Sora
from bench.workloads import ALL, Size, fill


def main() -> int:
    """Run, and print the table."""
    options = arguments()
    if options.sieve:
        return sieve.main()
    if options.scale:
        return scaled.main(
            options.scale, options.accounts, options.rounds, options.keep, options.kept
        )
    size = (
        Size(mailbox=500, deliveries=100, singles=50, idle_sessions=20) if options.quick else Size()
    )
    every = (*ALL, lmtp, *LARGE) if options.large else (*ALL, lmtp)
    chosen = [w for w in every if not options.only or w.__name__ in options.only]
    directory = Path(tempfile.mkdtemp(prefix="sora-bench-"))
    directory.chmod(0o755)
    servers: list[Server] = []
    try:
        servers.append(Sora(directory))
        if shutil.which("dovecot") and not options.alone:
            servers.append(Dovecot(directory, options.dovecot_format))
        if options.large:
            for server in servers:
                say(f"filling {server.name} with {options.large} messages more")
                fill_large(server, options.large)
        figures = measure(servers, size, chosen, options.rounds)
        print_table(figures, [server.name for server in servers])
    finally:
        for server in servers:
            server.stop()
        if options.keep:
            print(f"kept: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small mailbox, to try it out")
    parser.add_argument(
        "--large", type=int, default=0, metavar="N", help="another mailbox, of N messages"
    )
    parser.add_argument("--sieve", action="store_true", help="Sieve scripts per second, alone")
    parser.add_argument(
        "--scale",
        type=int,
        default=0,
        metavar="N",
        help="Sora alone: ten thousand messages beside N in many accounts",
    )
    parser.add_argument("--accounts", type=int, default=10_000, help="how many, with --scale")
    parser.add_argument(
        "--kept", type=Path, metavar="DIRECTORY", help="with --scale: what --keep has kept"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="only Sora")
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="WORKLOAD",
        help=" ".join(w.__name__ for w in (*ALL, lmtp, *LARGE)),
    )
    parser.add_argument(
        "--dovecot-format", default="maildir", choices=("maildir", "sdbox", "mdbox")
    )
    parser.add_argument("--keep", action="store_true", help="keep the directory and its logs")
    return parser.parse_args()


def measure(servers, size, chosen, rounds):
    """{row: {server: [figure of each round]}}, in the order of the workloads."""
    figures = defaultdict(lambda: defaultdict(list))
    for server in servers:
        say(f"filling {server.name} with {size.mailbox} messages")
        fill(server, size.mailbox)
    for number in range(rounds):
        for workload in chosen:
            order = servers if number % 2 == 0 else servers[::-1]
            for server in order:
                say(f"round {number + 1}: {workload.__name__} on {server.name}")
                try:
                    rows = workload(server, size)
                except (Unexpected, OSError) as failure:
                    say(f"{workload.__name__} failed on {server.name}: {failure}")
                    continue
                for row, figure in rows:
                    figures[row][server.name].append(figure)
    return figures


def print_table(figures, names, meaning="above 1: Sora is ahead"):
    """Markdown, as it stands in docs/performance.md; `meaning` is the ratio's."""
    cores = os.cpu_count()
    print(f"\n{cores} cores; medians; ratio {meaning}\n")
    print("| workload | " + " | ".join(names) + (" | ratio |" if len(names) > 1 else " |"))
    print("| --- |" + " ---: |" * (len(names) + (len(names) > 1)))
    for row, by_server in figures.items():
        if len(by_server) < len(names):
            print(f"| {row} | failed, see above |")
            continue
        medians = [
            by_server[name][0] if row.endswith("first") else statistics.median(by_server[name])
            for name in names
        ]
        cells = [text(row, figure) for figure in medians]
        if len(names) > 1:
            cells.append(f"{medians[1] / medians[0]:.2f}" if medians[0] else "—")
        print(f"| {row} | " + " | ".join(cells) + " |")


def text(row: str, figure: float) -> str:
    """A figure with its unit."""
    if not figure:
        return "not after it"
    if row.startswith(("memory", "WAL")):
        return f"{figure / 1024:.0f} KiB"
    if figure < 0.001:
        return f"{figure * 1e6:.0f} µs"
    return f"{figure * 1000:.2f} ms"


def say(line: str) -> None:
    """Progress, beside the table."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
