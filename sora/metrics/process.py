"""How much a process has to do."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from sora.metrics.scraped import gauge_when_asked


class ProcessMetrics:
    """`tasks` is asked when the metric is read. A number that grows, without more clients, is a
    leak."""

    def __init__(self, registry: CollectorRegistry, tasks: Callable[[], int] = lambda: 0) -> None:
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
