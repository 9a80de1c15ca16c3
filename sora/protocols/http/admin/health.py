"""How well the parts of this process are."""

from datetime import datetime
from typing import Final

from attrs import frozen

from sora.operations.health import ComponentRow
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class HealthChange:
    """When a part came into a state."""

    at: datetime = said("When it did.")
    status: str = said("healthy, degraded or unhealthy.")
    text: str = said("What was found then.")


@frozen
class HealthComponent:
    """A part that is looked at regularly."""

    name: str = said("Its name.", example="database")
    status: str = said("healthy, degraded or unhealthy.", example="healthy")
    text: str = said("What was found at the last look.")
    remedy: str = said("What to do about it; empty if there is nothing to do.")
    follows: str = said(
        "The part that is ill, where this one stands on it and was not looked at; else empty."
    )
    since: datetime = said("Since when it is in this state.")
    looked_at: datetime = said("When it was looked at.")
    took_ms: int = said("How many milliseconds that took.", minimum=0)
    checks: int = said("How often it was looked at.", minimum=0)
    failures: int = said("How often it was unhealthy.", minimum=0)
    facts: dict[str, str] = said("Figures and names that were found.")
    history: tuple[HealthChange, ...] = said("The last changes of its state, oldest first.")


@frozen
class HealthOverview:
    """All parts."""

    status: str = said("That of the part that is worst; unknown if nothing is looked at.")
    components: tuple[HealthComponent, ...] = said("The parts.")


def _component(row: ComponentRow) -> HealthComponent:
    return HealthComponent(
        name=row.name,
        status=row.status,
        text=row.text,
        remedy=row.remedy,
        follows=row.follows,
        since=row.since,
        looked_at=row.looked_at,
        took_ms=round(row.took * 1000),
        checks=row.checks,
        failures=row.failures,
        facts={name: str(value) for name, value in row.facts.items()},
        history=tuple(
            HealthChange(at=one.at, status=one.status, text=one.text) for one in row.history
        ),
    )


async def _overview(nouns: Nouns, call: Call) -> HealthOverview:
    found = nouns.health.overview()
    return HealthOverview(
        status=found.status, components=tuple(_component(row) for row in found.components)
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/health/overview",
        name="showHealth",
        summary="Show how well the parts of this process are",
        group="health",
        answer=HealthOverview,
        run=_overview,
    ),
)
