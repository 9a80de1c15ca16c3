"""HTTP on a listener: twisted.web's channel, with what the listener and the tracker ask of any
connection, and with requests whose bodies are bounded before anybody looks at them."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from sora.config.servers import ServerConfig
from sora.errors import ShuttingDown, SoraError
from sora.net.interfaces import Registration
from sora.net.peer import Peer
from sora.net.standing import Standing
from sora.net.transcript import Transcript
from sora.protocols.http.problems import BAD_REQUEST, MEDIA_TYPE, TOO_SLOW, Refused
from sora.protocols.http.shaping import written
from sora.protocols.http.upload import Upload

MAX_BODY: Final = 1024 * 1024
"""octets of a request's body, but of one that is a message"""
DROPPED: Final = 8 * MAX_BODY
"""octets above the limit that are read and dropped, so that the client can be told; then it is cut
off"""
IDLE: Final = 65.0
"""seconds in which a client has to say something"""
WHOLE: Final = 60.0
"""seconds that a request may take to come, from its first octet to its last"""
PACE: Final = 32 * 1024
"""octets of a message that have to come in each `WHOLE` seconds: it may take longer, not stall"""


_log: Final = Logger()
_AS_IT_IS: Final = "%!$&'()*+,;=:@~"
"""what may stand in a segment of a path (RFC 3986 §3.3), and what is encoded already"""


class BoundedRequest(Request):
    """A request that keeps at most `MAX_BODY` octets; one with more is marked. A message, of who
    may send it, goes into an upload, which has a limit of its own."""

    content: Any
    channel: Any
    is_too_big = False
    _taken = _seen = 0
    most = MAX_BODY
    _upload: Upload | None = None

    def gotLength(self, length: int | None) -> None:
        """Where the body will be: in memory, as it is small; or in a spool."""
        self._upload = self.channel.site.upload(self)
        if self._upload is not None:
            self.most = self._upload.limit
        self.is_too_big = length is not None and length > self.most
        self.content = BytesIO()

    @property
    def upload(self) -> Upload | None:
        """The message that is the body."""
        return self._upload

    def goes_on(self) -> bool:
        """Whether it is a message of which enough came since this was asked last."""
        came, self._seen = self._taken - self._seen, self._taken
        return self._upload is not None and came >= PACE

    def take_upload(self) -> Upload | None:
        """The same, for who closes it."""
        upload, self._upload = self._upload, None
        return upload

    def finish(self) -> None:
        """It is answered."""
        self._let_go()
        super().finish()

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        self._let_go()
        super().connectionLost(reason)

    def _let_go(self) -> None:
        upload = self.take_upload()
        if upload is not None:
            upload.close()

    def getRequestHostname(self) -> bytes:
        """What routing is told. Nothing here depends on what a client calls this server."""
        return b"sora"

    def _handleStar(self) -> None:
        """`OPTIONS *` is for no resource that there is."""
        self.render(self.channel.site.getResourceFor(self))

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece of the body, or drop it."""
        self._taken += len(data)
        if self._taken > self.most:
            self.is_too_big = True
        if not self.is_too_big:
            (self.content.write if self._upload is None else self._upload.take)(data)
        elif self._taken > self.most + DROPPED and self.channel is not None:
            self.channel.abort()


class HTTPConnection(HTTPChannel):
    """One connection of a client."""

    session: Registration | None = None
    """set by the listener"""
    site: Any
    peer: Peer
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self.ended: Deferred[None] = Deferred()
        """fires when nothing is answered any more, and nothing will be"""
        self.describe: Callable[[], Standing] = Standing
        self.memory: Callable[[], int] = int
        self.transcript: Transcript | None = None
        self.octets_in = 0
        self.octets_out = 0
        self._is_closing = False
        self._late: Any = None

    @property
    def is_tls(self) -> bool:
        """Whether it is encrypted."""
        return bool(self.isSecure())

    def dataReceived(self, data: bytes) -> None:
        """Octets of the client."""
        self.octets_in += len(data)
        self._begin_request()
        super().dataReceived(data)

    def write(self, data: bytes) -> None:
        """Octets for the client."""
        self.octets_out += len(data)
        super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Several pieces for the client."""
        pieces = list(iovec)
        self.octets_out += sum(map(len, pieces))
        super().writeSequence(pieces)

    def connectionMade(self) -> None:
        """The client is there."""
        if not hasattr(self, "peer"):
            self.peer = Peer.of(self.transport)
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone. What was begun for it goes on."""
        super().connectionLost(reason)
        self._end_request()
        self._end()
        if self.session is not None:
            self.session.leave()

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the head has no end."""
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._hang_up(Refused(BAD_REQUEST, "This is no request of HTTP/1.1"), "Bad Request")

    def _hang_up(self, problem: Refused, reason: str) -> None:
        """What is no request that HTTP knows is told so in the shape that all refusals have."""
        status = problem.kind.status
        instance = self.site.new_id()
        body = written(problem.document(f"urn:sora:request:{instance}"))
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        _log.info(
            "no request of HTTP from {address}: {status}",
            address=self.peer.host,
            status=status,
            id=instance,
        )
        self.transport.write(head.encode("ascii") + body)
        self.octets_out += len(head) + len(body)
        self.loseConnection()

    def allContentReceived(self) -> None:
        """A request is there as a whole."""
        self._end_request()
        super().allContentReceived()

    def _begin_request(self) -> None:
        """A client that sends an octet now and then would never be idle (slow loris)."""
        if self._late is None and not self._handlingRequest:
            self._late = self.callLater(WHOLE, self._be_late)

    def _end_request(self) -> None:
        late, self._late = self._late, None
        if late is not None and late.active():
            late.cancel()

    def _be_late(self) -> None:
        self._late = None
        request: BoundedRequest | None = self.requests[-1] if self.requests else None
        if request is not None and request.goes_on():
            self._begin_request()
            return
        detail = f"A request has to be there within {WHOLE:g} seconds"
        if request is not None and request.upload is not None:
            detail = f"{PACE} octets of what is sent have to come every {WHOLE:g} seconds"
        self._hang_up(Refused(TOO_SLOW, detail), "Request Timeout")

    def requestDone(self, request: Request) -> None:
        """A request was answered."""
        super().requestDone(request)
        if self._buffer:
            self._begin_request()
        if self._is_closing:
            self.shutdown(ShuttingDown())

    def shutdown(self, why: SoraError) -> None:
        """Answer what was asked, and no more."""
        self._is_closing = True
        if not self.requests:
            self._end()
            self.loseConnection()

    def abort(self) -> None:
        """Hang up now."""
        self._end()
        self.transport.abortConnection()

    def _end(self) -> None:
        if not self.ended.called:
            self.ended.callback(None)


class HTTPFactory(Site):
    """What a listener takes for a server of type `http_api`."""

    noisy = False

    def __init__(
        self,
        resource: IResource,
        clock: IReactorTime,
        new_id: Callable[[], str],
        change: Callable[[ServerConfig], None] = lambda _: None,
        upload: Callable[[Any], Upload | None] = lambda _: None,
    ) -> None:
        """`new_id` names requests, for the log; `change` takes what can be exchanged of the
        server's configuration while it runs; `upload` gives what a request's body goes into, for
        one whose head says that it is a message."""
        self.new_id = new_id
        self.upload = upload
        self.change = change
        super().__init__(resource, requestFactory=BoundedRequest, timeout=IDLE, reactor=clock)
        self.displayTracebacks = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection. HTTP/1.1 alone is spoken: an operator's tools need no more."""
        channel: Any = HTTPConnection()
        channel.factory = channel.site = self
        channel.requestFactory = self.requestFactory
        channel.callLater = self.reactor.callLater
        channel.timeOut = self.timeOut
        return channel

    def getResourceFor(self, request: Any) -> Any:
        """What answers a request. Segments of its path stay percent-encoded, so that a name may
        have a `/` in it (`places.py`)."""
        segments = request.path[1:].split(b"/")
        request.postpath = [quote(one, safe=_AS_IT_IS).encode("ascii") for one in segments]
        return super().getResourceFor(request)

    def log(self, request: Any) -> None:
        """Requests are logged where they are answered (`site.py`)."""


def refusal(sentence: str) -> bytes:
    """What a client over a limit is told before the connection is closed."""
    body = sentence.encode() + b"\n"
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
