"""Metrics of mail that comes in."""

from prometheus_client import CollectorRegistry, Counter


class DeliveryMetrics:
    """`result` is `ok`, `temporary` or `permanent`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.recipients = Counter(
            "sora_lmtp_recipients_total",
            "Recipients of received messages, by what they were answered",
            ["result"],
            registry=registry,
        )
        self.by_result = {
            result: self.recipients.labels(result) for result in ("ok", "temporary", "permanent")
        }
