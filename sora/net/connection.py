"""One connection: the only place where bytes come in, and the coroutine that answers them.

Bytes go to a pure reader (`receive`, `next_event`); a protocol's `converse` is one coroutine
that greets, takes an event, answers it, and again. Three rules hold for every protocol:

*Back-pressure both ways.* While nobody waits for the client, at most `READ_AHEAD` octets are
taken from it and then reading stops: one that pipelines is not read faster than served.
What is written is collected, and waits while the client does not read (`outgoing.py`).

*Hanging up interrupts waiting, not work.* A lost connection raises `ConnectionEnded` only
where the conversation waits for the client or writes to it. A call to storage that is under
way runs to its end (docs/architecture.md, trap 1).

*Time is counted where we wait.* Each wait for the client has a deadline (`deadline.py`). A client
that reads nothing for long is cut off, and so is one that does not let go after `close`.

A layer of compression (`start_deflate`) lies between the transport and all of this: octets are
held as they came, and inflated when the reader has nothing left (`inflating.py`); what is flushed
is compressed as one.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.errors import SoraError
from sora.net.binding import binding_of, bindings_of
from sora.net.deflate import Deflaters
from sora.net.ended import ConnectionEnded, TimedOut
from sora.net.incoming import Incoming
from sora.net.interfaces import Reader, Registration
from sora.net.outgoing import Outgoing
from sora.net.peer import Peer
from sora.net.standing import Standing
from sora.net.transcript import Transcript

LINGER: Final = 30.0
"""seconds that a client may take to read the last octets, and to end TLS, before it is cut off"""


@implementer(IPushProducer)
class Connection(TwistedProtocol):
    """A connection whose `converse` is one coroutine. Protocols derive from it.

    `peer` is known from `connectionMade` on; a PROXY header replaces it.
    """

    log = Logger()
    reader: Reader
    peer: Peer
    transport: Any
    session: Registration | None = None
    """set by the listener"""

    def __init__(self, clock: IReactorTime, reader: Reader) -> None:
        self.clock = clock
        self.reader = reader
        self.describe: Callable[[], Standing] = Standing
        """where the conversation stands; set by who leads it"""
        self.memory: Callable[[], int] = lambda: self.held
        """about how many octets it takes by itself; set by who leads the conversation"""
        self.ended: Deferred[None] = Deferred()
        """fires when the conversation has ended, however it did"""
        self.outgoing = outgoing = Outgoing(clock, self._end_stalled)
        self.incoming = incoming = Incoming(reader, clock, outgoing)
        # One call less, for what is called most.
        self.write = outgoing.write
        self.write_all = outgoing.write_all
        self.flush = outgoing.flush
        self.drain = outgoing.drain
        self.take_event = incoming.take_event
        self.event_or_wake = incoming.event_or_wake
        self._lingering: IDelayedCall | None = None
        self._conversation: Deferred[None] | None = None
        self._lost = False
        self._closing = False

    # ---------------------------------------------------------- for protocols

    async def converse(self) -> None:
        """The whole conversation; the connection is closed when it returns."""
        raise NotImplementedError

    def shutdown(self, why: SoraError) -> None:
        """Say goodbye and end soon: the server stops, or somebody ended the session (`why`). Called
        from outside the conversation."""
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the client is still there, as far as is known."""
        return not (self._lost or self._closing)

    @property
    def held(self) -> int:
        """Octets that have come and were not read, or were said and not sent."""
        return self.reader.buffered + self.outgoing.held

    @property
    def octets_in(self) -> int:
        """How many octets came."""
        return self.incoming.octets

    @property
    def octets_out(self) -> int:
        """How many octets were sent."""
        return self.outgoing.octets

    @property
    def transcript(self) -> Transcript | None:
        """Where what is said is written, if anywhere; set by the books of who is connected."""
        return self.outgoing.transcript

    @transcript.setter
    def transcript(self, transcript: Transcript | None) -> None:
        self.outgoing.transcript = transcript

    @property
    def must_end_by(self) -> float | None:
        """An absolute time that no wait for the client outlasts, however it dribbles (G59)."""
        return self.incoming.deadline.must_end_by

    @must_end_by.setter
    def must_end_by(self, moment: float | None) -> None:
        self.incoming.deadline.must_end_by = moment

    @property
    def is_overdue(self) -> bool:
        """Whether the last wait of `event_or_wake` ended because its time was up."""
        return self.incoming.deadline.moment <= self.clock.seconds()

    @property
    def is_tls(self) -> bool:
        """Whether TLS protects the connection now."""
        return bool(
            isinstance(self.transport, TLSMemoryBIOProtocol)
            or ISSLTransport.providedBy(self.transport)
        )

    @property
    def bindings(self) -> tuple[str, ...]:
        """The types of channel binding that there are, none without TLS."""
        return bindings_of(self.transport)

    def binding(self, kind: str) -> bytes | None:
        """The data of a type of channel binding; None if there is none."""
        return binding_of(self.transport, kind)

    def identify(self, user: str) -> None:
        """Say who has logged in, before it is answered. Raises TooMany when the user has too
        many connections."""
        if self.session is not None:
            self.session.identify(user)

    def unidentify(self) -> None:
        """Say that nobody is logged in any more."""
        if self.session is not None:
            self.session.unidentify()

    def timed_out(self) -> TimedOut:
        """What to raise when the client has been silent for too long; it is counted."""
        if self.session is not None:
            self.session.timed_out("idle" if self.must_end_by is None else "login")
        return TimedOut()

    async def next_event(self, timeout: float) -> Any:  # noqa: ASYNC109 - see `Deadline`
        """The reader's next event; waits at most `timeout` seconds without any octet coming in.

        Raises:
            TimedOut: the client was silent for too long.
            Unreadable: what it sent cannot be inflated.
            ConnectionEnded: the client is gone.
        """
        left = timeout
        while True:
            event = await self.event_or_wake(left)
            if event is not None:
                return event
            left = self.incoming.deadline.moment - self.clock.seconds()
            if left <= 0:
                raise self.timed_out()

    def wake(self) -> None:
        """See `Incoming.wake`."""
        self.incoming.wake()

    @property
    def is_drained(self) -> bool:
        """Whether `drain` has nothing to wait for, and nothing to raise."""
        return not (self.outgoing.is_blocked or self.outgoing.is_over)

    def start_tls(self, context: Any) -> None:
        """Begin TLS with a context factory. What the client sent before is forgotten (G59)."""
        self.flush()
        self.reader.discard()
        # A producer that is registered with the bare transport would be paused for the octets
        # of TLS: it is registered anew above it.
        self.transport.unregisterProducer()
        self.transport.startTLS(context)
        self.transport.registerProducer(self, True)
        self.outgoing.is_blocked = False

    @property
    def is_compressed(self) -> bool:
        """Whether octets are compressed in both directions."""
        return self.outgoing.is_compressed

    def start_deflate(self, deflaters: Deflaters, unread: bytes) -> None:
        """Compress from the next octet on, in both directions (RFC 4978). `unread` is what the
        reader has that came behind the command."""
        self.outgoing.start_deflate(deflaters)
        self.incoming.start_deflate(unread)

    def end_deflate(self) -> None:
        """Compress no more, from the next octet on, in both directions (RFC 8437 §4.1)."""
        self.outgoing.end_deflate()
        self.incoming.end_deflate()

    def close(self) -> None:
        """Send what was written, and hang up. A conversation that waits for the client ends."""
        self.flush()
        if self.transport is None or self._lost or self._closing:
            return
        # What the client still sends is read and dropped: octets left unread would make the
        # system cut the connection before the last answer has arrived.
        self.incoming.resume_reading()
        self._begin_closing()
        self.transport.loseConnection()
        # A client that reads nothing, or never answers TLS's goodbye, would stay for ever.
        self.incoming.deadline.stop()
        if not self._lost:
            self._lingering = self.clock.callLater(LINGER, self.abort)
        self._end_waits()

    def abort(self) -> None:
        """Hang up now; what was not sent is lost."""
        if self.transport is not None and not self._lost:
            if not self._closing:
                self._begin_closing()
            abort = getattr(self.transport, "abortConnection", self.transport.loseConnection)
            abort()

    def _begin_closing(self) -> None:
        self._closing = self.outgoing.is_over = True
        self.transport.unregisterProducer()

    # ---------------------------------------------------------- called by Twisted

    def connectionMade(self) -> None:
        """The client is there: the conversation begins."""
        if not hasattr(self, "peer"):
            self.peer = Peer.of(self.transport)
        self.outgoing.begin(self.transport)
        self.incoming.begin(self.transport)
        self.transport.registerProducer(self, True)
        self._conversation = Deferred.fromCoroutine(self._run())

    def dataReceived(self, data: bytes) -> None:
        """Octets came."""
        incoming = self.incoming
        incoming.octets += len(data)
        if not self._closing:
            incoming.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: whatever waits for it ends."""
        self._lost = True
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        self.incoming.lose()
        self.outgoing.lose()
        self._end_waits()
        self._leave()

    def pauseProducing(self) -> None:
        """The client does not read: `drain` waits."""
        self.outgoing.is_blocked = True

    def resumeProducing(self) -> None:
        """The client reads again."""
        self.outgoing.resume()

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` says the rest."""
        self.outgoing.is_blocked = False

    # ---------------------------------------------------------- inside

    async def _run(self) -> None:
        try:
            await self.converse()
        except (ConnectionEnded, CancelledError):
            pass
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self.log.failure("a conversation with {peer} failed", peer=self.peer)
        finally:
            self.close()
            self.ended.callback(None)
            self._leave()

    def _leave(self) -> None:
        if self._lost and self.ended.called and self.session is not None:
            self.session.leave()

    def _end_stalled(self) -> None:
        if self.session is not None:
            self.session.timed_out("stalled")
        self.abort()

    def _end_waits(self) -> None:
        self.incoming.end_wait()
        self.outgoing.end_wait()
