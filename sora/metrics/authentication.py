"""Metrics of logins."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sora.metrics.scraped import Number, gauge_when_asked


class AuthenticationMetrics:
    """Labels are bounded: `protocol` is a server type; `result` of an attempt is `ok`, `cached`,
    `failed`, `blocked` or `unavailable`, of a verification `ok` or `failed`, of the cache of
    verified passwords `hit` or `miss`; `hash_type` is a scheme that Sora verifies, `other`, or
    `none` for the work that is done where there is no such user.
    """

    def __init__(self, registry: CollectorRegistry, cached: Callable[[], int] = lambda: 0) -> None:
        """`cached` gives how many passwords are known to be right, at each scrape."""
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
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.verifications = Counter(
            "sora_password_verification_attempts_total",
            "Passwords and proofs that were compared with what is stored",
            ["hash_type", "result"],
            registry=registry,
        )
        self.cache = Counter(
            "sora_auth_cache_operations_total",
            "Looks at the passwords that were verified lately, which need no hashing",
            ["result"],
            registry=registry,
        )
        gauge_when_asked(
            registry,
            "sora_auth_cache_entries_total",
            "Passwords that were verified lately",
            cached,
            kind=Number,
        )


class ThrottleMetrics:
    """Who guesses passwords. Each is asked at each scrape, and gives a number."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        blocked: Callable[[], int] = lambda: 0,
        addresses: Callable[[], int] = lambda: 0,
        users: Callable[[], int] = lambda: 0,
        pairs: Callable[[], int] = lambda: 0,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        for name, meaning, ask in (
            ("rate_limiter_blocked_ips", "Addresses whose logins are refused", blocked),
            ("rate_limiter_ip_entries", "Addresses that failures are remembered of", addresses),
            ("rate_limiter_username_entries", "Users that failures are remembered of", users),
            (
                "rate_limiter_ip_username_entries",
                "Pairs of an address and a user that failures are remembered of",
                pairs,
            ),
            ("delay_queue_depth", "Attempts that are made to wait after failures", waiting),
        ):
            gauge_when_asked(registry, f"sora_auth_{name}", meaning, ask)


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
