"""How many messages a second the MIME reader takes in: `python bench/mime.py`.

Each row is the best of several rounds of `sora.mail.facts.derive`, which is all the work with a
message's contents that a delivery does.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sora.mail.facts import derive
from sora.mail.section import Section, locate, render
from trial_tests.support.messages import (
    attachment_message,
    plain_message,
    sample_messages,
    wide_message,
)

ROUNDS = 5
SECONDS = 0.3


def best(work: Callable[[], object]) -> float:
    """Seconds of one call, in the best of several rounds."""
    started = perf_counter()
    work()
    count = max(1, int(SECONDS / max(perf_counter() - started, 1e-6)))
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        for _ in range(count):
            work()
        times.append((perf_counter() - started) / count)
    return min(times)


def main() -> None:
    """Print the table."""
    messages = {
        "plain text, 4 KB": plain_message(4096),
        "multipart/alternative": sample_messages(3, 1)[2],
        "attachment, 1 MB": attachment_message(1 << 20),
        "10,000 parts": wide_message(10_000),
    }
    print(f"{'':24}{'octets':>10}{'ms each':>12}{'a second':>12}")
    for name, message in messages.items():
        row(name, len(message), best(partial(derive, message)))
    found = derive(messages["attachment, 1 MB"])
    fields = Section((), "HEADER.FIELDS", ("From", "To", "Cc", "Subject", "Date", "Message-ID"))
    header, parts = found.header, found.parts
    row("HEADER.FIELDS", len(header), best(partial(render, fields, b"", header, parts, None)))
    row("locate BODY[2]", len(parts), best(partial(locate, Section((2,)), parts)))


def row(name: str, octets: int, seconds: float) -> None:
    """Print a line of the table."""
    print(f"{name:24}{octets:>10}{seconds * 1000:>12.3f}{1 / seconds:>12.0f}")


if __name__ == "__main__":
    main()
