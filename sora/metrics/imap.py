"""What is counted of IMAP sessions beside their commands."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IdleMetrics:
    """IDLE (RFC 2177)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._current = Gauge(
            "sora_imap_idle_connections_current", "Sessions that are in IDLE now", registry=registry
        )
        self._total = Counter("sora_imap_idle_total", "IDLEs that were begun", registry=registry)

    def began(self) -> None:
        """A session waits."""
        self._current.inc()
        self._total.inc()

    def ended(self) -> None:
        """It waits no longer."""
        self._current.dec()
