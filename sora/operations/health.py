"""What an operator can see of the health of a process."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from sora.health import Component, Health


@frozen
class HistoryRow:
    """A change of a part's state."""

    at: datetime
    status: str
    text: str


@frozen
class ComponentRow:
    """A part. `took` is in seconds; `remedy` is empty while there is nothing to do; `follows` is
    the part whose illness it is, empty where it is its own."""

    name: str
    status: str
    text: str
    remedy: str
    follows: str
    since: datetime
    looked_at: datetime
    took: float
    checks: int
    failures: int
    facts: Mapping[str, Any]
    history: Sequence[HistoryRow]


@frozen
class Overview:
    """All parts; `status` is that of the worst."""

    status: str
    components: Sequence[ComponentRow]


@frozen
class HealthOperations:
    """`health` gives what looks, None where nothing is looked at."""

    health: Callable[[], Health | None]

    def overview(self) -> Overview:
        """All parts, as they were found at the last look."""
        health = self.health()
        if health is None:
            return Overview("unknown", ())
        return Overview(health.status.value, [_row(one) for one in health.components])


def _row(component: Component) -> ComponentRow:
    finding = component.finding
    return ComponentRow(
        name=component.name,
        status=finding.status.value,
        text=finding.text,
        remedy=finding.remedy,
        follows=finding.follows,
        since=_time(component.since),
        looked_at=_time(component.looked_at),
        took=round(component.took, 3),
        checks=component.checks,
        failures=component.failures,
        facts=finding.facts,
        history=[
            HistoryRow(_time(change.at), change.finding.status.value, change.finding.text)
            for change in component.changes
        ],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
