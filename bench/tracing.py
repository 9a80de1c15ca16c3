"""What traces cost, in the processor's time: `python -m bench.tracing`. Without a server."""

import time
from collections.abc import Callable
from random import Random

from sora.collector.otlp import encoded
from sora.tracing.commands import CommandTraces, InHand
from sora.tracing.spans import Trace, begin, entered
from sora.tracing.tracer import Tracer

STATEMENTS = 3


def cost(work: Callable[[int], object], times: int = 20_000) -> float:
    """Microseconds of one, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        work(times)
        best = min(best, time.thread_time() - began)
    return best / times * 1e6


def leaves(times: int) -> None:
    """A span that is nobody's."""
    for _ in range(times):
        begin("postgresql", "deliver")


def blocks(times: int) -> None:
    """The same around a block."""
    for _ in range(times):
        with entered("s3", "get"):
            pass


def commands(in_hand: InHand, statements: int) -> Callable[[int], None]:
    """Commands that send statements, as far as traces see them."""

    def work(times: int) -> None:
        for _ in range(times):
            in_hand.begin()
            for _ in range(statements):
                span = begin("postgresql", "columns")
                if span is not None:
                    span.facts["db.operation.name"] = "columns"
                    span.facts["sora.role"] = "primary"
                    span.end()
            in_hand.end("fetch", "ok", 0.001)

    return work


def traced(export: Callable[[Trace], None], ratio: float) -> InHand:
    """A conversation that is traced."""
    tracer = Tracer(export, seconds=time.time, random=Random(1), ratio=ratio, slower_than=1.0)
    return InHand(CommandTraces(tracer, "imap", "imap"), "0123456789ab")


def main() -> None:
    """Print a table."""
    kept: list[Trace] = []
    commands(traced(kept.append, 1.0), STATEMENTS)(2000)

    def encode(times: int) -> None:
        for start in range(0, times, 100):
            encoded(kept[start : start + 100], {"service.name": "sora"})

    dropped = commands(traced(lambda _: None, 0.0), STATEMENTS)
    for what, microseconds in (
        ("off: a span", cost(leaves)),
        ("off: a span around a block", cost(blocks)),
        ("off: a command", cost(commands(InHand(None), 0))),
        (f"on: a command with {STATEMENTS} statements, thrown away", cost(dropped)),
        ("on: encoding it, in the thread", cost(encode, 2000)),
    ):
        print(f"| {what} | {microseconds:.2f} µs |")


if __name__ == "__main__":
    main()
