"""One connection: the only place where bytes come in, and the coroutine that answers them.

Bytes go to a pure reader (`receive`, `next_event`); a protocol's `converse` is one coroutine
that greets, takes an event, answers it, and again. Three rules hold for every protocol:

*Back-pressure both ways.* While nobody waits for the client, at most `READ_AHEAD` octets are
taken from it and then reading stops: one that pipelines is not read faster than served.
What is written is collected and goes out in few, large writes; `drain` waits while the
client does not read, so that a slow one holds no more than `WRITE_BEHIND` octets.

*Hanging up interrupts waiting, not work.* A lost connection raises `ConnectionEnded` only
where the conversation waits for the client or writes to it. A call to storage that is under
way runs to its end (docs/architecture.md, trap 1).

*Time is counted where we wait.* Each wait for the client has a deadline. It is kept as a
number; the one timer of the connection looks at it when it rings, and is set anew if the
deadline has moved: no timer is made or cancelled for a command. A client that reads nothing
for `STALLED` seconds is cut off, and so is one that does not let go after `close`.

A layer of compression (`start_deflate`) lies between the transport and all of this: octets are
held as they came, and inflated when the reader has nothing left; what is flushed is compressed
as one.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection as TCPConnection
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.errors import SoraError
from sora.net.binding import binding_of, bindings_of
from sora.net.deflate import Deflaters, Garbled, Inflate
from sora.net.peer import Peer
from sora.net.standing import Standing
from sora.net.transcript import Transcript

READ_AHEAD: Final = 64 * 1024
"""octets taken from a client while nobody waits for it"""
WRITE_BEHIND: Final = 64 * 1024
"""octets collected before they are handed to the transport"""
EVENTS_IN_A_ROW: Final = 64
"""events answered without a wait before the reactor gets its turn"""
INFLATED_AT_ONCE: Final = 16 * 1024
"""octets that are inflated before the reader looks at them"""
INFLATED_IN_A_ROW: Final = 16
"""times that this is done without an event coming of it, before the reactor gets its turn"""
STALLED: Final = 900.0
"""seconds in which a client has to read what the system holds for it; a slow download that
makes progress takes less (G40)"""
LINGER: Final = 30.0
"""seconds that a client may take to read the last octets, and to end TLS, before it is cut off"""


class ConnectionEnded(Exception):
    """The client is gone, or has to go. Ends a conversation; it is no failure."""


class TimedOut(ConnectionEnded):
    """The client did not say what it had to in time."""


class Unreadable(ConnectionEnded):
    """What the client sent is not compressed as it should be; there is no way to go on."""


class Registration(Protocol):
    """A connection's entry in the books of who is connected."""

    def identify(self, user: str) -> None:
        """Say who has logged in. Raises TooMany when the user has too many connections."""

    def unidentify(self) -> None:
        """Nobody is logged in any more."""

    def timed_out(self, reason: str) -> None:
        """The connection is ended because the client took too long: `login`, `idle` or
        `stalled`."""

    def leave(self) -> None:
        """The connection is gone. Doing it again does nothing."""


class Reader(Protocol):
    """A sans-IO reader: octets in, events out."""

    def receive(self, data: bytes) -> None:
        """Take octets as they came."""

    def next_event(self) -> Any:
        """The next event, or None when more octets are needed for one."""

    def discard(self) -> None:
        """Forget all octets that were received and not yet read (STARTTLS, G59)."""

    @property
    def buffered(self) -> int:
        """How many octets are held."""


@implementer(IPushProducer)
class Connection(TwistedProtocol):
    """A connection whose `converse` is one coroutine. Protocols derive from it.

    `reader` is set by the subclass before the connection is made. `peer` is known from
    `connectionMade` on; a PROXY header replaces it.
    """

    log = Logger()
    reader: Reader
    peer: Peer
    transport: Any
    session: Registration | None = None
    """set by the listener"""

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.describe: Callable[[], Standing] = Standing
        """where the conversation stands; set by who leads it"""
        self.memory: Callable[[], int] = lambda: self.held
        """about how many octets it takes by itself; set by who leads the conversation"""
        self.answered_at_once: Callable[[Any], bool] | None = None
        """answers an event that comes alone, to a conversation that waits for it, if that takes no
        waiting at all; gives whether it has. Set by who leads the conversation, which need not be
        woken for it."""
        self.transcript: Transcript | None = None
        """where what is said is written, if anywhere; set by the books of who is connected"""
        self.octets_in = 0
        self.octets_out = 0
        self.ended: Deferred[None] = Deferred()
        """fires when the conversation has ended, however it did"""
        self._conversation: Deferred[None] | None = None
        self._waiting: Deferred[Any] | None = None
        self._draining: Deferred[None] | None = None
        self._out: list[bytes] = []
        self._collected = 0
        self._blocked = False
        self._reading = True
        self._lost = False
        self._closing = False
        self._woken = False
        self._in_a_row = 0
        self._deadline = 0.0
        self._timeout = 0.0
        self.must_end_by: float | None = None
        """an absolute time that no wait for the client outlasts, however it dribbles (G59)"""
        self._timer: IDelayedCall | None = None
        self._inflate: Inflate | None = None
        self._deflaters: Deflaters | None = None
        self._inflating: IDelayedCall | None = None

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
        return self.reader.buffered + self._collected

    @property
    def is_overdue(self) -> bool:
        """Whether the last wait of `event_or_wake` ended because its time was up."""
        return self._deadline <= self.clock.seconds()

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

    async def next_event(self, timeout: float) -> Any:  # noqa: ASYNC109 - see `_ring`
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
            left = self._deadline - self.clock.seconds()
            if left <= 0:
                raise self.timed_out()

    def take_event(self) -> Any:
        """The next event if it is there already, without waiting; None too when the reactor
        should get its turn first: `next_event` does both."""
        if self._in_a_row >= EVENTS_IN_A_ROW - 1:
            return None
        event = self.reader.next_event()
        if event is None and self._inflate is not None:
            event = self._inflated(self._inflate)
        if event is not None:
            self._in_a_row += 1
        return event

    async def event_or_wake(self, timeout: float) -> Any:  # noqa: ASYNC109 - see `_ring`
        """The next event, or None after `timeout` seconds or as soon as `wake` is called.

        Raises ConnectionEnded when the client is gone, Unreadable.
        """
        event = self.reader.next_event()
        if event is None and self._inflate is not None:
            event = self._inflated(self._inflate)
        if event is not None:
            self._in_a_row += 1
            if self._in_a_row >= EVENTS_IN_A_ROW:
                await self._give_way()
            return event
        self.flush()
        self._in_a_row = 0
        if self._woken:
            self._woken = False
            self._move_deadline(timeout)
            return None
        if not self.is_open:
            raise ConnectionEnded
        self._set_deadline(timeout)
        self._resume_reading()
        self._waiting = Deferred()
        try:
            return await self._waiting
        finally:
            self._waiting = None
            self._woken = False

    def wake(self) -> None:
        """Make the wait of `event_or_wake` end now; if there is none, the next one."""
        if self._waiting is not None:
            self._fire(None)
        else:
            self._woken = True

    def write(self, data: bytes) -> None:
        """Add octets to the answer. They leave when enough have come together, or when the
        conversation waits for the client; await `drain` between large pieces."""
        self._out.append(data)
        self._collected += len(data)
        if self._collected >= WRITE_BEHIND:
            self.flush()

    def write_all(self, pieces: list[bytes]) -> None:
        """Add many pieces to the answer at once."""
        self._out.extend(pieces)
        self._collected += sum(map(len, pieces))
        if self._collected >= WRITE_BEHIND:
            self.flush()

    def flush(self) -> None:
        """Hand what was collected to the transport."""
        if self._out:
            data, self._out = b"".join(self._out), []
            self._collected = 0
            if not self._lost and self.transport is not None:
                if self.transcript is not None:
                    self.transcript.said(data)
                if self._deflaters is not None:
                    data = self._deflaters.deflate(self, data)
                self.octets_out += len(data)
                _send(self.transport, data)

    @property
    def is_drained(self) -> bool:
        """Whether `drain` has nothing to wait for, and nothing to raise."""
        return not (self._blocked or self._lost or self._closing)

    async def drain(self) -> None:
        """Wait while the client does not read what was written to it.

        Raises ConnectionEnded when the client is gone.
        """
        if not self.is_open:
            raise ConnectionEnded
        if self._blocked:
            self._draining = Deferred()
            stalled = self.clock.callLater(STALLED, self._end_stalled)
            try:
                await self._draining
            finally:
                self._draining = None
                if stalled.active():
                    stalled.cancel()

    def start_tls(self, context: Any) -> None:
        """Begin TLS with a context factory. What the client sent before is forgotten (G59)."""
        self.flush()
        self.reader.discard()
        # A producer that is registered with the bare transport would be paused for the octets
        # of TLS: it is registered anew above it.
        self.transport.unregisterProducer()
        self.transport.startTLS(context)
        self.transport.registerProducer(self, True)
        self._blocked = False

    @property
    def is_compressed(self) -> bool:
        """Whether octets are compressed in both directions."""
        return self._deflaters is not None

    def start_deflate(self, deflaters: Deflaters, unread: bytes) -> None:
        """Compress from the next octet on, in both directions (RFC 4978). `unread` is what the
        reader has that came behind the command."""
        self.flush()
        self._deflaters = deflaters
        if self._inflate is not None:
            unread += self._inflate.take(self._inflate.held)
        self._inflate = Inflate()
        self._inflate.receive(unread)

    def end_deflate(self) -> None:
        """Compress no more, from the next octet on, in both directions (RFC 8437 §4.1)."""
        self.flush()
        if self._deflaters is not None and self._inflate is not None:
            self._deflaters.let_go(self)
            self._deflaters = None
            self._inflate.end()

    def close(self) -> None:
        """Send what was written, and hang up. A conversation that waits for the client ends."""
        self.flush()
        if self.transport is None or self._lost or self._closing:
            return
        # What the client still sends is read and dropped: octets left unread would make the
        # system cut the connection before the last answer has arrived.
        self._resume_reading()
        self._closing = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        # A client that reads nothing, or never answers TLS's goodbye, would stay for ever.
        self._stop_timer()
        if not self._lost:
            self._timer = self.clock.callLater(LINGER, self.abort)
        self._end_waits()

    def abort(self) -> None:
        """Hang up now; what was not sent is lost."""
        if self.transport is not None and not self._lost:
            if not self._closing:
                self._closing = True
                self.transport.unregisterProducer()
            abort = getattr(self.transport, "abortConnection", self.transport.loseConnection)
            abort()

    # ---------------------------------------------------------- called by Twisted

    def connectionMade(self) -> None:
        """The client is there: the conversation begins."""
        if not hasattr(self, "peer"):
            self.peer = Peer.of(self.transport)
        self.transport.registerProducer(self, True)
        self._conversation = Deferred.fromCoroutine(self._run())

    def dataReceived(self, data: bytes) -> None:
        """Octets came."""
        self.octets_in += len(data)
        if self._closing:
            return
        inflate = self._inflate
        if inflate is None:
            self._receive(data)
        else:
            inflate.receive(data)
        if self._waiting is not None:
            self._look()
        if self._waiting is not None:
            self._move_deadline(self._timeout)
        if self._waiting is None or self._inflating is not None:
            held = self.reader.buffered + (inflate.held if inflate else 0)
            if held > READ_AHEAD and self._reading:
                self._reading = False
                self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: whatever waits for it ends."""
        self._lost = True
        self._stop_timer()
        if self._inflating is not None:
            self._inflating.cancel()
            self._inflating = None
        if self._deflaters is not None:
            self._deflaters.let_go(self)
        self._end_waits()
        self._leave()

    def pauseProducing(self) -> None:
        """The client does not read: `drain` waits."""
        self._blocked = True

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._blocked = False
        if self._draining is not None and not self._draining.called:
            self._draining.callback(None)

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` says the rest."""
        self._blocked = False

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

    def _inflated(self, inflate: Inflate) -> Any:
        """The reader's next event, for which octets that are held compressed are inflated: only
        as far as it takes for one, and no further than `INFLATED_IN_A_ROW` times in a turn of
        the reactor. Raises Unreadable.
        """
        try:
            for _ in range(INFLATED_IN_A_ROW):
                if not inflate.has_more:
                    break
                self._receive(inflate.take(INFLATED_AT_ONCE))
                event = self.reader.next_event()
                if event is not None:
                    return event
        except Garbled as error:
            raise Unreadable(str(error)) from None
        if inflate.is_done:
            self._inflate = None
        elif inflate.has_more and self._inflating is None and not self._lost:
            # Much comes of little, and no command of it: the others first.
            self._inflating = self.clock.callLater(0, self._go_on)
        return None

    def _receive(self, data: bytes) -> None:
        if self.transcript is not None:
            self.transcript.heard(data)
        self.reader.receive(data)

    def _go_on(self) -> None:
        self._inflating = None
        if self._waiting is not None:
            self._look()
            if self._waiting is not None and self._inflating is None:
                self._resume_reading()

    def _look(self) -> None:
        """Somebody waits for the client: is there an event for him?"""
        try:
            event = self.reader.next_event()
            if event is None and self._inflate is not None:
                event = self._inflated(self._inflate)
        except Unreadable as error:
            waiting, self._waiting = self._waiting, None
            if waiting is not None and not waiting.called:
                waiting.errback(error)
            return
        if event is not None and not self._is_answered_at_once(event):
            self._fire(event)

    def _is_answered_at_once(self, event: Any) -> bool:
        """Whether it was the one thing that the client wants now, and has its answer."""
        return (
            self.answered_at_once is not None
            and not (self.reader.buffered or self._inflate or self._blocked or self._woken)
            and self.answered_at_once(event)
        )

    def _leave(self) -> None:
        if self._lost and self.ended.called and self.session is not None:
            self.session.leave()

    def _end_stalled(self) -> None:
        if self.session is not None:
            self.session.timed_out("stalled")
        self.abort()

    def _end_waits(self) -> None:
        for waiting in (self._waiting, self._draining):
            if waiting is not None and not waiting.called:
                waiting.errback(ConnectionEnded())

    def _fire(self, event: Any) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(event)

    def _resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            if self.transport is not None and not self._lost:
                self.transport.resumeProducing()

    async def _give_way(self) -> None:
        self._in_a_row = 0
        self.flush()
        turn: Deferred[None] = Deferred()
        self.clock.callLater(0, turn.callback, None)
        await turn
        # Whoever has hung up gets what was received answered all the same, up to its end.
        if self._blocked and self.is_open:
            await self.drain()

    def _set_deadline(self, timeout: float) -> None:
        self._timeout = timeout
        self._move_deadline(timeout)
        left = max(0.0, self._deadline - self.clock.seconds())
        if self._timer is None or not self._timer.active():
            self._timer = self.clock.callLater(left, self._ring)
        elif self._timer.getTime() > self._deadline:
            self._timer.reset(left)

    def _move_deadline(self, timeout: float) -> None:
        self._deadline = self.clock.seconds() + timeout
        if self.must_end_by is not None and self._deadline > self.must_end_by:
            self._deadline = self.must_end_by

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None or self._lost:
            return
        left = self._deadline - self.clock.seconds()
        if left > 0:
            self._timer = self.clock.callLater(left, self._ring)
        else:
            self._fire(None)


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
