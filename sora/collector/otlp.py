"""Traces as OTLP has them, and the request that brings them to a collector (OTLP 1, HTTP with
protobuf in binary form).

Only who traces needs the package that this imports: `sora.app.tracing` imports this module when
tracing is on. It runs in the thread of `export.py`, and blocks there.
"""

import gzip
import ssl
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from sora.collector.export import Passing, Refusal
from sora.tracing.spans import Fact, Span, Trace

MAX_ANSWER: Final = 64 * 1024
"""octets of a collector's answer that are looked at"""
PASSING: Final = (429, 502, 503, 504)
"""answers after which the same may be sent again (OTLP, "Retryable Response Codes")"""
SERVED: Final = frozenset(("imap", "pop3", "lmtp", "managesieve", "http"))
"""kinds of traces that a client has asked for"""
ASKED: Final = frozenset(("postgresql", "s3", "s3_request", "relay"))
"""kinds of spans in which another server was asked"""


def encoded(traces: Iterable[Trace], resource: Mapping[str, Fact]) -> bytes:
    """The request for these traces."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add(resource=Resource(attributes=_attributes(resource)))
    scope = spans.scope_spans.add()
    scope.scope.name = "sora"
    for trace in traces:
        trace_id = trace.id.to_bytes(16, "big")
        end = trace.root.ended or trace.root.began
        scope.spans.append(_wired(trace.root, trace_id, trace.remote_parent, end))
        if trace.cause is not None:
            cause, span_id = trace.cause
            link = scope.spans[-1].links.add()
            link.trace_id, link.span_id = cause.to_bytes(16, "big"), span_id.to_bytes(8, "big")
        for span in trace.spans:
            scope.spans.append(_wired(span, trace_id, span.parent_id, end))
    return request.SerializeToString()


def _wired(span: Span, trace_id: bytes, parent_id: int, end: float) -> WireSpan:
    facts = dict(span.facts)
    if span.ended is None:
        facts["sora.unfinished"] = True
    wired = WireSpan(
        trace_id=trace_id,
        span_id=span.id.to_bytes(8, "big"),
        parent_span_id=parent_id.to_bytes(8, "big") if parent_id else b"",
        name=f"{span.kind} {span.name}".rstrip(),
        kind=_kind(span),
        start_time_unix_nano=_nanoseconds(span.began),
        end_time_unix_nano=_nanoseconds(max(span.began, span.ended or end)),
        attributes=_attributes(facts),
    )
    if span.error:
        wired.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=span.error))
    return wired


def _kind(span: Span) -> Any:
    if span.kind in SERVED:
        return WireSpan.SPAN_KIND_SERVER
    return WireSpan.SPAN_KIND_CLIENT if span.kind in ASKED else WireSpan.SPAN_KIND_INTERNAL


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000


def _attributes(facts: Mapping[str, Fact]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(fact)) for key, fact in facts.items()]


def _value(fact: Fact) -> AnyValue:
    if isinstance(fact, bool):
        return AnyValue(bool_value=fact)
    if isinstance(fact, int):
        return AnyValue(int_value=fact)
    if isinstance(fact, float):
        return AnyValue(double_value=fact)
    return AnyValue(string_value=fact)


@frozen
class Collector:
    """Where traces go. `timeout` is in seconds, for each step of a request; `ca_file` names a file
    with the certificates that are trusted, empty for those of the system."""

    endpoint: str
    headers: Mapping[str, str]
    resource: Mapping[str, Fact]
    timeout: float
    ca_file: str = ""

    def send(self, traces: Iterable[Trace]) -> int:
        """Bring traces to the collector; gives how many spans it has refused though it took the
        others. Raises Passing when they may be sent again, Refusal when not."""
        body = gzip.compress(encoded(traces, self.resource), compresslevel=1)
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": "Sora",
            **self.headers,
        }
        try:
            connection, path = self._connection()
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                answer = response.read(MAX_ANSWER)
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            raise Passing(str(error) or type(error).__name__) from error
        if response.status in PASSING:
            wait = response.headers.get("Retry-After", "")
            raise Passing(f"it answered {response.status}", int(wait) if wait.isdecimal() else None)
        if not 200 <= response.status < 300:
            raise Refusal(f"it answered {response.status} {response.reason}"[:200])
        return _refused(answer)

    def _connection(self) -> tuple[HTTPConnection, str]:
        place = urlsplit(self.endpoint)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        host = place.hostname or ""
        if place.scheme != "https":
            return HTTPConnection(host, place.port, timeout=self.timeout), path
        trust = ssl.create_default_context(cafile=self.ca_file or None)
        return HTTPSConnection(host, place.port, timeout=self.timeout, context=trust), path


def _refused(answer: bytes) -> int:
    try:
        said = ExportTraceServiceResponse.FromString(answer)
    except DecodeError:
        return 0
    return int(said.partial_success.rejected_spans)
