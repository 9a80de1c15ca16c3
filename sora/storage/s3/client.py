"""Requests to an S3 store: over treq, signed by botocore, one attempt each.

What is above (`objects.py`) repeats them. A request that makes no progress for `timeout`
seconds is given up.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import md5, sha256
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode

from attrs import frozen
from blake3 import blake3
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    _HTTP11ClientFactory,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from sora.config.s3 import S3Config
from sora.errors import SoraError, Unavailable
from sora.storage.digests import BLOCK, Metered
from sora.storage.s3.answers import MAX_ERROR_BODY, Answer, ClockSkewed, failure
from sora.storage.s3.listing import MAX_LISTING
from sora.storage.s3.signing import EMPTY, UNSIGNED, Keys, sign
from sora.storage.s3.transfer import Part, Progress, Sending, collect, read_part
from sora.storage.s3.trust import is_refusal, trust_of, why_refused
from sora.threads import Threads
from sora.tracing.spans import begin

KEPT_CONNECTIONS: Final = 32
KEPT_FOR: Final = 20
"""Seconds; shorter than what stores keep an idle connection for."""


@frozen
class Digests:
    """What has to be known of a body before its first octet is sent."""

    sha256: bytes
    md5: bytes


def digests(open_body: Callable[[], object], size: int, hash: bytes) -> Digests:
    """Read a body once. Raises StoreRefused when it is not what was promised."""
    sha, md = sha256(), md5(usedforsecurity=False)
    body = Metered(open_body())
    try:
        while data := body.read(BLOCK):
            sha.update(data)
            md.update(data)
    finally:
        body.close()
    body.verify(size, hash)
    return Digests(sha.digest(), md.digest())


class S3Client:
    """One bucket of one store. Keys of objects are plain ASCII."""

    log = Logger()

    def __init__(self, config: S3Config, reactor: Any, threads: Threads) -> None:
        self._config = config
        self._reactor = reactor
        self._threads = threads
        self._keys = Keys(config.access_key, config.secret_key, threads, reactor.seconds)
        self._ahead = 0.0
        self._address = _address(config)
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = KEPT_CONNECTIONS
        self._pool.cachedConnectionTimeout = KEPT_FOR  # seconds
        self._pool._factory = _QuietFactory
        self._pool.retryAutomatically = False  # objects.py repeats, and counts
        agent = Agent(
            reactor,
            BrowserLikePolicyForHTTPS(trustRoot=trust_of(config.ca_file)),
            connectTimeout=min(config.timeout, 10.0),
            pool=self._pool,
        )
        self._http = HTTPClient(_Identity(agent))

    @property
    def address(self) -> str:
        """The bucket's URL, for messages."""
        return self._address

    @property
    def skew(self) -> str:
        """A sentence about this machine's clock where the store refuses it; else empty."""
        if not self._ahead:
            return ""
        way = "behind" if self._ahead > 0 else "ahead of"
        seconds = round(abs(self._ahead))
        return f"this machine's clock is {seconds} seconds {way} that of the object store"

    @property
    def timeout(self) -> float:
        """Seconds without progress after which a transfer is given up."""
        return self._config.timeout

    @property
    def in_parts_beyond(self) -> int:
        """Octets from which on an object is uploaded in parts; 0: none is."""
        return self._config.multipart_threshold

    async def read_part(self, body: Metered) -> Part | None:
        """The next part of a body, read and hashed in a thread; None at the end."""
        return await self._threads.run(read_part, body, self._config.multipart_part_size)

    async def put(
        self, key: str, open_body: Callable[[], object], size: int, hash: bytes
    ) -> tuple[str, str]:
        """PUT an object; gives the ETag, without quotes, and the MD5 of what was sent.

        Raises Unavailable, or StoreRefused also when the body is not what was promised.
        """
        headers, payload = await self._described(open_body, size, hash)
        sending = Sending(open_body(), size, hash)
        try:
            response = await self._request("PUT", key, headers, payload, sending)
            await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)
        finally:
            sending.close()
        etag = response.headers.getRawHeaders("ETag", [""])[0]
        return etag.strip('"'), sending.md5

    async def put_part(self, key: str, query: Mapping[str, str], part: Part) -> str:
        """PUT a part of an object; gives its ETag. Raises Unavailable, StoreRefused."""
        headers = {"Content-MD5": part.md5} if self._config.checksum == "md5" else {}
        sending = Sending(BytesIO(part.octets), len(part.octets), part.blake3)
        try:
            response = await self._request(
                "PUT", key, headers, part.sha256, sending, query=_query(query)
            )
            await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)
        finally:
            sending.close()
        return response.headers.getRawHeaders("ETag", [""])[0]

    async def post(
        self, key: str, query: Mapping[str, str], octets: bytes, *, describes: bool = False
    ) -> bytes:
        """POST, which begins an upload in parts (it `describes` the object then) and completes it;
        gives the answer. Raises Unavailable, StoreRefused, ObjectMissing; also when the answer is
        an error after all: a store that takes long to complete an upload answers 200 first."""
        headers = {"Content-Type": "application/xml"}
        if describes:
            headers = {"Content-Type": "application/octet-stream", **self._encryption()}
        sending = Sending(BytesIO(octets), len(octets), blake3(octets).digest())
        try:
            response = await self._request(
                "POST", key, headers, sha256(octets).hexdigest(), sending, query=_query(query)
            )
            answer = await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)
        finally:
            sending.close()
        if b"<Error>" in answer:
            late = Answer(500, answer, {})
            status = 500 if late.code in ("", "InternalError") else 400
            raise failure(Answer(status, answer, {}), f"POST of {key}", datetime.now(UTC))
        return answer

    async def get(self, key: str, start: int, end: int) -> IResponse:
        """Begin to GET the octets [start, end), which are at least one; the caller receives
        them. Raises Unavailable, StoreRefused, ObjectMissing."""
        response = await self._request("GET", key, {"Range": f"bytes={start}-{end - 1}"})
        if response.code != 206 and start > 0:
            _drop(response)
            raise Unavailable("The object store does not answer ranges")
        return response

    async def delete(self, key: str, query: Mapping[str, str] = MappingProxyType({})) -> None:
        """DELETE an object, or what `query` names of it. Raises Unavailable, StoreRefused,
        ObjectMissing."""
        response = await self._request("DELETE", key, {}, query=_query(query))
        await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)

    async def size(self, key: str) -> int:
        """The size of an object, from the answer to a GET of its first octet: HEAD has no body
        that would say what is missing. Raises Unavailable, StoreRefused, ObjectMissing."""
        response = await self._request("GET", key, {"Range": "bytes=0-0"}, accepted=(416,))
        ranges = response.headers.getRawHeaders("Content-Range", [""])[0]
        if response.code == 200:
            size = response.length
            _drop(response)
        else:
            await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)
            total = ranges.rpartition("/")[2]
            size = int(total) if total.isdigit() else 0 if response.code == 416 else None
        if not isinstance(size, int):
            raise Unavailable("The object store did not tell the size of an object")
        return size

    async def list(self, prefix: str, after: str, limit: int) -> bytes:
        """The answer to ListObjectsV2: keys with this prefix that come after another key. Raises
        Unavailable, StoreRefused."""
        query = _query(
            {"list-type": "2", "max-keys": str(limit), "prefix": prefix, "start-after": after}
        )
        response = await self._request("GET", "", {}, query=query)
        return await collect(response, self._reactor, self.timeout, MAX_LISTING)

    def close(self) -> "Deferred[None]":
        """Close the idle connections."""
        return self._pool.closeCachedConnections()

    async def _described(
        self, open_body: Callable[[], object], size: int, hash: bytes
    ) -> tuple[dict[str, str], str]:
        """Headers that describe a body, and what is signed of it.

        Without TLS the payload is signed: nothing else protects it on the way.
        """
        headers = {"Content-Type": "application/octet-stream", **self._encryption()}
        if self._config.checksum == "none" and self._address.startswith("https:"):
            return headers, UNSIGNED
        if size <= BLOCK:
            known = digests(open_body, size, hash)
        else:
            known = await self._threads.run(digests, open_body, size, hash)
        if self._config.checksum == "sha256":
            headers["x-amz-checksum-sha256"] = b64encode(known.sha256).decode("ascii")
        elif self._config.checksum == "md5":
            headers["Content-MD5"] = b64encode(known.md5).decode("ascii")
        return headers, known.sha256.hex()

    def _encryption(self) -> dict[str, str]:
        """Headers that ask the store to encrypt."""
        if not self._config.sse:
            return {}
        headers = {"x-amz-server-side-encryption": self._config.sse}
        if self._config.sse_kms_key_id:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self._config.sse_kms_key_id
        return headers

    async def _request(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        payload: str = EMPTY,
        body: Sending | None = None,
        accepted: tuple[int, ...] = (),
        query: str = "",
    ) -> IResponse:
        url = f"{self._address}/{quote(key)}" + (f"?{query}" if query else "")
        credentials = await self._keys.current()
        signed = sign(credentials, self._config.region, method, url, headers, payload, self._ahead)
        what = f"{method} of {key}" if key else "a listing"
        span = begin("s3_request", method)
        try:
            response = await self._exchange(method, url, signed, body, what)
        except BaseException as why:
            if span is not None:
                span.end(type(why).__name__)
            raise
        if span is not None:
            span.facts["http.response.status_code"] = response.code
            span.end("" if response.code < 400 else str(response.code))
        if 200 <= response.code < 300 or response.code in accepted:
            return response
        text = await collect(response, self._reactor, self.timeout, MAX_ERROR_BODY)
        answer = Answer(response.code, text, _headers(response))
        error = failure(answer, what, datetime.now(UTC))
        if isinstance(error, ClockSkewed):
            raise self._corrected(error)
        raise error

    def _corrected(self, error: ClockSkewed) -> SoraError:
        """Sign with the store's clock from now on; once: then it is not the clock."""
        ahead = error.ahead
        if ahead is None or abs(ahead - self._ahead) < 60.0:
            return error
        self._ahead = ahead if abs(ahead) >= 60.0 else 0.0
        if self._ahead:
            self.log.warn(
                "{skew}: set it; requests are signed with the store's time until then",
                skew=self.skew,
            )
        else:
            self.log.info("this machine's clock and that of the object store agree again")
        return Unavailable(error.text)

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Sending | None, what: str
    ) -> IResponse:
        stalled = False
        exchange = self._http.request(
            method,
            url,
            headers=Headers({name: [value] for name, value in headers.items()}),
            data=body,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )

        def give_up() -> None:
            nonlocal stalled
            stalled = True
            exchange.cancel()

        progress = Progress(self._reactor, self.timeout, give_up)
        if body is not None:
            body.progress = progress
        try:
            return await exchange
        except SoraError:
            raise
        except Exception as error:  # whatever the network does, it was no answer
            if stalled:  # the cancellation comes alone, or inside of what it broke
                raise Unavailable(
                    f"The object store did not answer to {what} for {self.timeout:g} seconds"
                ) from None
            if isinstance(error, CancelledError):
                raise
            raise await self._translated(error, what) from error
        finally:
            progress.suspend()
            if body is not None:
                body.progress = None

    async def _translated(self, error: BaseException, what: str) -> SoraError:
        """An exception of the network, or the one of ours that is inside of it."""
        reasons: list[Any] = list(getattr(error, "reasons", None) or [])
        while reasons:
            reason = reasons.pop()
            value = reason.value if isinstance(reason, Failure) else reason
            if isinstance(value, SoraError):
                return value
            reasons.extend(getattr(value, "reasons", None) or [])
            if isinstance(value, BaseException) and not reasons:
                error = value
        text = str(error) or type(error).__name__
        if "wrong version number" in text:
            text = "it does not speak TLS at that port; see [s3] use_ssl and endpoint"
        elif is_refusal(error):
            text = await why_refused(error, self._address, self._reactor)
        return Unavailable(f"The object store could not be reached for {what}: {text}")


def _address(config: S3Config) -> str:
    """The bucket's URL: the bucket in the path, or in front of the host."""
    scheme = "https" if config.use_ssl else "http"
    host = config.endpoint.rstrip("/")
    if "://" in host:
        scheme, _, host = host.partition("://")
    if host == "s3.amazonaws.com" and config.region not in ("", "us-east-1"):
        host = f"s3.{config.region}.amazonaws.com"
    if config.path_style or not config.bucket:
        return f"{scheme}://{host}/{config.bucket}".rstrip("/")
    return f"{scheme}://{config.bucket}.{host}"


def _query(fields: Mapping[str, str]) -> str:
    return urlencode(fields, quote_via=quote, safe="")


def _headers(response: IResponse) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): values[0].decode("latin-1")
        for name, values in response.headers.getAllRawHeaders()
        if values
    }


class _QuietFactory(_HTTP11ClientFactory):
    """Says nothing of each connection."""

    noisy = False


def _drop(response: IResponse) -> None:
    """Let go of a response that nobody will read."""
    transport = getattr(response, "_transport", None)
    if transport is not None:
        transport.loseConnection()


@implementer(IAgent)
class _Identity:
    """Asks for bodies as they are: a compressed range of an object is nothing we can use, and
    treq offers gzip on its own."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> "Deferred[IResponse]":
        headers = Headers() if headers is None else headers.copy()
        headers.setRawHeaders("Accept-Encoding", ["identity"])
        return self._agent.request(method, uri, headers, bodyProducer)
