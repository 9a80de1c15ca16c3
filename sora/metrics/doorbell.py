"""Metrics of the doorbell between processes of one node."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class DoorbellMetrics:
    """What was told to other processes and heard from them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.others = Gauge(
            "sora_doorbell_processes", "Other processes that hear this one", registry=registry
        )
        self.sent = Counter(
            "sora_doorbell_sent_total", "Changes that were told to a process", registry=registry
        )
        self.heard = Counter(
            "sora_doorbell_heard_total", "Changes that other processes told", registry=registry
        )
        self.dropped = Counter(
            "sora_doorbell_dropped_total",
            "Changes that were not told, because a process did not listen",
            registry=registry,
        )
