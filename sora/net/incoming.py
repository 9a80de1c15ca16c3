"""What a client sends, on its way to the conversation that answers it.

Octets go to the reader, and its events to whoever waits for one (`event_or_wake`). While nobody
does, at most `READ_AHEAD` octets are taken and then reading stops: a client that pipelines is not
read faster than served, and gives way to others now and then.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.net.deadline import Deadline
from sora.net.ended import ConnectionEnded, Unreadable
from sora.net.inflating import Inflating
from sora.net.interfaces import Reader
from sora.net.outgoing import Outgoing

READ_AHEAD: Final = 64 * 1024
"""octets taken from a client while nobody waits for it"""
EVENTS_IN_A_ROW: Final = 64
"""events answered without a wait before the reactor gets its turn"""


class Incoming:
    """The octets and events of one client."""

    __slots__ = (
        "_clock",
        "_in_a_row",
        "_inflating",
        "_is_reading",
        "_outgoing",
        "_reader",
        "_transport",
        "_waiting",
        "_woken",
        "answered_at_once",
        "deadline",
        "octets",
    )

    def __init__(self, reader: Reader, clock: IReactorTime, outgoing: Outgoing) -> None:
        self.octets = 0
        """how many came"""
        self.deadline = Deadline(clock, self._ring)
        """of the wait for the client"""
        self.answered_at_once: Callable[[Any], bool] | None = None
        """answers an event that comes alone, to a conversation that waits for it, if that takes no
        waiting at all; gives whether it has. Set by who leads the conversation, which need not be
        woken for it."""
        self._reader = reader
        self._clock = clock
        self._outgoing = outgoing
        self._transport: Any = None
        self._inflating: Inflating | None = None
        self._waiting: Deferred[Any] | None = None
        self._woken = False
        self._in_a_row = 0
        self._is_reading = True

    def begin(self, transport: Any) -> None:
        """The client is there."""
        self._transport = transport

    # ---------------------------------------------------------- for the conversation

    def take_event(self) -> Any:
        """The next event if it is there already, without waiting; None too when the reactor
        should get its turn first: `event_or_wake` does both."""
        if self._in_a_row >= EVENTS_IN_A_ROW - 1:
            return None
        event = self._reader.next_event()
        if event is None and self._inflating is not None:
            event = self._inflated(self._inflating)
        if event is not None:
            self._in_a_row += 1
        return event

    async def event_or_wake(self, timeout: float) -> Any:  # noqa: ASYNC109 - see `Deadline`
        """The next event, or None after `timeout` seconds or as soon as `wake` is called.

        Raises ConnectionEnded when the client is gone, Unreadable.
        """
        event = self._reader.next_event()
        if event is None and self._inflating is not None:
            event = self._inflated(self._inflating)
        if event is not None:
            self._in_a_row += 1
            if self._in_a_row >= EVENTS_IN_A_ROW:
                await self._give_way()
            return event
        self._outgoing.flush()
        self._in_a_row = 0
        if self._woken:
            self._woken = False
            self.deadline.move(timeout)
            return None
        if self._outgoing.is_over:
            raise ConnectionEnded
        self.deadline.set(timeout)
        self.resume_reading()
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

    # ---------------------------------------------------------- for the connection

    def receive(self, data: bytes) -> None:
        """Octets came."""
        inflating = self._inflating
        if inflating is None:
            self._receive(data)
        else:
            inflating.receive(data)
        if self._waiting is not None:
            self._look()
        if self._waiting is not None:
            self.deadline.move(self.deadline.timeout)
        if self._waiting is None or self._goes_on:
            held = self._reader.buffered + (inflating.held if inflating else 0)
            if held > READ_AHEAD and self._is_reading:
                self._is_reading = False
                self._transport.pauseProducing()

    def resume_reading(self) -> None:
        """Take octets again, if that had stopped."""
        if not self._is_reading:
            self._is_reading = True
            if self._transport is not None:
                self._transport.resumeProducing()

    def end_wait(self) -> None:
        """Whoever waits for the client waits no more: ConnectionEnded is raised there."""
        self._fail(ConnectionEnded())

    def lose(self) -> None:
        """The client is gone: nothing more comes."""
        self._transport = None
        self.deadline.stop()
        if self._inflating is not None:
            self._inflating.stop()

    def start_deflate(self, unread: bytes) -> None:
        """What comes is compressed, beginning with the octets that the reader has read too far."""
        if self._inflating is not None:
            self._inflating.begin_anew(unread)
            return
        self._inflating = Inflating(unread, self._reader, self._clock, self._receive, self._go_on)
        if self._transport is None:
            self._inflating.stop()

    def end_deflate(self) -> None:
        """What comes next is not compressed any more."""
        if self._inflating is not None:
            self._inflating.end()

    # ---------------------------------------------------------- inside

    @property
    def _goes_on(self) -> bool:
        return self._inflating is not None and self._inflating.goes_on

    def _receive(self, data: bytes) -> None:
        transcript = self._outgoing.transcript
        if transcript is not None:
            transcript.heard(data)
        self._reader.receive(data)

    def _inflated(self, inflating: Inflating) -> Any:
        """The reader's next event, for which octets are inflated that are held. Raises
        Unreadable."""
        event = inflating.next_event()
        if event is None and inflating.is_done:
            self._inflating = None
        return event

    def _go_on(self) -> None:
        if self._waiting is not None:
            self._look()
            if self._waiting is not None and not self._goes_on:
                self.resume_reading()

    def _look(self) -> None:
        """Somebody waits for the client: is there an event for him?"""
        try:
            event = self._reader.next_event()
            if event is None and self._inflating is not None:
                event = self._inflated(self._inflating)
        except Unreadable as error:
            self._fail(error)
            return
        if event is not None and not self._is_answered_at_once(event):
            self._fire(event)

    def _is_answered_at_once(self, event: Any) -> bool:
        """Whether it was the one thing that the client wants now, and has its answer."""
        return (
            self.answered_at_once is not None
            and not (self._reader.buffered or self._inflating or self._woken)
            and not self._outgoing.is_blocked
            and self.answered_at_once(event)
        )

    def _fire(self, event: Any) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(event)

    def _fail(self, error: ConnectionEnded) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.errback(error)

    def _ring(self) -> None:
        """The timer of the deadline has rung."""
        if self._waiting is not None and not self.deadline.rings_later():
            self._fire(None)

    async def _give_way(self) -> None:
        self._in_a_row = 0
        self._outgoing.flush()
        turn: Deferred[None] = Deferred()
        self._clock.callLater(0, turn.callback, None)
        await turn
        # Whoever has hung up gets what was received answered all the same, up to its end.
        if self._outgoing.is_blocked and not self._outgoing.is_over:
            await self._outgoing.drain()
