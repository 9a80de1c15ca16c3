"""What is counted about the database: statements, time, and its connection pools."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

BREAKER_STATES = ("closed", "open", "half-open")
"""what a circuit breaker can be, as `sora.breaker.State` has it"""


class DatabaseMetrics:
    """The family `sora_db_*`.

    `operation` is the name given to `Database.run`, one of a fixed number; `role` is
    `primary`, or the host and port of a replica as the configuration names it; `status` is
    `ok`, `error`, `lost` or `timeout`, of a transaction `commit` or `rollback`; `state` is
    `closed`, `open` or `half-open`; `reason` is why a replica's answer was not taken: `behind`,
    `conflict`, `lost`, `unavailable` or `error`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # The members of the families by their labels: `labels` looks for them much longer.
        self._members: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.queries = Counter(
            "sora_db_queries_total",
            "Statements sent to PostgreSQL",
            ["operation", "status", "role"],
            registry=registry,
        )
        self.query_seconds = Histogram(
            "sora_db_query_duration_seconds",
            "From sending a statement to having its whole answer",
            ["operation", "role"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.repeats = Counter(
            "sora_db_query_repeats_total",
            "Statements sent again after a conflict or a lost connection",
            ["operation", "role"],
            registry=registry,
        )
        self.transactions = Counter(
            "sora_db_transactions_total",
            "Transactions of several statements",
            ["status"],
            registry=registry,
        )
        self.transaction_seconds = Histogram(
            "sora_db_transaction_duration_seconds",
            "From the beginning of a transaction of several statements to its end",
            buckets=_SECONDS,
            registry=registry,
        )
        self.total = Gauge(
            "sora_db_pool_total_conns", "Open connections", ["role"], registry=registry
        )
        self.idle = Gauge(
            "sora_db_pool_idle_conns", "Connections that nobody uses", ["role"], registry=registry
        )
        self.in_use = Gauge(
            "sora_db_pool_in_use_conns", "Connections in use", ["role"], registry=registry
        )
        self.waiting = Gauge(
            "sora_db_pool_waiting", "Who waits for a connection", ["role"], registry=registry
        )
        self.acquire_seconds = Histogram(
            "sora_db_connection_pool_wait_seconds",
            "Waiting for a connection",
            ["role"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.acquire_timeouts = Counter(
            "sora_db_connection_acquire_timeout_total",
            "Gave up waiting for a connection",
            ["role"],
            registry=registry,
        )
        self.queue_full = Counter(
            "sora_db_pool_exhaustion_total",
            "Refused at once because too many wait for a connection",
            ["role"],
            registry=registry,
        )
        self.connect_failures = Counter(
            "sora_db_connect_failures_total",
            "Connections that could not be opened",
            ["role"],
            registry=registry,
        )

        self.breaker = Gauge(
            "sora_db_circuit_breaker_state",
            "1 for the state that the circuit breaker of a connection pool is in, 0 for the others",
            ["role", "state"],
            registry=registry,
        )
        self._openings = Counter(
            "sora_db_circuit_breaker_failures_total",
            "How often the circuit breaker of a connection pool opened",
            ["role"],
            registry=registry,
        )
        self.moves = Counter(
            "sora_db_primary_moves_total",
            "How often the connection pool went to another primary",
            registry=registry,
        )
        self.replica_lag = Gauge(
            "sora_db_replica_lag_seconds",
            "How far a replica is behind the primary; +Inf while that is not known",
            ["role"],
            registry=registry,
        )
        self.replica_usable = Gauge(
            "sora_db_replica_usable", "1 while a replica is asked", ["role"], registry=registry
        )
        self.replica_misses = Counter(
            "sora_db_replica_misses_total",
            "Reads that a replica did not answer, and the primary did",
            ["reason"],
            registry=registry,
        )

    def breaker_is(self, role: str, state: str) -> None:
        """The circuit breaker of a pool is in this state now."""
        for one in BREAKER_STATES:
            self.breaker.labels(role, one).set(one == state)

    def breaker_opened(self, role: str) -> None:
        """It has opened."""
        self._openings.labels(role).inc()

    def statement(self, operation: str, status: str, role: str, seconds: float) -> None:
        """One statement was answered, or was not, after so long."""
        key = (operation, status, role)
        member = self._members.get(key)
        if member is None:
            member = (
                self.queries.labels(operation, status, role),
                self.query_seconds.labels(operation, role),
            )
            self._members[key] = member
        counter, histogram = member
        counter.inc()
        histogram.observe(seconds)
