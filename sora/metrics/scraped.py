"""Metrics that are brought up to date when Prometheus asks for them, and cost nothing before."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric


def _nothing() -> None:
    pass


class CounterWhenAsked(Counter):
    """A counter that is asked for rarely and would be raised very often: `before` is called at each
    scrape, and raises it by what has come together since the last."""

    before: Callable[[], None] = staticmethod(_nothing)

    def collect(self) -> Iterable[Metric]:
        """The samples, as of now."""
        self.before()
        return super().collect()


class Number(Gauge):
    """A number that goes up and down, but has a name that ends with `_total`, for that is how
    dashboards know it. To Prometheus it is `untyped`: `promtool check metrics` takes a gauge of
    such a name for a mistake."""

    _type = "unknown"


def gauge_when_asked(
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    ask: Callable[[], float],
    kind: type[Gauge] = Gauge,
) -> None:
    """A gauge without labels that nobody sets: what `ask` gives at each scrape."""
    kind(name, meaning, registry=registry).set_function(ask)
