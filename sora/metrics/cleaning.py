"""Metrics of what is removed: expunged messages past their grace, accounts, objects, policies."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class CleaningMetrics:
    """What the cleaner does, and what waits for it.

    Labels are bounded: `kind` is a step of the cleaner, `result` of a round is `done` or `failed`,
    `store` is where objects were.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.removed = Counter(
            "sora_cleaner_removed_total",
            "What the cleaner removed",
            ["kind"],
            registry=registry,
        )
        self.octets = Counter(
            "sora_cleaner_reclaimed_bytes_total",
            "Octets of objects that were deleted from their stores",
            ["store"],
            registry=registry,
        )
        self.rounds = Counter(
            "sora_cleaner_rounds_total", "Rounds of the cleaner", ["result"], registry=registry
        )
        for result in ("done", "failed"):
            self.rounds.labels(result)  # told before there is one: an alert asks for it
        self.waiting = Gauge(
            "sora_cleaner_waiting",
            "What could be removed now, counted up to 100,000",
            ["kind"],
            registry=registry,
        )
        self.age = Gauge(
            "sora_cleaner_oldest_seconds",
            "For how long the oldest of what waits could have been removed",
            ["kind"],
            registry=registry,
        )
        self.unusual = Counter(
            "sora_cleaner_unusual_deletions_total",
            "Runs of deletions beyond an account's habit that were noticed",
            registry=registry,
        )
