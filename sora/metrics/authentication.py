"""Metrics of logins."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class AuthenticationMetrics:
    """Labels are bounded: `protocol` is a server type; `result` is `ok`, `cached`, `failed`,
    `blocked` or `unavailable`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "sora_authentication_attempts_total",
            "Attempts to log in",
            ["protocol", "result"],
            registry=registry,
        )
        self.duration = Histogram(
            "sora_authentication_duration_seconds",
            "Time that attempts to log in took, without deliberate delays",
            ["protocol"],
            registry=registry,
        )


class PacingMetrics:
    """How logins are paced. `step` is `read`, of the database, or `hash`, of a password."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = Gauge(
            "sora_logins_running", "Logins that are in a step now", ["step"], registry=registry
        )
        self.waiting = Gauge(
            "sora_logins_waiting", "Logins that wait for their turn", ["step"], registry=registry
        )
        self.delayed = Counter(
            "sora_logins_delayed_total",
            "Logins that had to wait for their turn",
            ["step"],
            registry=registry,
        )
        self.refused = Counter(
            "sora_logins_refused_total",
            "Logins that were told to come again later, because too many wait, or for too long",
            ["step"],
            registry=registry,
        )
