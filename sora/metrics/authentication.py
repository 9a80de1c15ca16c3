"""Metrics of logins."""

from prometheus_client import CollectorRegistry, Counter, Histogram


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
