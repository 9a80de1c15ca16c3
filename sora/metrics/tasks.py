"""A metric of the work of a process that nobody awaits."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge


class TaskMetrics:
    """`running` is asked when the metric is read. A number that grows, without more clients, is a
    leak."""

    def __init__(self, registry: CollectorRegistry, running: Callable[[], int] = lambda: 0) -> None:
        gauge = Gauge(
            "sora_tasks_running",
            "Pieces of work under way that nobody awaits: sessions, rounds of workers, checks",
            registry=registry,
        )
        gauge.set_function(running)
