"""Traces in tests: some work in a trace of its own."""

from collections.abc import Awaitable, Callable
from random import Random
from time import time

from sora.tracing.spans import Trace
from sora.tracing.tracer import Tracer


def tracer_to(told: list[Trace]) -> Tracer:
    """One that tells everything."""
    return Tracer(told.append, seconds=time, random=Random(3))


async def traced(work: Callable[[], Awaitable[object]]) -> Trace:
    """The trace of some work, which may fail."""
    told: list[Trace] = []
    trace = tracer_to(told).begin("test", "work")
    try:
        await work()
    finally:
        trace.end()
    return told[0]


def shown(trace: Trace) -> list[str]:
    """Its spans, as a collector shows them, with their errors."""
    return [f"{span.kind} {span.name} {span.error}".rstrip() for span in trace.spans]
