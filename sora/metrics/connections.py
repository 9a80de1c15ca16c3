"""Metrics of connections."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ConnectionMetrics:
    """Labels are bounded: `server` is a configured name, `protocol` a server type, `reason` is
    `server`, `address`, `user` or `header`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.total = Counter(
            "sora_connections_total",
            "Connections that were accepted",
            ["protocol", "server"],
            registry=registry,
        )
        self.current = Gauge(
            "sora_connections_current",
            "Connections that are open",
            ["protocol", "server"],
            registry=registry,
        )
        self.authenticated = Gauge(
            "sora_authenticated_connections_current",
            "Connections of users who have logged in",
            ["protocol", "server"],
            registry=registry,
        )
        self.refused = Counter(
            "sora_connections_refused_total",
            "Connections that were over a limit or brought no right PROXY header",
            ["protocol", "server", "reason"],
            registry=registry,
        )
