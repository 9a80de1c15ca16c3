"""The site: routes from the list of endpoints, and the way of a request through it.

    address allowed? -> key? -> scope? -> query and body read -> the endpoint -> JSON

Whatever goes wrong on the way is answered with problem details (`problems.py`), in the same shape
for everybody. A request that has begun to change something goes on when the client hangs up (trap
1 of docs/architecture.md). There is one line in the log for each request, and one more for each
change, under `sora.audit`: who, from where, what.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from sora.deferreds import shielded
from sora.errors import SoraError
from sora.metrics.protocol import CommandMetrics
from sora.protocols.http.audit import Change
from sora.protocols.http.conditions import conditions_of
from sora.protocols.http.download import Downloads, set_head
from sora.protocols.http.endpoint import Call, Caller, Conditions, Endpoint, Scope
from sora.protocols.http.gate import Gate
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.once import (
    HEADER,
    PARTIAL,
    REPLAYED,
    Once,
    digest_of_request,
    idempotency_key,
)
from sora.protocols.http.openapi import PREFIX
from sora.protocols.http.places import filled, filled_path, read_path
from sora.protocols.http.problems import (
    BAD_REQUEST,
    INTERNAL,
    MEDIA_TYPE,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_JSON,
    TOO_BIG,
    Refused,
    refused,
)
from sora.protocols.http.shaping import Flawed, from_json, from_query, written
from sora.protocols.http.upload import Upload, Uploads, required
from sora.storage.rows import KeptAnswer
from sora.tracing.commands import CommandTraces, InHand
from sora.tracing.spans import current_trace

T = TypeVar("T")
MAX_PARAMETERS: Final = 50
JSON: Final = "application/json"


Answer = tuple[int, str, bytes | None]
"""status, media type, body; None: it is sent already"""


class Page:
    """Something that is served beside the endpoints: who may see it, and what makes it.

    `scope` is None for what needs no key."""

    def __init__(
        self, path: str, make: Callable[[], Awaitable[Answer]], scope: Scope | None = None
    ) -> None:
        self.path = path
        self.make = make
        self.scope = scope


class AdminSite:
    """Serves endpoints and pages. `seconds` is a clock, `new_id` names requests for the log,
    `uploads` is where large bodies come into."""

    log = Logger()

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        pages: Sequence[Page],
        *,
        nouns: Nouns,
        gate: Gate,
        once: Once,
        seconds: Callable[[], float],
        new_id: Callable[[], str],
        metrics: CommandMetrics,
        traces: CommandTraces | None = None,
        uploads: Uploads,
    ) -> None:
        self._metrics = metrics
        self._traces = traces
        self._nouns = nouns
        self._gate = gate
        self._once = once
        self._seconds = seconds
        self._new_id = new_id
        self._uploads = uploads
        self._downloads = Downloads()
        self._app = Klein()
        for endpoint in endpoints:
            self._route(endpoint)
        for page in pages:
            self._app.route(page.path, methods=["GET", "HEAD"])(self._for_page(page))
        self._app.handle_errors(HTTPException)(self._unrouted)

    def resource(self) -> Any:
        """What a site of twisted.web takes."""
        return self._app.resource()

    def upload(self, request: Any) -> Upload | None:
        """What the body of a request goes into whose head is there, when it is a message or an
        archive, of somebody who may change things: nobody else has disks filled."""
        media = _media(request)
        if not self._uploads.knows(media):
            return None
        try:
            authorization = _authorization(request)
        except Refused:
            return None
        if not self._gate.would_admit(_address(request), authorization, Scope.WRITE):
            return None
        return self._uploads.begin(media)

    # ---------------------------------------------------------- routes

    def _route(self, endpoint: Endpoint) -> None:
        path = PREFIX + endpoint.path.replace("{", "<").replace("}", ">")

        async def serve(request: Any, **path: str) -> bytes | None:
            work = partial(self._call, endpoint, request, path)
            return await self._answered(request, work, endpoint.name)

        # Names of routes are those of functions, for klein.
        serve.__name__ = f"{endpoint.method}_{endpoint.name}"
        self._app.route(path, methods=[endpoint.method])(serve)

    def _for_page(self, page: Page) -> Callable[[Any], Awaitable[bytes | None]]:
        async def serve(request: Any) -> bytes | None:
            return await self._answered(request, lambda _: self._page(page, request), page.path)

        serve.__name__ = f"page_{page.path}"
        return serve

    async def _unrouted(self, request: Any, failure: Any) -> bytes | None:
        error = failure.value

        async def refuse(instance: str) -> Answer:
            self._gate.admit_address(_address(request))
            # Nobody is sent from `//admin` to `/admin`.
            if isinstance(error, (NotFound, RequestRedirect)):
                raise Refused(NOT_FOUND, "See /admin/openapi.json for what there is")
            if isinstance(error, MethodNotAllowed):
                allowed = ", ".join(sorted(error.valid_methods or ()))
                request.setHeader("Allow", allowed)
                raise Refused(NOT_ALLOWED, f"It takes: {allowed}")
            raise Refused(BAD_REQUEST)

        return await self._answered(request, refuse)

    # ---------------------------------------------------------- a request

    async def _call(
        self, endpoint: Endpoint, request: Any, path: Mapping[str, str], instance: str
    ) -> Answer:
        address = _address(request)
        with Change(endpoint, _text(request.path), address, instance) as change:
            self._gate.admit_address(address)
            key = self._gate.key(address, _authorization(request))
            change.key = key.name
            caller = self._gate.caller(key, address, endpoint.scope)
            return await self._admitted(endpoint, request, path, caller, change)

    async def _admitted(
        self,
        endpoint: Endpoint,
        request: Any,
        path: Mapping[str, str],
        caller: Caller,
        change: Change,
    ) -> Answer:
        self._join_trace(request)
        names = read_path(path)
        call = Call(
            caller,
            names,
            _query(endpoint, request),
            _body(endpoint, request),
            _conditions(endpoint, request),
        )
        change.regards(call.body)
        if endpoint.downloads:
            await shielded(Deferred.fromCoroutine(self._download(endpoint, request, call, change)))
            return 200, endpoint.downloads, None
        key = None
        if endpoint.is_once:
            key = idempotency_key(request.requestHeaders.getRawHeaders(HEADER.encode(), ()))
        if key is None:
            doing = self._do_tagged(endpoint, call, change)
            answer, tag = await shielded(_closing(request, doing))
            if tag:
                request.setHeader("ETag", f'"{tag}"')
        else:
            digest = _digest(request)
            work = self._once.run(
                caller.key,
                key,
                digest,
                lambda: self._do(endpoint, call, change),
            )
            answer, is_old = await shielded(_closing(request, work))
            if is_old:
                change.replayed()
                request.setHeader(REPLAYED, "true")
        if answer.place:
            request.setHeader("Location", answer.place)
        return answer.status, JSON if answer.body else "", answer.body

    async def _download(self, endpoint: Endpoint, request: Any, call: Call, change: Change) -> None:
        """What an endpoint has to send, as it comes."""
        with change:
            self._downloads.require_place()
            download = await endpoint.run(self._nouns, call)
            done = filled(endpoint.changes, call.path, download)
            await self._downloads.send(request, download, change, done)

    def _join_trace(self, request: Any) -> None:
        """Who has a key may say which trace the request is a part of (`traceparent`)."""
        trace = current_trace()
        if trace is not None and self._traces is not None:
            self._traces.tracer.join(trace, _header(request, b"traceparent"))

    async def _do(self, endpoint: Endpoint, call: Call, change: Change) -> KeptAnswer:
        """What an endpoint does, and what is said of it."""
        return (await self._do_tagged(endpoint, call, change))[0]

    async def _do_tagged(
        self, endpoint: Endpoint, call: Call, change: Change
    ) -> tuple[KeptAnswer, str]:
        """The same, with the tag of what is there now."""
        with change:
            answer = await endpoint.run(self._nouns, call)
        tag = "" if endpoint.tag is None else endpoint.tag(call, answer)
        if endpoint.changes:
            change.done(filled(endpoint.changes, call.path, answer))
        if endpoint.answer is None:
            return KeptAnswer(204, "", b""), tag
        place = ""
        if endpoint.place:
            place = PREFIX + filled_path(endpoint.place, call.path, answer)
        is_partial = endpoint.is_partial is not None and endpoint.is_partial(answer)
        status = PARTIAL if is_partial else endpoint.status
        return KeptAnswer(status, place, written(answer)), tag

    async def _page(self, page: Page, request: Any) -> Answer:
        address = _address(request)
        self._gate.admit_address(address)
        if page.scope is not None:
            self._gate.admit(address, _authorization(request), page.scope)
        return await page.make()

    async def _answered(
        self, request: Any, work: Callable[[str], Awaitable[Answer]], name: str = "unknown"
    ) -> bytes | None:
        """The body of the answer, if it is not sent yet; its head is set. `name` is what metrics
        call what is asked."""
        began, instance = self._seconds(), self._new_id()
        trace = InHand(self._traces, instance)
        if not name.startswith("/"):
            trace.begin()  # pages are asked for all day long by what watches us
        try:
            status, kind, body = await work(instance)
        except CancelledError:
            trace.end(name, "gone", self._seconds() - began)
            raise
        except Refused as problem:
            status, kind, body = self._problem(request, problem, instance, trace)
        except (SoraError, Flawed) as error:
            if isinstance(error, SoraError) and error.inside:
                self.log.warn("request {id}: {error}", id=instance, error=error.text)
            status, kind, body = self._problem(request, refused(error), instance, trace)
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self.log.failure("request {id} failed", id=instance)
            status, kind, body = self._problem(request, Refused(INTERNAL), instance, trace)
        seconds = self._seconds() - began
        self._metrics.answered("http_api", name, _outcome(status), seconds)
        trace.say("http.request.method", _text(request.method)[:16])
        trace.say("http.response.status_code", status)
        fields = trace.end(name, _outcome(status), seconds, peer=_address(request))
        if body is not None:
            set_head(request, status, kind)
            if status != 204:
                request.setHeader("Content-Length", str(len(body)))
        self.log.info(
            "{method} {path} from {address}: {status}",
            method=_text(request.method),
            path=_text(request.path),
            address=_address(request),
            status=status,
            id=instance,
            seconds=round(seconds, 4),
            **fields,
        )
        return body

    def _problem(self, request: Any, problem: Refused, instance: str, trace: InHand) -> Answer:
        if problem.kind.status >= 500:
            trace.keep()
        if problem.kind.status == 401:
            request.setHeader("WWW-Authenticate", 'Bearer realm="sora"')
        if problem.wait is not None:
            request.setHeader("Retry-After", str(problem.wait))
        document = problem.document(f"urn:sora:request:{instance}", trace.id)
        return problem.kind.status, MEDIA_TYPE, written(document)


def _authorization(request: Any) -> str | None:
    """What a request shows. Two are none: what stands between may look at the other one."""
    if len(request.requestHeaders.getRawHeaders(b"Authorization", ())) > 1:
        raise Refused(BAD_REQUEST, "There may be one header Authorization")
    return _header(request, b"Authorization")


def _header(request: Any, name: bytes) -> str | None:
    """A header as text, whatever its octets are; None where there is none."""
    value = request.getHeader(name)
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _digest(request: Any) -> bytes:
    """What tells a request from others of its caller."""
    shown = _header(request, b"Authorization") or ""
    body = request.content.getvalue() if request.upload is None else request.upload.spool.hash
    return digest_of_request(shown, request.method, request.uri, body)


def _closing(request: Any, work: Coroutine[Any, Any, T]) -> "Deferred[T]":
    """The work of a request, which has the message that came with it until it ends."""
    upload: Upload | None = request.take_upload()

    async def doing() -> T:
        try:
            return await work
        finally:
            if upload is not None:
                upload.close()

    return Deferred.fromCoroutine(doing())


def _query(endpoint: Endpoint, request: Any) -> Any:
    text = request.uri.partition(b"?")[2].decode("utf-8", "replace")
    try:
        arguments = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise Refused(BAD_REQUEST, f"There may be {MAX_PARAMETERS} parameters") from None
    if endpoint.query is not None:
        return from_query(endpoint.query, arguments)
    if arguments:
        raise Refused(BAD_REQUEST, f"There is no parameter {min(arguments)!r} here")
    return None


def _conditions(endpoint: Endpoint, request: Any) -> Conditions:
    if not endpoint.is_conditional:
        return Conditions()
    headers = request.requestHeaders
    return conditions_of(
        headers.getRawHeaders(b"If-Match", ()), headers.getRawHeaders(b"If-None-Match", ())
    )


def _body(endpoint: Endpoint, request: Any) -> Any:
    if request.is_too_big:
        raise Refused(TOO_BIG, f"A body of this kind has at most {request.most} octets here")
    if endpoint.takes:
        return required(request.upload, endpoint.takes)
    if endpoint.body is None:
        return None
    if _media(request) != JSON:
        raise Refused(NOT_JSON)
    return from_json(endpoint.body, request.content.getvalue())


def _media(request: Any) -> str:
    return (_header(request, b"Content-Type") or "").partition(";")[0].strip().lower()


def _address(request: Any) -> str:
    """Where the request comes from (G57)."""
    host: str = request.channel.peer.host if request.channel is not None else "gone"
    return host


def _outcome(status: int) -> str:
    """The client's fault is bad, ours is a no."""
    return "ok" if status < 400 else "bad" if status < 500 else "no"


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "backslashreplace")
