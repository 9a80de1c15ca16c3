"""Metrics of health. `component` is a name from the list in `sora/app/health.py`."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STATUSES: Final = ("healthy", "degraded", "unhealthy")


class HealthMetrics:
    """How well the parts are.

    Labels are bounded: `component` is a part as `sora-admin health` names it, `status` is
    `healthy`, `degraded` or `unhealthy`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._status = Gauge(
            "sora_component_health_status",
            "1 for the state that a part is in, 0 for the others; 0 for all while it is not looked"
            " at, as what it stands on is unhealthy",
            ["component", "status"],
            registry=registry,
        )
        self._checks = Counter(
            "sora_component_health_checks_total",
            "Checks of parts, by what was found",
            ["component", "status"],
            registry=registry,
        )
        self._duration = Histogram(
            "sora_component_health_check_duration_seconds",
            "Time that checks took",
            ["component"],
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 5.0, 10.0),
            registry=registry,
        )

    def looked(self, component: str, status: str, seconds: float) -> None:
        """A part was looked at."""
        for one in STATUSES:
            self._status.labels(component, one).set(one == status)
        self._checks.labels(component, status).inc()
        self._duration.labels(component).observe(seconds)

    def left_out(self, component: str) -> None:
        """It was not looked at: what it stands on is unhealthy, and alarms."""
        for one in STATUSES:
            self._status.labels(component, one).set(0)
