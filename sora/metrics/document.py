"""Writes `docs/metrics.md` from the classes: `python -m sora.metrics.document`, with `--check` as
`sora.config.document` has it."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from sora.documents import write_or_compare
from sora.metrics.authentication import AuthenticationMetrics, PacingMetrics, ThrottleMetrics
from sora.metrics.bodies import CacheMetrics, ObjectMetrics, UploadMetrics
from sora.metrics.cleaning import CleaningMetrics
from sora.metrics.connections import ConnectionMetrics
from sora.metrics.database import DatabaseMetrics
from sora.metrics.doorbell import DoorbellMetrics
from sora.metrics.health import HealthMetrics
from sora.metrics.imap import IdleMetrics
from sora.metrics.integrity import IntegrityMetrics
from sora.metrics.inventory import InventoryMetrics
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.memory import MemoryMetrics, SessionMemoryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.older import DIFFERENT, SAME
from sora.metrics.process import ProcessMetrics
from sora.metrics.protocol import CommandMetrics
from sora.metrics.relay import RelayMetrics
from sora.metrics.sieve import SieveMetrics
from sora.metrics.surroundings import CertificateMetrics, DiskMetrics
from sora.metrics.tracing import TracingMetrics

MANUAL: Final = Path("docs/metrics.md")

FAMILIES: Final[tuple[tuple[str, tuple[Callable[[CollectorRegistry], object], ...]], ...]] = (
    (
        "Connections and authentication",
        (ConnectionMetrics, AuthenticationMetrics, ThrottleMetrics, PacingMetrics),
    ),
    ("Database", (DatabaseMetrics, InventoryMetrics)),
    ("Storage", (ObjectMetrics, IntegrityMetrics)),
    ("Cache", (CacheMetrics,)),
    (
        "Protocols",
        (
            CommandMetrics,
            MessageMetrics,
            IdleMetrics,
            DeliveryMetrics,
            SieveMetrics,
            ScriptMetrics,
            DoorbellMetrics,
        ),
    ),
    ("Workers", (UploadMetrics, CleaningMetrics, RelayMetrics)),
    ("Health", (HealthMetrics, CertificateMetrics, DiskMetrics, ProcessMetrics, TracingMetrics)),
    ("Memory", (MemoryMetrics, SessionMemoryMetrics)),
)
"""all metrics of a process, by what they are about"""

_HEAD = """\
# Metrics

<!-- Written by python -m sora.metrics.document; change the classes in sora/metrics instead. -->

A server of type `http_api` has them at `/metrics`, in the text format of Prometheus. They are
those of one process. It is answered to the addresses of `allowed_hosts`, and where `metrics_key`
says so only to who shows a key.

| file | what it is |
| --- | --- |
| `etc/prometheus.yml` | how Prometheus scrapes Sora, and takes the rules |
| `etc/prometheus-rules.yml` | alerts; [alerts.md](alerts.md) is what to do then |
| `etc/grafana-dashboard.json` | a dashboard for Grafana |

Counters only rise, and begin with 0 at each start: ask for `rate(…)`. Labels have few values
each: never an address, a user or a text of a client's. A histogram `x` has `x_bucket`,
`x_count` and `x_sum`. What is not there yet has not been counted yet. A reload (SIGHUP) begins
nothing anew. Counting costs one to three microseconds for a command or a message, and a
scrape some ten milliseconds with 10,000 connections.

On several nodes, and in several processes of a node, each counts what it does itself: `sum`
them. Some numbers are of what all share, and the same everywhere: take the `max` of
`sora_accounts_total`, `sora_mailboxes_total`, `sora_queue_depth`,
`sora_queue_processing_lag_seconds`, `sora_cleaner_waiting`, `sora_cleaner_oldest_seconds`,
`sora_integrity_oldest_unverified_seconds` and `sora_integrity_damaged_objects`. The relay's queue
is one of each node.
"""

_OLDER = """\
## Names of the older server

Whoever comes from the server that Sora succeeds finds most names again, and these are different.
`untyped` are numbers that go up and down but have a name that ends with `_total`; Prometheus warns
of a gauge of such a name.

| there | here |
| --- | --- |
"""

_PROCESS = """\
Besides, the metrics of every Python process: `process_resident_memory_bytes`,
`process_open_fds` and `process_max_fds`, `process_cpu_seconds_total`,
`process_start_time_seconds`, `python_gc_*`, `python_info`.
"""


class _Recording(CollectorRegistry):
    """A registry that remembers its collectors in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Collector] = []

    def register(self, collector: Collector) -> None:
        """One more."""
        self.found.append(collector)
        super().register(collector)


def rows_of(kinds: Sequence[Callable[[CollectorRegistry], object]]) -> list[tuple[str, ...]]:
    """Name, type, labels and meaning of each metric that these classes make."""
    registry = _Recording()
    for kind in kinds:
        kind(registry)
    return [_row(one) for one in registry.found if isinstance(one, MetricWrapperBase)]


def _row(metric: Any) -> tuple[str, ...]:
    (described,) = metric.describe()
    name = described.name + ("_total" if described.type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    kind = "untyped" if described.type == "unknown" else described.type
    return f"`{name}`", kind, labels, described.documentation


def manual() -> str:
    """The text of `docs/metrics.md`."""
    parts = [_HEAD]
    for title, kinds in FAMILIES:
        lines = [f"## {title}", ""]
        lines += [text for kind in kinds if (text := _about(kind))]
        lines += ["", "| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(row)} |" for row in rows_of(kinds)]
        parts.append("\n".join(lines) + "\n")
    older = [f"| {there} | {here} |\n" for there, here in DIFFERENT]
    same = ", ".join(f"`{name}`" for name in SAME)
    parts += [_PROCESS, _OLDER + "".join(older), f"The same name is that of {same}.\n"]
    return "\n".join(parts)


def _about(kind: Any) -> str:
    """What a class says of its labels."""
    text = " ".join((kind.__doc__ or "").split())
    found = re.search(r"Labels are bounded: (.*)", text) or re.search(r"(`\w+` is .*)", text)
    return found.group(1)[:1].upper() + found.group(1)[1:] if found else ""


def main(arguments: list[str], root: Path) -> int:
    """Write the file below `root`, or compare it. Gives the exit code."""
    files = {MANUAL: manual()}
    return write_or_compare(files, "sora.metrics.document", arguments, root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path()))
