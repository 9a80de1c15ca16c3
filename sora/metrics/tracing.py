"""What is counted of traces."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class TracingMetrics:
    """Spans on their way to the collector.

    Labels are bounded: `result` is `sent`, `refused` by the collector, or `dropped` because too
    many waited for a collector that was away or slow.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        spans = Counter(
            "sora_tracing_spans_total",
            "Spans of OpenTelemetry by what became of them",
            ["result"],
            registry=registry,
        )
        self.sent, self.refused, self.dropped = map(spans.labels, ("sent", "refused", "dropped"))
        self.waiting = Gauge(
            "sora_tracing_queue_spans", "Spans that wait for the collector", registry=registry
        )
