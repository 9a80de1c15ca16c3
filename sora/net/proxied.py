"""A connection from a trusted proxy: its PROXY header is read, then the real protocol begins.

The header comes before TLS (G56). It has to be there in time; while it is read, nothing is
written and no place of the server's limits is taken for anybody.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from sora.net.peer import Peer
from sora.net.proxy_header import BadProxyHeader, read_proxy_header

HEADER_SECONDS: Final = 5.0
"""The header travels in the first packet; whoever takes longer is no proxy."""


class ProxiedConnection(Protocol):
    """Reads the header, and hands the transport to what `accept` builds for the real peer."""

    log = Logger()
    transport: Any

    def __init__(
        self,
        clock: IReactorTime,
        proxy: Peer,
        accept: Callable[[Peer], IProtocol | None],
        refused: Callable[[], None],
    ) -> None:
        """`accept` gives None for a connection that is to be closed; `refused` is told of one
        without a right header."""
        self._clock = clock
        self._proxy = proxy
        self._accept = accept
        self._refused = refused
        self._received = b""
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait for the header."""
        self._timer = self._clock.callLater(HEADER_SECONDS, self._refuse, "it did not come")

    def dataReceived(self, data: bytes) -> None:
        """A part of the header, or all of it and what comes after."""
        if self._timer is None:
            return
        self._received += data
        try:
            header = read_proxy_header(self._received)
        except BadProxyHeader as error:
            self._refuse(str(error))
            return
        if header is None:
            return
        self._stop_timer()
        rest, self._received = self._received[header.size :], b""
        target = self._accept(header.source or self._proxy)
        if target is None:
            self.transport.loseConnection()
            return
        self.transport.protocol = target
        target.makeConnection(self.transport)
        if rest:
            target.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy is gone before its header was there."""
        self._stop_timer()

    def abort(self) -> None:
        """The server stops."""
        self._stop_timer()
        self.transport.abortConnection()

    def _refuse(self, why: str) -> None:
        self._stop_timer()
        self._refused()
        self.log.warn(
            "{peer} is a trusted network and sent no PROXY header: {why}; either it should, or "
            "proxy_protocol should be false",
            peer=str(self._proxy),
            why=why,
        )
        self.transport.abortConnection()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
