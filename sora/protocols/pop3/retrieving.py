"""How messages go out, for RETR and TOP.

Small messages are in memory, and the answer with the next one is made while the client is busy with
the latest: when it asks, it is only sent. A large one is streamed from the store to the client,
and takes no more than the connection's buffer. One that cannot be read now is refused, and never
shown as an empty one (G8); when that comes out in the middle, the connection is cut.

To a client that has not said UTF8, a header with other octets than ASCII goes out as one without
them (RFC 6856 §2.1, `sora.mail.surrogate`).
"""

from typing import TYPE_CHECKING, Final

from attrs import frozen

from sora.deferreds import deferred
from sora.errors import SoraError
from sora.mail.headers import header_end
from sora.mail.surrogate import surrogate
from sora.mailbox.retrieval import SMALL, Large, Whole
from sora.net.ended import ConnectionEnded
from sora.protocols.pop3.errors import NeedsUTF8
from sora.protocols.pop3.wire import sending
from sora.protocols.pop3.wire.answers import positive

if TYPE_CHECKING:
    from sora.protocols.pop3.session import Session

PIECE: Final = 64 * 1024
"""octets of a large message that are read at once for its first lines"""
RETR: Final = "retr"
TOP: Final = "top"


@frozen
class _Ready:
    """An answer that nobody has asked for yet, and the command that will."""

    line: bytes
    kind: str
    number: int
    answer: list[bytes]


class Retrieving:
    """The messages of one session on their way to the client."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._ready: _Ready | None = None

    async def whole(self, number: int) -> None:
        """RETR. Raises NoSuchMessage, Unavailable."""
        maildrop = self._session.maildrop
        message = maildrop.message_at_hand(number) or await maildrop.message(number)
        if isinstance(message, Large):
            await self._stream(number, message)
        else:
            await self._send(self._answer(number, message))
        maildrop.retrieved(number)
        self._session.services.messages.retrieved()
        self._session.then(lambda: self.get_ready(RETR))

    async def beginning(self, number: int, lines: int) -> None:
        """TOP. Raises NoSuchMessage, Unavailable."""
        maildrop = self._session.maildrop
        if lines == 0:
            header = maildrop.header_at_hand(number) or await maildrop.header(number)
            await self._send(self._header_answer(header))
            self._session.then(lambda: self.get_ready(TOP))
            return
        message = maildrop.message_at_hand(number) or await maildrop.message(number)
        if isinstance(message, Large):
            octets = await self._first_lines(number, message, lines)
        else:
            octets = sending.beginning(sending.whole(self._shown(message.octets)), lines)
        await self._send(_answer("The first lines", octets))
        self._session.then(maildrop.next_message)

    # ---------------------------------------------------------- before it is asked for

    def get_ready(self, kind: str) -> None:
        """The client has an answer to RETR or TOP (with no lines): make that to the next one."""
        maildrop = self._session.maildrop
        self._ready = None
        if maildrop.is_superseded:
            return
        if kind == TOP:
            header = maildrop.next_header()
            if header is not None:
                line = b"TOP %d 0" % header[0]
                self._ready = _Ready(line, kind, header[0], self._header_answer(header[1]))
        elif (following := maildrop.next_message()) is not None:
            number, message = following
            if isinstance(message, Whole):
                line = b"RETR %d" % number
                self._ready = _Ready(line, kind, number, self._answer(number, message))

    def send_ready(self, line: bytes) -> str | None:
        """Send the answer to a command, if it is ready; gives which command it was."""
        ready = self._ready
        if ready is None or ready.line != line:
            return None
        maildrop = self._session.maildrop
        if not maildrop.is_listed(ready.number):
            return None
        if ready.kind == RETR:
            maildrop.message_at_hand(ready.number)
            maildrop.retrieved(ready.number)
            self._session.services.messages.retrieved()
        else:
            maildrop.header_at_hand(ready.number)
        self._ready = None
        self._session.connection.write_all(ready.answer)
        return ready.kind

    # ---------------------------------------------------------- small messages

    async def _send(self, answer: list[bytes]) -> None:
        self._session.connection.write_all(answer)
        await self._session.drain()

    def _answer(self, number: int, message: Whole) -> list[bytes]:
        octets = self._shown(message.octets)
        # The size of the list counts CRLF for each line: so many octets have it.
        if octets is not message.octets or len(octets) != self._session.maildrop.size(number):
            octets = sending.whole(octets)
        return _answer(f"{len(octets)} octets", octets)

    def _header_answer(self, header: bytes) -> list[bytes]:
        return _answer("The header", sending.whole(self._shown(header)))

    def _shown(self, octets: bytes) -> bytes:
        """A message, or its header, as this client may see it."""
        if self._session.takes_utf8 or octets.isascii():
            return octets
        end = header_end(octets)
        header = octets[:end]
        return octets if header.isascii() else surrogate(header) + octets[end:]

    # ---------------------------------------------------------- large messages

    async def _stream(self, number: int, message: Large) -> None:
        session = self._session
        # The first piece is read before anything is said: it shows that the body is there.
        first = await session.maildrop.part(message.body, 0, SMALL)
        stored = message.trace + first
        beginning = await self._beginning_shown(number, stored)
        size = session.maildrop.size(number)
        if beginning is not stored:
            size += len(sending.whole(beginning)) - len(sending.whole(stored))
        ends, dots = sending.LineEnds(), sending.Dots()

        @deferred
        async def deliver(piece: bytes) -> None:
            session.write(dots.take(ends.take(piece)))
            await session.drain()

        session.ok(f"{size} octets")
        try:
            await deliver(beginning)
            await session.maildrop.stream(message.body, len(first), deliver)
        except SoraError as error:
            session.log.info(
                "session {session}: a message was cut off: {error}",
                session=session.id,
                error=error.text,
            )
            session.cut_off()
            raise ConnectionEnded from None
        session.write(dots.take(ends.end()) + sending.END)
        await session.drain()

    async def _first_lines(self, number: int, message: Large, lines: int) -> bytes:
        """The header and the first lines of the body; no more is read than that takes."""
        ends, beginning = sending.LineEnds(), sending.Beginning(lines)
        start = min(PIECE, message.body.size)
        part = self._session.maildrop.part
        first = await part(message.body, 0, start)
        octets = await self._beginning_shown(number, message.trace + first)
        found = [beginning.take(ends.take(octets))]
        while not beginning.is_complete and start < message.body.size:
            piece = await part(message.body, start, start + PIECE)
            start += len(piece)
            found.append(beginning.take(ends.take(piece)))
        if not beginning.is_complete:
            found.append(ends.end())
        return b"".join(found)

    async def _beginning_shown(self, number: int, octets: bytes) -> bytes:
        """The beginning of a message as this client may see it. Raises NeedsUTF8 for a header
        that is too long to be shown in another way."""
        if self._session.takes_utf8 or header_end(octets) < len(octets):
            return self._shown(octets)
        header = await self._session.maildrop.header(number)
        if header.isascii():
            return octets
        raise NeedsUTF8


def _answer(text: str, octets: bytes) -> list[bytes]:
    """+OK, and octets whose lines end in CRLF, as they are sent."""
    return [positive(text), sending.stuffed(octets)]
