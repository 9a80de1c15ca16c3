"""Which program a process runs, and how much it has to do."""

from collections.abc import Callable
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Gauge

from sora.metrics.scraped import gauge_when_asked


class ProcessMetrics:
    """`tasks` is asked when the metric is read. A number that grows, without more clients, is a
    leak. `version` is that of Sora, as `sora-admin version` tells it of what is installed, `python`
    that of Python: nodes that were not restarted after an upgrade differ."""

    def __init__(self, registry: CollectorRegistry, tasks: Callable[[], int] = lambda: 0) -> None:
        self.build = Gauge(
            "sora_build_info",
            "Always 1, for each process, with what it runs; since when is"
            " process_start_time_seconds",
            ["version", "python"],
            registry=registry,
        )
        self.build.labels(version("sora-mail"), python_version()).set(1)
        gauge_when_asked(
            registry,
            "sora_tasks_running",
            "Pieces of work under way that nobody awaits: sessions, rounds of workers, checks",
            tasks,
        )
        self.delay = Gauge(
            "sora_reactor_delay_seconds",
            "By how much turns of the reactor came late just now: so long all clients wait",
            registry=registry,
        )
