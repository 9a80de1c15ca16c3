"""`traceparent`: a client who traces says what our trace is a part of (W3C Trace Context §3.2)."""

from re import compile
from typing import Final

from attrs import frozen

_TRACEPARENT: Final = compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?"
)
_SAMPLED: Final = 0x01


@frozen
class Parent:
    """The trace and the span of the client, and whether the client keeps its trace."""

    trace_id: int
    span_id: int
    sampled: bool


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
