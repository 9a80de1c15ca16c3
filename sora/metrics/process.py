"""How much a process has to do."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge


class ProcessMetrics:
    """`tasks` is asked when the metric is read. A number that grows, without more clients, is a
    leak."""

    def __init__(self, registry: CollectorRegistry, tasks: Callable[[], int] = lambda: 0) -> None:
        running = Gauge(
            "sora_tasks_running",
            "Pieces of work under way that nobody awaits: sessions, rounds of workers, checks",
            registry=registry,
        )
        running.set_function(tasks)
        self.delay = Gauge(
            "sora_reactor_delay_seconds",
            "By how much turns of the reactor came late just now: so long all clients wait",
            registry=registry,
        )
