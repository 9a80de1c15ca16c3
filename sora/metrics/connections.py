"""Metrics of connections."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sora.metrics.scraped import CounterWhenAsked

_DURATIONS: Final = (0.1, 1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 86400)


class ConnectionMetrics:
    """Who is connected, and what goes over the wire.

    Labels are bounded: `server_name` is a configured name, `protocol` a server type, `reason` of a
    refusal is `server`, `address`, `user` or `header`, of a timeout `login`, `idle` or `stalled`
    (a client that does not read what it has asked for), `direction` is `in` or `out`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.total = Counter(
            "sora_connections_total",
            "Connections that were accepted",
            ["protocol", "server_name"],
            registry=registry,
        )
        self.current = Gauge(
            "sora_connections_current",
            "Connections that are open",
            ["protocol", "server_name"],
            registry=registry,
        )
        self.authenticated = Gauge(
            "sora_authenticated_connections_current",
            "Connections of users who have logged in",
            ["protocol", "server_name"],
            registry=registry,
        )
        self.duration = Histogram(
            "sora_connection_duration_seconds",
            "For how long connections were open that have ended",
            ["protocol", "server_name"],
            buckets=_DURATIONS,
            registry=registry,
        )
        self.timeouts = Counter(
            "sora_connection_timeouts_total",
            "Connections that were ended because the client took too long",
            ["protocol", "server_name", "reason"],
            registry=registry,
        )
        self.refused = Counter(
            "sora_connections_refused_total",
            "Connections that were over a limit or brought no right PROXY header",
            ["protocol", "server_name", "reason"],
            registry=registry,
        )
        self._users = Gauge(
            "sora_connection_tracker_users",
            "Users who have a connection, of whatever protocol",
            registry=registry,
        )
        self._addresses = Gauge(
            "sora_connection_tracker_ips", "Addresses that have a connection", registry=registry
        )
        self.octets = CounterWhenAsked(
            "sora_bytes_throughput_total",
            "Octets that came from clients and went to them, before TLS",
            ["protocol", "direction"],
            registry=registry,
        )

    def watch(
        self,
        users: Callable[[], int],
        addresses: Callable[[], int],
        count_octets: Callable[[], None],
    ) -> None:
        """Ask these at each scrape; `count_octets` brings `octets` up to date."""
        self._users.set_function(users)
        self._addresses.set_function(addresses)
        self.octets.before = count_octets
