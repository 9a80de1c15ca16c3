"""How messages go out, for RETR and TOP.

Small messages are in memory, read ahead; a large one is streamed from the store to the client,
and takes no more than the connection's buffer. One that cannot be read now is refused, and never
shown as an empty one (G8); when that comes out in the middle, the connection is cut.

To a client that has not said UTF8, a header with other octets than ASCII goes out as one without
them (RFC 6856 §2.1, `sora.mail.surrogate`).
"""

from typing import Final

from sora.deferreds import deferred
from sora.errors import SoraError
from sora.mail.headers import header_end
from sora.mail.surrogate import surrogate
from sora.mailbox.maildrop import SMALL, Large
from sora.net.connection import ConnectionEnded
from sora.protocols.pop3.errors import NeedsUTF8
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire import sending
from sora.protocols.pop3.wire.answers import positive

PIECE: Final = 64 * 1024
"""octets of a large message that are read at once for its first lines"""


class Retrieving:
    """One message on its way to the client."""

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._maildrop = session.maildrop
        self._number = number

    async def whole(self) -> None:
        """RETR. Raises NoSuchMessage, Unavailable."""
        message = await self._maildrop.message(self._number)
        if isinstance(message, Large):
            await self._stream(message)
        else:
            octets = sending.whole(self._shown(message.octets))
            await self._send(f"{len(octets)} octets", octets)

    async def beginning(self, lines: int) -> None:
        """TOP. Raises NoSuchMessage, Unavailable."""
        if lines == 0:
            header = self._shown(await self._maildrop.header(self._number))
            await self._send("The header", sending.whole(header))
            return
        message = await self._maildrop.message(self._number)
        if isinstance(message, Large):
            octets = await self._first_lines(message, lines)
        else:
            octets = sending.beginning(sending.whole(self._shown(message.octets)), lines)
        await self._send("The first lines", octets)

    async def _send(self, text: str, octets: bytes) -> None:
        """Send what is in memory; its lines end in CRLF."""
        self._session.connection.write_all([positive(text), sending.stuffed(octets)])
        await self._session.drain()

    def _shown(self, octets: bytes) -> bytes:
        """A message, or its header, as this client may see it."""
        if self._session.takes_utf8 or octets.isascii():
            return octets
        end = header_end(octets)
        header = octets[:end]
        return octets if header.isascii() else surrogate(header) + octets[end:]

    # ---------------------------------------------------------- large messages

    async def _stream(self, message: Large) -> None:
        # The first piece is read before anything is said: it shows that the body is there.
        first = await self._maildrop.part(message.body, 0, SMALL)
        stored = message.trace + first
        beginning = await self._beginning_shown(stored)
        size = self._maildrop.size(self._number)
        if beginning is not stored:
            size += len(sending.whole(beginning)) - len(sending.whole(stored))
        ends, dots = sending.LineEnds(), sending.Dots()
        session = self._session

        @deferred
        async def deliver(piece: bytes) -> None:
            session.write(dots.take(ends.take(piece)))
            await session.drain()

        session.ok(f"{size} octets")
        try:
            await deliver(beginning)
            await self._maildrop.stream(message.body, len(first), deliver)
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

    async def _first_lines(self, message: Large, lines: int) -> bytes:
        """The header and the first lines of the body; no more is read than that takes."""
        ends, beginning = sending.LineEnds(), sending.Beginning(lines)
        start = min(PIECE, message.body.size)
        first = await self._maildrop.part(message.body, 0, start)
        octets = await self._beginning_shown(message.trace + first)
        found = [beginning.take(ends.take(octets))]
        while not beginning.is_complete and start < message.body.size:
            piece = await self._maildrop.part(message.body, start, start + PIECE)
            start += len(piece)
            found.append(beginning.take(ends.take(piece)))
        if not beginning.is_complete:
            found.append(ends.end())
        return b"".join(found)

    async def _beginning_shown(self, octets: bytes) -> bytes:
        """The beginning of a message as this client may see it. Raises NeedsUTF8 for a header
        that is too long to be shown in another way."""
        if self._session.takes_utf8 or header_end(octets) < len(octets):
            return self._shown(octets)
        header = await self._maildrop.header(self._number)
        if header.isascii():
            return octets
        raise NeedsUTF8
