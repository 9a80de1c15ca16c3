"""Metrics of bodies: object stores, the cache on disk, the upload queue.

Labels are bounded: `store` is a configured name, `operation` and `result` are from lists that
stand in the code.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sora.metrics.scraped import Number

# A disk takes less than a millisecond, a slow store with a large body minutes.
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300)


class ObjectMetrics:
    """What object stores do.

    Labels are bounded: `store` is a configured name; `operation` is what is asked of it: `get`,
    `put`, `delete`, `list` and so on, of a circuit breaker its kind; `status` is `success`,
    `refused` or `unavailable`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # The members of the families by their labels: `labels` looks for them much longer.
        self._members: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.operations = Counter(
            "sora_s3_operations_total",
            "Operations on object stores",
            ["store", "operation", "status"],
            registry=registry,
        )
        self.duration = Histogram(
            "sora_s3_operation_duration_seconds",
            "Time that operations on object stores took",
            ["store", "operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.retries = Counter(
            "sora_storage_retries_total",
            "Attempts that were repeated",
            ["store", "operation"],
            registry=registry,
        )
        self.breaker = Gauge(
            "sora_s3_circuit_breaker_open",
            "1 while the circuit breaker of an object store refuses calls of this kind",
            ["store", "operation"],
            registry=registry,
        )

    def did(self, store: str, operation: str, status: str, seconds: float) -> None:
        """A store has answered, or has not."""
        key = (store, operation, status)
        member = self._members.get(key)
        if member is None:
            member = self._members[key] = (
                self.operations.labels(*key),
                self.duration.labels(store, operation),
            )
        member[0].inc()
        member[1].observe(seconds)


class CacheMetrics:
    """What the cache of bodies does.

    Labels are bounded: `operation` is `get` with the `result` `hit` or `miss`, `put` with
    `success`, or `evict` with `room` or `damaged`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.operations = Counter(
            "sora_cache_operations_total",
            "Operations on the cache of bodies",
            ["operation", "result"],
            registry=registry,
        )
        self.octets = Gauge("sora_cache_size_bytes", "Octets in the cache", registry=registry)
        self.objects = Number("sora_cache_objects_total", "Bodies in the cache", registry=registry)


class UploadMetrics:
    """What the upload workers do.

    Labels are bounded: `result` is `success`, `unavailable` or `refused`; `queue_type` is
    `s3_upload` for bodies that wait for the store, `s3_copy` for those that wait for the second.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "sora_s3_upload_attempts_total",
            "Bodies that were put into the object store",
            ["result"],
            registry=registry,
        )
        self.jobs = Counter(
            "sora_upload_worker_jobs_total",
            "Bodies that an upload worker dealt with",
            ["result"],
            registry=registry,
        )
        self.duration = Histogram(
            "sora_upload_worker_duration_seconds",
            "Time from the claim of a staged body to its end",
            buckets=_SECONDS,
            registry=registry,
        )
        self.depth = Gauge("sora_queue_depth", "Items that wait", ["queue_type"], registry=registry)
        self.lag = Gauge(
            "sora_queue_processing_lag_seconds",
            "Age of the oldest item that waits",
            ["queue_type"],
            registry=registry,
        )
