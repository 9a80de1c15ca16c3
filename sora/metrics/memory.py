"""What the process takes: memory, files, CPU; and what of the memory holds mail."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)


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
        views = Gauge(
            "sora_memory_mailboxes_bytes",
            "About what the states of mailboxes take that sessions share",
            registry=registry,
        )
        views.set_function(mailboxes)
        kept = Gauge(
            "sora_memory_kept_messages_bytes",
            "Octets of envelopes and structures that are kept ([limits] kept_memory)",
            registry=registry,
        )
        kept.set_function(messages)
