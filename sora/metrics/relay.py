"""Metrics of mail that is sent."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

KINDS: Final = frozenset({"redirect", "vacation", "notify", "notice", "report"})
"""why messages are sent (`sora.relay.interfaces.Outgoing`)"""


class RelayMetrics:
    """Labels are bounded: `state` is `held`, `waiting`, `sending` or `failed`; `operation` is
    `hold`, `release`, `drop`, `sent`, `failed`, `adopted` or `pruned`; `type` is `smtp` or `http`;
    `kind` is `redirect`, `vacation`, `notify`, `notice`, `report` or `other`; `result` of a
    delivery is `sent`, `refused`, `delayed`, `expired` or `unreachable`, of an operation and of
    what is given to the relay `ok`, `full` or `error`; `action` is `failed`, `delayed` or
    `relayed`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.depth = Gauge(
            "sora_relay_queue_depth", "Messages in the relay queue", ["state"], registry=registry
        )
        self.octets = Gauge(
            "sora_relay_queue_size_bytes", "Octets that wait to be sent", registry=registry
        )
        self.age = Gauge(
            "sora_relay_queue_age_seconds",
            "Age of the oldest message that waits to be sent",
            registry=registry,
        )
        self.operations = Counter(
            "sora_relay_queue_operations_total",
            "Messages that came into the relay queue, or left it",
            ["operation", "result"],
            registry=registry,
        )
        self._given = Counter(
            "sora_lmtp_external_relay_total",
            "Messages that came of mail that was delivered, and were given to the relay",
            ["kind", "result"],
            registry=registry,
        )
        self.deliveries = Counter(
            "sora_relay_delivery_total",
            "Attempts to hand a message to the relay, by recipients",
            ["type", "result"],
            registry=registry,
        )
        self.duration = Histogram(
            "sora_relay_delivery_duration_seconds",
            "Time that an attempt to hand over a message took",
            ["type"],
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
            registry=registry,
        )
        self.reports = Counter(
            "sora_relay_reports_total",
            "Reports to senders (RFC 3464)",
            ["action"],
            registry=registry,
        )
        self.breaker = Gauge(
            "sora_relay_circuit_breaker_open",
            "1 while the circuit breaker of the relay keeps mail back",
            registry=registry,
        )

    def given(self, kind: str, result: str) -> None:
        """A message of this kind was given to the relay, or could not be."""
        self._given.labels(kind if kind in KINDS else "other", result).inc()
