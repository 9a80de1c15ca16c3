"""`traceparent`: what a trace is a part of, or comes from (W3C Trace Context §3.2).

A client who traces says it of a request; with mail that waits to be sent stands which delivery has
put it there.
"""

from re import compile
from typing import Final

from attrs import frozen

from sora.tracing.spans import current_span, current_trace

_TRACEPARENT: Final = compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?"
)
_SAMPLED: Final = 0x01


@frozen
class Parent:
    """The trace and the span of somebody else, and whether that trace is kept."""

    trace_id: int
    span_id: int
    sampled: bool


def traceparent() -> str | None:
    """Where we are, as others are told it; None outside of a trace. Whether a trace is kept because
    it is slow or fails is not known yet."""
    span = current_span()
    if span is None:
        return None
    flags = _SAMPLED if span.trace.kept else 0
    return f"00-{span.trace.hex}-{span.id:016x}-{flags:02x}"


def follow(traceparent: str | None) -> None:
    """What we are in comes from there, and is no part of it: who looks at the one finds the other.
    Where that trace is kept, so is ours."""
    trace = current_trace()
    cause = parse_traceparent(traceparent) if trace is not None and traceparent else None
    if trace is not None and cause is not None:
        trace.cause = (cause.trace_id, cause.span_id)
        # Not everything that shows traces searches by links.
        trace.root.facts["sora.cause"] = f"{cause.trace_id:032x}"
        if cause.sampled:
            trace.keep()


def parse_traceparent(text: str) -> Parent | None:
    """What the header says; None for one that is not understood, which is ignored (§3.2.2.3:
    "if the vendor failed to parse traceparent, it MUST NOT attempt to parse tracestate")."""
    found = _TRACEPARENT.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # Version ff is no version; 00 has four fields, later ones may have more (§3.2.4).
    if version == "ff" or (version == "00" and more is not None):
        return None
    parent = Parent(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))
    return parent if parent.trace_id and parent.span_id else None
