"""Answers that are too large to be held: they are sent as they come, no faster than they are read.

How large one is going to be nobody knows, so it comes in chunks (RFC 9112 §7.1), and whoever does
not get the last one knows that it is not whole: when something fails on the way the connection is
closed without it. Who reads nothing for a while is hung up on; when the client is gone nothing more
is made for it.
"""

from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from sora.errors import TooMany, Unavailable
from sora.exchange.counts import Counts
from sora.operations.downloading import Departure
from sora.protocols.http.audit import Change

MOST: Final = 4
"""downloads of one server at the same time"""
STALLED: Final = 120.0
"""seconds in which a client has to take what waits for it: some 200 KiB at most"""

_log: Final = Logger()


@frozen
class Download:
    """What is sent: its media type, the name that a file of it may have, and the mail itself."""

    media: str
    name: str
    departure: Departure


def set_head(request: Any, status: int, kind: str) -> None:
    """The head of an answer; `kind` is its media type, empty where nothing follows."""
    request.setResponseCode(status)
    request.responseHeaders.removeHeader("Server")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    if kind:
        request.setHeader("Content-Type", kind)


class Downloads:
    """The downloads of one server; at most `most` at the same time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._running = 0

    def require_place(self) -> None:
        """Raises TooMany."""
        if self._running >= self._most:
            raise TooMany(f"{self._most} downloads are under way here: wait for one to end")

    async def send(self, request: Any, download: Download, change: Change, done: str) -> None:
        """Answer with it; `done` is what the log of changes says when all is sent. Raises TooMany;
        and when the connection was cut, since not all could be had, Unavailable and whatever
        else came in between; CancelledError when the client is gone."""
        self.require_place()
        name = download.name.encode("ascii", "replace").decode("ascii").replace('"', "?")
        request.setHeader("Content-Disposition", f'attachment; filename="{name}"')
        set_head(request, 200, download.media)
        if request.method == b"HEAD":
            return
        self._running += 1
        try:
            await _send(request, download, change, done)
        finally:
            self._running -= 1


async def _send(request: Any, download: Download, change: Change, done: str) -> None:
    reader = _Reader(request)
    departure = download.departure
    try:
        counts = await departure.go(reader.write)
        told = f"{counts.done} messages, {reader.octets} octets"
        if reader.is_gone:
            change.broken("gone", f"the client went away after {told}")
            raise CancelledError
        if not counts.is_whole:
            why = _what_is_missing(counts)
            change.broken("failed", f"it was cut after {told}: {why}")
            raise Unavailable(f"A download of {departure.address} is not whole: {why}")
    except BaseException:
        await reader.cut()
        raise
    reader.leave()
    for lost in departure.target.lost:
        _log.warn(
            "in the maildir of {address} there is no letter left for a keyword: {lost}",
            address=departure.address,
            lost=lost,
        )
    change.done(f"{done}: {told}")


def _what_is_missing(counts: Counts) -> str:
    if counts.stopped is not None:
        return counts.stopped.text
    named = "; ".join(map(str, counts.problems[:3]))
    more = len(counts.problems) + counts.unnamed - 3
    return named + (f"; and {more} more" if more > 0 else "")


@implementer(IPushProducer)
class _Reader:
    """Who reads an answer."""

    def __init__(self, request: Any) -> None:
        self.octets = 0
        self.is_gone = False
        self._request = request
        self._channel = request.channel
        self._is_paused = False
        self._waiting: Deferred[None] | None = None
        request.notifyFinish().addErrback(self._lost)
        request.registerProducer(self, True)

    async def write(self, data: bytes) -> bool:
        """Send octets, and wait until there is room for more. False when nobody reads."""
        if not self.is_gone:
            self.octets += len(data)
            self._request.write(data)
        if self._is_paused and not self.is_gone:
            await self._wait(STALLED)
        return not self.is_gone

    def leave(self) -> None:
        """All is sent."""
        self._request.unregisterProducer()

    async def cut(self) -> None:
        """End the connection, and the answer not; return when it is gone."""
        if self.is_gone:
            return
        self._request.unregisterProducer()
        if self._request.chunked:
            self._channel.loseConnection()
        else:  # to HTTP/1.0 an end in peace would be that of the answer
            self._channel.abort()
        while not self.is_gone:
            await self._wait(STALLED)

    async def _wait(self, seconds: float) -> None:
        """Until the client reads on, or is gone."""
        late = self._channel.callLater(seconds, self._channel.abort)
        self._waiting = Deferred()
        try:
            await self._waiting
        finally:
            self._waiting = None
            if late.active():
                late.cancel()

    def _go_on(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)

    def _lost(self, _: object) -> None:
        self.is_gone = True
        self._go_on()

    # ------------------------------------------------------------ called by the transport

    def pauseProducing(self) -> None:
        """There is no room."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """There is room again."""
        self._is_paused = False
        self._go_on()

    def stopProducing(self) -> None:
        """The transport is gone: the request hears of it."""
