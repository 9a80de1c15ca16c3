"""What is counted of IMAP sessions beside their commands."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IdleMetrics:
    """IDLE (RFC 2177) and NOTIFY (RFC 5465)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._current = Gauge(
            "sora_imap_idle_connections_current", "Sessions that are in IDLE now", registry=registry
        )
        self._total = Counter("sora_imap_idle_total", "IDLEs that were begun", registry=registry)
        self.notifying = Gauge(
            "sora_imap_notify_sessions_current",
            "Sessions that have said by NOTIFY what they are told",
            registry=registry,
        )
        self.overflows = Counter(
            "sora_imap_notify_overflow_total",
            "NOTIFYs that were ended since there was too much to tell",
            registry=registry,
        )

    def began(self) -> None:
        """A session waits."""
        self._current.inc()
        self._total.inc()

    def ended(self) -> None:
        """It waits no longer."""
        self._current.dec()
