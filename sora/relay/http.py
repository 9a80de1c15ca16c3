"""HTTP in place of SMTP: a message is posted as it is, its envelope stands in the header.

    POST <http_url>
    Content-Type: message/rfc822
    Authorization: Bearer <auth_token>
    Idempotency-Key: <the same for each attempt of the same message and recipients>
    Sora-Kind: redirect
    Sora-Envelope-From: <ann@example.com> RET=HDRS
    Sora-Envelope-To: <bob@example.org> NOTIFY=NEVER        (one for each recipient)

What follows From and To is what follows `MAIL FROM:` and `RCPT TO:` in SMTP, with octets that are
not ASCII as %XX, and % as %25. The octets of the message are those that arrived, unchanged.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import Content, Readable
from sora.relay.transport import Consignment, ITransport
from sora.relay.wire.envelope import Content as Size
from sora.relay.wire.envelope import Refusal, mail_command, rcpt_command
from sora.threads import Threads

BLOCK: Final = 64 * 1024
MAX_TEXT: Final = 500
"""Octets of an answer that are looked at."""
CONNECT: Final = 30.0
ANSWER: Final = 600.0
"""Seconds for a message and its answer."""
NOT_ABOUT_THE_MESSAGE: Final = frozenset({401, 403, 404, 405, 407, 429, 503})
"""Codes that speak of us, of the address or of the server's load: nobody's mail bounces by them."""
FOR_NOW: Final = frozenset({408, 409, 425})
_ALL: Final = {b"8BITMIME": b"", b"SMTPUTF8": b"", b"DSN": b"", b"DELIVERBY": b""}
_BROKEN: Final = (ResponseFailed, RequestTransmissionFailed, ConnectionDone, ConnectionLost)


@implementer(ITransport)
class HTTPTransport:
    """Posts messages to `url`. `tls_for` makes what speaks TLS with a host."""

    kind = "http"

    def __init__(
        self,
        url: str,
        token: str,
        threads: Threads,
        reactor: Any,
        *,
        tls_for: Callable[[str], Any],
        timeout: float = ANSWER,
    ) -> None:
        self.target = url
        self._token = token
        self._threads = threads
        self._clock = reactor
        self._timeout = timeout
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.retryAutomatically = False
        agent = Agent(reactor, _Policy(tls_for), connectTimeout=CONNECT, pool=self._pool)
        self._http = HTTPClient(agent)
        self._asking: set[Deferred[Any]] = set()

    @deferred
    async def send(self, consignment: Consignment) -> Sequence[Answer]:
        """See ITransport. All recipients have the same answer."""
        count = len(consignment.outgoing.recipients)
        try:
            headers = self._headers(consignment)
        except Refusal as refusal:
            return [Answer(Fate.REFUSED, 0, refusal.status, refusal.text)] * count
        body = _Body(consignment.open, consignment.size, self._threads)
        try:
            code, text = await self._ask("POST", headers, body)
        except _Broken as error:
            if not body.is_begun:
                raise Unavailable(f"{self.target}: {error}") from error
            return [Answer(Fate.WAITING, 0, "4.4.2", str(error))] * count
        if code in NOT_ABOUT_THE_MESSAGE or 300 <= code < 400:
            raise Unavailable(f"{self.target} answers {code} {text}".rstrip())
        return [Answer(_fate(code), code, _STATUS[_fate(code)], text)] * count

    @deferred
    async def probe(self, patience: float | None = None) -> None:
        """See ITransport. Whatever it answers, it is there, unless it says that it is not."""
        try:
            code, text = await self._ask("HEAD", self._common(), None, patience)
        except _Broken as error:
            raise Unavailable(f"{self.target}: {error}") from error
        if code in (429, 503):
            raise Unavailable(f"{self.target} answers {code} {text}".rstrip())

    @deferred
    async def stop(self) -> None:
        """See ITransport."""
        for asking in list(self._asking):
            asking.cancel()
        await self._pool.closeCachedConnections()

    def _common(self) -> Headers:
        headers = Headers({b"user-agent": [b"Sora"]})
        if self._token:
            headers.addRawHeader(b"authorization", b"Bearer " + self._token.encode())
        return headers

    def _headers(self, consignment: Consignment) -> Headers:
        outgoing = consignment.outgoing
        size = Size(consignment.size, consignment.eight_bit)
        mail = mail_command(outgoing, size, _ALL, self._clock.seconds())
        recipients = [rcpt_command(one, _ALL) for one in outgoing.recipients]
        key = sha256(b"\n".join([consignment.name.encode(), *recipients])).hexdigest()
        headers = self._common()
        headers.addRawHeader(b"content-type", b"message/rfc822")
        headers.addRawHeader(b"idempotency-key", key[:32].encode())
        headers.addRawHeader(b"sora-kind", _coded(outgoing.kind.encode()))
        headers.addRawHeader(b"sora-envelope-from", _coded(mail.removeprefix(b"MAIL FROM:")))
        for recipient in recipients:
            headers.addRawHeader(b"sora-envelope-to", _coded(recipient.removeprefix(b"RCPT TO:")))
        return headers

    async def _ask(
        self, method: str, headers: Headers, body: Any, patience: float | None = None
    ) -> tuple[int, str]:
        """The code of the answer, and the beginning of its text. Raises Unavailable when nothing
        can have arrived, _Broken when it may have."""
        asking: Deferred[tuple[int, str]] = Deferred.fromCoroutine(
            self._request(method, headers, body)
        )
        self._asking.add(asking)
        asking.addTimeout(min(self._timeout, patience or self._timeout), self._clock)
        try:
            return await asking
        except (ConnectError, DNSLookupError, OSError) as error:
            raise Unavailable(f"{self.target} cannot be reached: {error}") from error
        except RequestGenerationFailed as error:  # and so the message did not arrive whole
            raise Unavailable("The message cannot be read") from error
        except (TimeoutError, CancelledError, *_BROKEN) as error:
            raise _Broken(_why(error)) from error
        finally:
            self._asking.discard(asking)

    async def _request(self, method: str, headers: Headers, body: Any) -> tuple[int, str]:
        response = await self._http.request(
            method, self.target, headers=headers, data=body, unbuffered=True, allow_redirects=False
        )
        pieces: list[bytes] = []

        def collect(piece: bytes) -> None:
            if sum(map(len, pieces)) < MAX_TEXT:
                pieces.append(piece)

        await response.collect(collect)
        text = b"".join(pieces)[:MAX_TEXT].decode("utf-8", "replace")
        return response.code, " ".join("".join(c for c in text if c.isprintable()).split())


class _Broken(Exception):
    """The connection ended after something was sent."""


def _why(error: BaseException) -> str:
    if isinstance(error, (ResponseFailed, RequestTransmissionFailed)):
        said = filter(None, (reason.getErrorMessage() for reason in error.reasons))
        return "; ".join(said) or "no answer in time"  # it was cancelled
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or "broken off"


def _fate(code: int) -> Fate:
    if 200 <= code < 300:
        return Fate.SENT
    return Fate.REFUSED if 400 <= code < 500 and code not in FOR_NOW else Fate.WAITING


_STATUS: Final = {Fate.SENT: "2.0.0", Fate.REFUSED: "5.0.0", Fate.WAITING: "4.0.0"}


def _coded(value: bytes) -> bytes:
    return re.sub(rb"[^ -$&-~]", lambda found: b"%%%02X" % found[0][0], value)


@implementer(IPolicyForHTTPS)
class _Policy:
    def __init__(self, tls_for: Callable[[str], Any]) -> None:
        self._tls_for = tls_for

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """See IPolicyForHTTPS."""
        return self._tls_for(hostname.decode("ascii"))


@implementer(IBodyProducer)
class _Body:
    """A message, read in a thread piece by piece as the connection takes it."""

    def __init__(self, content: Content, size: int, threads: Threads) -> None:
        self.length = size
        self.is_begun = False
        self._content = content
        self._threads = threads
        self._paused: Deferred[None] | None = None
        self._is_stopped = False

    def startProducing(self, consumer: Any) -> "Deferred[None]":
        """See IBodyProducer."""
        self.is_begun = True
        return Deferred.fromCoroutine(self._produce(consumer))

    async def _produce(self, consumer: Any) -> None:
        opened: Readable = await self._threads.run(self._content)
        try:
            while not self._is_stopped and (block := await self._threads.run(opened.read, BLOCK)):
                if self._paused is not None:
                    await self._paused
                if not self._is_stopped:
                    consumer.write(block)
        finally:
            opened.close()

    def pauseProducing(self) -> None:
        """See IBodyProducer."""
        if self._paused is None:
            self._paused = Deferred()

    def resumeProducing(self) -> None:
        """See IBodyProducer."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.callback(None)

    def stopProducing(self) -> None:
        """See IBodyProducer."""
        self._is_stopped = True
        self.resumeProducing()
