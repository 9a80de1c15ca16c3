"""Metrics of scripts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class SieveMetrics:
    """What scripts do.

    Labels are bounded: `occasion` is `delivery`, or `event` for something that an IMAP client did;
    `where` is whose script it is: `server`, `domain` or `user`; `result` is `ok`, `failed`, or
    `invalid` for one that does not compile. `action` is `keep`, `fileinto`, `redirect`, `discard`,
    `reject`, `vacation`, `notify` or `remember`, as scripts have wanted it. Of events `cause` is
    `APPEND`, `COPY` or `FLAG`, and `result` is `run`, `failed` or `dropped`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.scripts = Counter(
            "sora_sieve_executions_total",
            "Scripts that ran over a message",
            ["occasion", "where", "result"],
            registry=registry,
        )
        self.actions = Counter(
            "sora_sieve_actions_total",
            "What scripts wanted done with messages",
            ["occasion", "action"],
            registry=registry,
        )
        self.seconds = Histogram(
            "sora_sieve_cpu_seconds",
            "Computing time of all scripts that ran over a message",
            ["occasion"],
            buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5),
            registry=registry,
        )
        self.events = Counter(
            "sora_sieve_events_total",
            "Messages that IMAP clients did something to for which scripts run",
            ["cause", "result"],
            registry=registry,
        )
        self.waiting = Gauge(
            "sora_sieve_events_waiting",
            "Messages that IMAP clients did something to whose scripts have yet to run",
            registry=registry,
        )
