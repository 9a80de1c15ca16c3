"""Metrics of the proof of integrity. `store` is a configured name."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IntegrityMetrics:
    """What was verified, and what was found.

    Labels are bounded: `store` is a configured name, `verdict` is `intact`, `gone`, `mended` or
    `damaged`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.objects = Counter(
            "sora_integrity_verified_objects_total",
            "Objects that were read and hashed",
            ["store", "verdict"],
            registry=registry,
        )
        self.octets = Counter(
            "sora_integrity_verified_bytes_total",
            "Octets of bodies that were read and hashed",
            ["store"],
            registry=registry,
        )
        self.oldest = Gauge(
            "sora_integrity_oldest_unverified_seconds",
            "Age of the last proof of the body that was not verified for the longest time",
            ["store"],
            registry=registry,
        )
        self.damaged = Gauge(
            "sora_integrity_damaged_objects",
            "Bodies that are known to be damaged or missing",
            registry=registry,
        )
