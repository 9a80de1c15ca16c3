"""`[tracing]` made into what makes traces, and what brings them to the collector."""

from collections.abc import Iterable
from importlib.metadata import version
from random import Random
from typing import Any, Final

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.app.start import StartError
from sora.collector.export import Export
from sora.config.tracing import TracingConfig
from sora.health import Check
from sora.metrics.tracing import TracingMetrics
from sora.relay.relay import Relay
from sora.tracing.tracer import Tracer
from sora.waking import Waking

INTERVAL: Final = 2.0
"""seconds that a trace waits at most for others, to be sent with them"""
MISSING: Final = (
    "[tracing] enabled needs a package that is not there: pip install 'sora-mail[tracing]'"
    " (opentelemetry-proto), or set enabled = false"
)


@frozen
class Tracing:
    """What makes traces, and the service that sends them."""

    tracer: Tracer
    export: Export

    @property
    def check(self) -> Check:
        """Whether they arrive."""
        return Check("tracing", self.export.look)

    def trace_rounds(self, services: Iterable[IService]) -> None:
        """Let workers make traces of what they do."""
        for service in services:
            if isinstance(service, (Waking, Relay)):
                service.tracer = self.tracer


def tracing_of(
    config: TracingConfig, *, node: str, reactor: Any, registry: CollectorRegistry
) -> Tracing | None:
    """Build it, if it is on; nothing of it is started. Raises StartError when what it takes is not
    installed."""
    metrics = TracingMetrics(registry)  # told in any case, as all that the manual has
    if not config.enabled:
        return None
    try:
        from sora.collector.otlp import Collector
    except ImportError:
        raise StartError(MISSING) from None
    collector = Collector(
        config.url,
        config.header_map,
        {
            "service.name": config.service_name,
            "service.version": version("sora-mail"),
            "service.instance.id": node,
        },
        config.timeout,
        config.ca_file,
    )
    export = Export(
        collector.send,
        where=config.url,
        reactor=reactor,
        random=Random(),
        metrics=metrics,
        capacity=config.queue_size,
        interval=INTERVAL,
    )
    tracer = Tracer(
        export.offer,
        seconds=reactor.seconds,
        random=Random(),
        ratio=config.sample_ratio,
        slower_than=config.slower_than,
        include_users=config.include_users,
    )
    return Tracing(tracer, export)
