"""What a client sends compressed, on its way to the reader.

Octets are held as they came, and inflated when the reader has nothing left: only as far as it takes
for one event, and not for ever in one turn of the reactor, however well they are compressed.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sora.net.deflate import Garbled, Inflate
from sora.net.ended import Unreadable
from sora.net.interfaces import Reader

INFLATED_AT_ONCE: Final = 16 * 1024
"""octets that are inflated before the reader looks at them"""
INFLATED_IN_A_ROW: Final = 16
"""times that this is done without an event coming of it, before the reactor gets its turn"""


class Inflating:
    """The compressed octets of one client.

    `unread` are those that came right behind the command that began it. `receive` hands to the
    reader what was inflated. `go_on` is called in a later turn of the reactor when it took too long
    for an event to come: who waits for one asks again.
    """

    def __init__(
        self,
        unread: bytes,
        reader: Reader,
        clock: IReactorTime,
        receive: Callable[[bytes], None],
        go_on: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._receive = receive
        self._go_on = go_on
        self._inflate = Inflate()
        self._later: IDelayedCall | None = None
        self._is_stopped = False
        self._inflate.receive(unread)

    @property
    def held(self) -> int:
        """Octets that wait, as they came."""
        return self._inflate.held

    @property
    def goes_on(self) -> bool:
        """Whether `go_on` will be called."""
        return self._later is not None

    @property
    def is_done(self) -> bool:
        """Whether compression has ended, and nothing is left to do."""
        return self._inflate.is_done and self._later is None

    def begin_anew(self, unread: bytes) -> None:
        """Compression had ended, and begins again."""
        unread += self._inflate.take(self._inflate.held)
        self._inflate = Inflate()
        self._inflate.receive(unread)

    def receive(self, data: bytes) -> None:
        """Take octets as they came."""
        self._inflate.receive(data)

    def next_event(self) -> Any:
        """The next event of a reader that has none; None when more octets are needed, or another
        turn of the reactor. Raises Unreadable."""
        inflate = self._inflate
        try:
            for _ in range(INFLATED_IN_A_ROW):
                if not inflate.has_more:
                    break
                self._receive(inflate.take(INFLATED_AT_ONCE))
                event = self._reader.next_event()
                if event is not None:
                    return event
        except Garbled as error:
            raise Unreadable(str(error)) from None
        if inflate.has_more and not inflate.is_done and not self.goes_on and not self._is_stopped:
            # Much comes of little, and no command of it: the others first.
            self._later = self._clock.callLater(0, self._go_on_now)
        return None

    def end(self) -> None:
        """The client has said that it compresses no more."""
        self._inflate.end()

    def stop(self) -> None:
        """The client is gone: nothing goes on later."""
        self._is_stopped = True
        later, self._later = self._later, None
        if later is not None:
            later.cancel()

    def _go_on_now(self) -> None:
        self._later = None
        self._go_on()
