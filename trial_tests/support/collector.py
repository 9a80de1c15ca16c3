"""A collector of OpenTelemetry for tests: takes OTLP over HTTP, and remembers the spans."""

import gzip
from collections.abc import Callable
from typing import Any

from attrs import frozen
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from sora.retry import pause


@frozen
class Received:
    """A span as it arrived; ids in hexadecimal, `parent` empty for a root."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    facts: dict[str, Any]
    error: str
    seconds: float
    service: dict[str, Any]
    links: list[tuple[str, str]]
    """traces and spans that it comes from"""


class Collector(Resource):
    """Listens on a port of this machine. `status` is what it answers; 0: it says nothing."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Received] = []
        self.requests: list[dict[str, str]] = []
        """the headers of each"""
        self.status = 200
        self.rejected = 0
        self._hanging: list[Any] = []
        self._port: Any = reactor.listenTCP(  # type: ignore[attr-defined]
            0, Site(self), interface="127.0.0.1"
        )

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self._port.getHost().port}"

    async def stop(self) -> None:
        """Listen no more; who waits for an answer is cut off."""
        for request in self._hanging:
            gone = request.notifyFinish()
            request.transport.abortConnection()
            await gone.addErrback(lambda _: None)
        await self._port.stopListening()

    def render_POST(self, request: Request) -> Any:
        """Traces come."""
        self.requests.append(
            {
                name.decode().lower(): values[0].decode()
                for name, values in request.requestHeaders.getAllRawHeaders()
            }
        )
        if not self.status:
            self._hanging.append(request)
            return NOT_DONE_YET
        if request.path != b"/v1/traces":
            request.setResponseCode(404)
            return b""
        request.setResponseCode(self.status)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.rejected
        if self.status == 200:
            assert request.content is not None
            self._take(gzip.decompress(request.content.read()))
        return answer.SerializeToString()

    def _take(self, octets: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(octets).resource_spans:
            service = _facts(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    nanoseconds = span.end_time_unix_nano - span.start_time_unix_nano
                    self.spans.append(
                        Received(
                            span.name,
                            span.kind,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            _facts(span.attributes),
                            span.status.message,
                            nanoseconds / 1e9,
                            service,
                            [(one.trace_id.hex(), one.span_id.hex()) for one in span.links],
                        )
                    )

    async def until(self, has: Callable[[list[Received]], bool], most: int = 1000) -> None:
        """Wait until this is true of the spans that have arrived."""
        for _ in range(most):
            if has(self.spans):
                return
            await pause(reactor, 0.02)  # type: ignore[arg-type]
        raise AssertionError(f"it did not arrive: {sorted({one.name for one in self.spans})}")

    def roots(self, name: str) -> list[Received]:
        """The roots of this name."""
        return [one for one in self.spans if one.name == name and not one.parent]

    def below(self, root: Received) -> list[Received]:
        """All other spans of its trace."""
        return [one for one in self.spans if one.trace == root.trace and one.id != root.id]


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")
