"""Metrics of what a process stands on: certificates, disks, memory that it may take."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge


class CertificateMetrics:
    """`certificate` is a file that the configuration names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ends = Gauge(
            "sora_tls_certificate_expiry_timestamp_seconds",
            "When a certificate ends, in seconds since 1970",
            ["certificate"],
            registry=registry,
        )

    def watch(self, file: str, ends: Callable[[], float]) -> None:
        """Ask at each scrape, for it may be exchanged meanwhile."""
        self._ends.labels(file).set_function(ends)


class DiskMetrics:
    """`place` is `the cache`, `the object store` or `the relay's queue`. What is told is what the
    last check of the health has seen."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._free = Gauge(
            "sora_disk_free_bytes",
            "Octets that Sora may still write to the file system of a place",
            ["place"],
            registry=registry,
        )
        self._size = Gauge(
            "sora_disk_size_bytes",
            "Octets that the file system of a place has",
            ["place"],
            registry=registry,
        )

    def saw(self, place: str, free: int, size: int) -> None:
        """A file system was looked at."""
        self._free.labels(place).set(free)
        self._size.labels(place).set(size)
