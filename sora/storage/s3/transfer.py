"""Bodies on their way over HTTP: sent from a reader, received in pieces, both with
back-pressure, and both given up when they make no progress.

A time limit for a whole transfer would cut a large body on a slow line; a transfer that moves
is never cut, one that stands still for `timeout` seconds is.
"""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5, sha256
from typing import Final, cast

from attrs import frozen
from blake3 import blake3
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from sora.errors import Unavailable
from sora.storage.digests import BLOCK, Metered

SEND_BLOCK: Final = 64 * 1024


@frozen
class Part:
    """Some of a body, and what describes it: its SHA-256 in hexadecimal digits, its MD5 in base64,
    its BLAKE3."""

    octets: bytes
    sha256: str
    md5: str
    blake3: bytes


def read_part(body: Metered, size: int) -> Part | None:
    """The next `size` octets of a body, fewer at its end; None when there are none."""
    pieces: list[bytes] = []
    left = size
    while left and (piece := body.read(min(left, BLOCK))):
        pieces.append(piece)
        left -= len(piece)
    if not pieces:
        return None
    octets = b"".join(pieces)
    md = b64encode(md5(octets, usedforsecurity=False).digest()).decode("ascii")
    return Part(octets, sha256(octets).hexdigest(), md, blake3(octets).digest())


class Progress:
    """Calls `stalled` when nothing has moved for `timeout` seconds."""

    def __init__(self, clock: IReactorTime, timeout: float, stalled: Callable[[], object]) -> None:
        self._clock = clock
        self._timeout = timeout
        self._stalled = stalled
        self._timer: IDelayedCall | None = None
        self.resume()

    def moved(self) -> None:
        """Something moved."""
        if self._timer is not None:
            self._timer.reset(self._timeout)

    def suspend(self) -> None:
        """Nothing can move now, and it is not the other side's fault."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self) -> None:
        """The other side is awaited again."""
        if self._timer is None:
            self._timer = self._clock.callLater(self._timeout, self._expired)

    def _expired(self) -> None:
        self._timer = None
        self._stalled()


@implementer(IBodyProducer)
class Sending:
    """The body of one PUT. Length and BLAKE3 are verified before the last block is handed
    out: a body that is not what was promised never becomes an object (G4)."""

    def __init__(self, body: object, size: int, hash: bytes) -> None:
        self.length = size
        self.progress: Progress | None = None
        self._body = Metered(body)
        self._hash = hash
        self._md5 = md5(usedforsecurity=False)
        self._consumer: IConsumer | None = None
        self._finished: Deferred[None] = Deferred()
        self._paused = False

    @property
    def md5(self) -> str:
        """The MD5 of what was sent, in hexadecimal digits: what stores give as ETag."""
        return self._md5.hexdigest()

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":
        self._consumer = consumer
        self._send()
        return self._finished

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if self.progress is not None:
            self.progress.moved()
        self._send()

    def stopProducing(self) -> None:
        self._consumer = None
        self.close()

    def close(self) -> None:
        """Nothing more is read."""
        self._body.close()

    def _send(self) -> None:
        while self._consumer is not None and not self._paused:
            try:
                block = self._body.read(min(SEND_BLOCK, self.length - self._body.size))
                is_last = not block or self._body.size == self.length
                if is_last:
                    self._body.read(1)  # more than was promised is as wrong as less
                    self._body.verify(self.length, self._hash)
            except Exception:  # noqa: BLE001 - the Deferred carries it to who awaits the PUT
                self._consumer = None
                self._finished.errback(Failure())
                return
            consumer = self._consumer
            if is_last:
                self._consumer = None
            if block:
                self._md5.update(block)
                if self.progress is not None:
                    self.progress.moved()
                consumer.write(block)
            if is_last:
                self._finished.callback(None)


class Receiving(Protocol):
    """Takes the body of a response and hands it on, one piece at a time.

    While `deliver` has not taken a piece, the connection is not read.
    """

    def __init__(
        self,
        clock: IReactorTime,
        timeout: float,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        self.received = 0
        self.finished: Deferred[None] = Deferred(lambda _: self._abort(CancelledError()))
        self._deliver = deliver
        self._waiting: list[bytes] = []
        self._is_taking = False
        self._ended: Exception | bool | None = False
        self._timeout = timeout
        self._progress = Progress(clock, timeout, self._stalled)

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        self._progress.moved()
        self.received += len(data)
        self._waiting.append(data)
        if not self._is_taking:
            self._next()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._progress.suspend()
        if reason.check(ResponseDone, PotentialDataLoss):
            self._ended = None  # the caller knows how long it had to be
        else:
            self._ended = Unavailable(f"The object store broke off: {reason.getErrorMessage()}")
        self._end()

    @property
    def _producer(self) -> IPushProducer:
        return cast(IPushProducer, self.transport)

    def _next(self) -> None:
        while self._waiting and not self.finished.called:
            piece = b"".join(self._waiting)
            self._waiting.clear()
            try:
                taken = self._deliver(piece)
            except Exception as error:  # noqa: BLE001 - the Deferred carries it on
                self._abort(error)
                return
            if taken is not None and not taken.called:
                self._is_taking = True
                self._progress.suspend()
                if self._ended is False:
                    self._producer.pauseProducing()
                taken.addCallbacks(self._taken, self._refused)
                return
        self._end()

    def _taken(self, _: object) -> None:
        self._is_taking = False
        if self._ended is False and not self.finished.called:
            self._progress.resume()
            self._producer.resumeProducing()
        self._next()

    def _refused(self, failure: Failure) -> None:
        self._is_taking = False
        error = failure.value
        self._abort(error if isinstance(error, Exception) else RuntimeError(str(error)))

    def _stalled(self) -> None:
        self._abort(Unavailable(f"The object store sent nothing for {self._timeout:g} seconds"))

    def _abort(self, error: Exception) -> None:
        self._progress.suspend()
        self._waiting.clear()
        if not self.finished.called:
            self.finished.errback(error)
        if self._ended is False and self.transport is not None:
            self.transport.loseConnection()

    def _end(self) -> None:
        if self._ended is False or self._is_taking or self._waiting or self.finished.called:
            return
        if isinstance(self._ended, Exception):
            self.finished.errback(self._ended)
        else:
            self.finished.callback(None)


async def receive(
    response: IResponse,
    clock: IReactorTime,
    patience: float,
    deliver: "Callable[[bytes], Deferred[None] | None]",
) -> int:
    """Hand a response's body to `deliver`; gives its length.

    Raises Unavailable when it breaks off, or stands still for `patience` seconds.
    """
    receiving = Receiving(clock, patience, deliver)
    response.deliverBody(receiving)
    await receiving.finished
    return receiving.received


async def collect(response: IResponse, clock: IReactorTime, patience: float, limit: int) -> bytes:
    """A response's body as a whole. Raises Unavailable when it is longer than `limit` octets."""
    pieces: list[bytes] = []
    size = 0

    def take(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > limit:
            raise Unavailable(f"The object store sent more than the {limit} octets awaited")
        pieces.append(piece)

    await receive(response, clock, patience, take)
    return b"".join(pieces)
