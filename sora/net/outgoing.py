"""What is written to a client: collected, compressed where that is agreed, and sent in few, large
writes. While the client does not read, who writes waits (`drain`), so that a slow client holds no
more than `WRITE_BEHIND` octets; one that reads nothing for `STALLED` seconds is told of.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.tcp import Connection as TCPConnection

from sora.net.deflate import Deflaters
from sora.net.ended import ConnectionEnded
from sora.net.transcript import Transcript

WRITE_BEHIND: Final = 64 * 1024
"""octets collected before they are handed to the transport"""
STALLED: Final = 900.0
"""seconds in which a client has to read what the system holds for it; a slow download that
makes progress takes less (G40)"""


class Outgoing:
    """The octets on their way to one client."""

    __slots__ = (
        "_clock",
        "_deflaters",
        "_draining",
        "_pieces",
        "_stalled",
        "_transport",
        "held",
        "is_blocked",
        "is_over",
        "octets",
        "transcript",
    )

    def __init__(self, clock: IReactorTime, stalled: Callable[[], None]) -> None:
        """`stalled` is called when the client has read nothing for too long."""
        self.held = 0
        """octets that are collected, and not sent yet"""
        self.octets = 0
        """how many were sent, as they went out"""
        self.is_blocked = False
        """whether the client does not read"""
        self.is_over = False
        """whether nobody is waited for any more: the connection is closing, or lost"""
        self.transcript: Transcript | None = None
        self._clock = clock
        self._stalled = stalled
        self._transport: Any = None
        self._pieces: list[bytes] = []
        self._deflaters: Deflaters | None = None
        self._draining: Deferred[None] | None = None

    def begin(self, transport: Any) -> None:
        """The client is there."""
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Add octets to the answer. They leave when enough have come together, or when the
        conversation waits for the client; await `drain` between large pieces."""
        self._pieces.append(data)
        self.held += len(data)
        if self.held >= WRITE_BEHIND:
            self.flush()

    def write_all(self, pieces: list[bytes]) -> None:
        """Add many pieces to the answer at once."""
        self._pieces.extend(pieces)
        self.held += sum(map(len, pieces))
        if self.held >= WRITE_BEHIND:
            self.flush()

    def flush(self) -> None:
        """Hand what was collected to the transport."""
        if self._pieces:
            data, self._pieces = b"".join(self._pieces), []
            self.held = 0
            if self._transport is not None:
                if self.transcript is not None:
                    self.transcript.said(data)
                if self._deflaters is not None:
                    data = self._deflaters.deflate(self, data)
                self.octets += len(data)
                _send(self._transport, data)

    async def drain(self) -> None:
        """Wait while the client does not read what was written to it.

        Raises ConnectionEnded when the client is gone.
        """
        if self.is_over:
            raise ConnectionEnded
        if self.is_blocked:
            self._draining = Deferred()
            stalled = self._clock.callLater(STALLED, self._stalled)
            try:
                await self._draining
            finally:
                self._draining = None
                if stalled.active():
                    stalled.cancel()

    def resume(self) -> None:
        """The client reads again."""
        self.is_blocked = False
        if self._draining is not None and not self._draining.called:
            self._draining.callback(None)

    def end_wait(self) -> None:
        """Whoever waits in `drain` waits no more: ConnectionEnded is raised there."""
        if self._draining is not None and not self._draining.called:
            self._draining.errback(ConnectionEnded())

    def lose(self) -> None:
        """The client is gone: what is still written goes nowhere."""
        self.is_over = True
        self._transport = None
        if self._deflaters is not None:
            self._deflaters.let_go(self)

    # ---------------------------------------------------------- compression

    @property
    def is_compressed(self) -> bool:
        """Whether octets are compressed."""
        return self._deflaters is not None

    def start_deflate(self, deflaters: Deflaters) -> None:
        """Compress from the next octet on."""
        self.flush()
        self._deflaters = deflaters

    def end_deflate(self) -> None:
        """Compress no more, from the next octet on."""
        self.flush()
        if self._deflaters is not None:
            self._deflaters.let_go(self)
            self._deflaters = None


def _send(transport: Any, data: bytes) -> None:
    """Write to a transport: at once, as far as the system takes it, where nothing waits to be sent
    before it. A turn of the reactor later would be one more wait for a client that waits."""
    if isinstance(transport, TCPConnection) and not (
        transport.TLS
        or transport.dataBuffer
        or transport._tempDataBuffer
        or transport.disconnecting
    ):
        sent = transport.writeSomeData(data)
        if isinstance(sent, int) and sent > 0:
            if sent == len(data):
                return
            data = data[sent:]
    # What is left; and who is gone, the reactor finds out.
    transport.write(data)
