"""What the process takes: memory, files, CPU; and what of the memory holds mail."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from sora.metrics.scraped import gauge_when_asked

_GROUPS: Final = Path("/sys/fs/cgroup")


def memory_limit(groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> float:
    """Octets of memory that this process may have: the least of what the machine has and what
    systemd (MemoryMax) or a container allows; +Inf where that cannot be known."""
    with suppress(OSError, ValueError):
        most = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        return min([most, *_limits_of_groups(groups, own)])
    return inf


def _limits_of_groups(groups: Path, own: Path) -> Iterator[float]:
    """Those of the control group (version 2), and of the groups that it is in."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::/"):
                path = groups / line[4:]
                for group in (path, *path.parents):
                    with suppress(OSError, ValueError):
                        yield float((group / "memory.max").read_text())
                    if group == groups:
                        break


class MemoryMetrics:
    """Beside what the Prometheus client tells of every process (`process_*`, `python_*`).

    `mailboxes` and `messages` give octets when they are asked for, which is at each scrape.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        mailboxes: Callable[[], int] = lambda: 0,
        messages: Callable[[], int] = lambda: 0,
    ) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        gauge_when_asked(
            registry,
            "sora_memory_mailboxes_bytes",
            "About what the states of mailboxes take that sessions share",
            mailboxes,
        )
        gauge_when_asked(
            registry,
            "sora_memory_kept_messages_bytes",
            "Octets of envelopes and structures that are kept ([limits] kept_memory)",
            messages,
        )
        limit = Gauge(
            "sora_memory_limit_bytes",
            "What the process may take: that of its control group, or the machine's memory",
            registry=registry,
        )
        limit.set(memory_limit())


class SessionMemoryMetrics:
    """What sessions hold by themselves (`[limits] session_memory`).

    `sessions` gives the octets of all sessions together and of the largest, when it is asked,
    which is at each scrape. `protocol` is a server type, `result` is `refused` for a command, or
    `ended` for a session that held twice of what it may.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        sessions: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        gauge_when_asked(
            registry,
            "sora_session_memory_bytes",
            "About what all sessions hold by themselves ([limits] session_memory)",
            lambda: sessions()[0],
        )
        gauge_when_asked(
            registry,
            "sora_session_memory_largest_bytes",
            "About what the session holds that holds most",
            lambda: sessions()[1],
        )
        self._exceeded = Counter(
            "sora_session_memory_limit_exceeded_total",
            "Commands that were refused, and sessions that were ended, for what they would hold",
            ["protocol", "result"],
            registry=registry,
        )
        self._peak = Histogram(
            "sora_session_memory_peak_bytes",
            "The most that a session held after a command, of sessions that have ended",
            ["protocol"],
            buckets=tuple(float(1 << power) for power in range(13, 29)),
            registry=registry,
        )

    def refused(self, protocol: str) -> None:
        """A command would have taken too much."""
        self._exceeded.labels(protocol, "refused").inc()

    def ended(self, protocol: str) -> None:
        """A session has taken too much."""
        self._exceeded.labels(protocol, "ended").inc()

    def held(self, protocol: str, octets: int) -> None:
        """A session is over that has held so much."""
        self._peak.labels(protocol).observe(octets)
