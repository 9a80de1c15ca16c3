"""The literals of a session's commands: in memory, streamed to a spool, or refused.

The reader offers a literal with its size before any octet of it is taken, and its command says
how it is taken, so that limits are checked before any `+` (G37).
"""

from typing import TYPE_CHECKING, Final

from sora.errors import BadSyntax, SoraError
from sora.protocols.imap.command import Command, Taking
from sora.protocols.imap.wire.head import NO_HEAD, head_of
from sora.protocols.imap.wire.reader import IMAPReader, Offer

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session

MAX_LITERALS: Final = 500
"""in one command"""
MAX_UNASKED_BEFORE_LOGIN: Final = 4096
"""octets of a non-synchronising literal, as LITERAL- allows them (RFC 7888 §5)"""


class Literals:
    """What a session does with literals. `spools` are those of the present command, `reading` is
    what that has understood of its text so far, if it reads as the text comes."""

    def __init__(self, session: "Session", reader: IMAPReader) -> None:
        self.spools = session.services.spools()
        self.reading: object | None = None
        self._session = session
        self._reader = reader

    def let_go(self) -> None:
        """The command is over."""
        self.reading = None
        if self.spools:
            self.spools.close()

    async def take(self, offer: Offer) -> None:
        """Take a literal as its command wants it, or refuse it with the command."""
        kind: type[Command] | None = None
        try:
            head = head_of(offer.text)
            if head is None:
                raise BadSyntax(NO_HEAD)
            if offer.number > MAX_LITERALS:
                raise BadSyntax(f"A command has more than {MAX_LITERALS} literals")
            kind = self._session.answering.find(head)
            scan = self._session.answering.scanner(offer.text, head)
            taking = kind.literal(scan, offer.size, self._session)
            self._check_unasked(offer)
            if taking is Taking.MEMORY:
                self._session.holding.require(offer.size)
        except SoraError as error:
            self._refuse(offer, kind, error)
            return
        if taking is Taking.STREAM:
            await self._stream(offer, kind)
            return
        self._reader.accept()
        if offer.synchronising:
            self._session.continuation(b"Ready for the literal")

    def _check_unasked(self, offer: Offer) -> None:
        if offer.synchronising or self._session.identity is not None:
            return
        if offer.size > MAX_UNASKED_BEFORE_LOGIN:
            raise BadSyntax(
                f"A non-synchronising literal has more than {MAX_UNASKED_BEFORE_LOGIN} octets"
            )

    async def _stream(self, offer: Offer, kind: type[Command]) -> None:
        spool = self.spools.new()
        self._reader.stream()
        if offer.synchronising:
            self._session.continuation(b"Ready for the message")
        failure: SoraError | None = None
        while True:
            chunk = await self._session.next_event()
            if failure is None:
                try:
                    spool.write(chunk.data)
                except SoraError as error:
                    failure = error
            if chunk.last:
                break
        if failure is not None:
            # The octets have come and could not be kept: the rest of the command is of no use.
            self._session.answering.fail(offer.text, kind, failure)
            self._reader.abandon()
            self.let_go()

    def _refuse(self, offer: Offer, kind: type[Command] | None, error: SoraError) -> None:
        if not offer.synchronising and offer.size > self._reader.skip_limit:
            self._session.bye(b"The literal is too large to be taken or skipped")
            return
        self._session.answering.fail(offer.text, kind, error)
        self._reader.refuse()
        self.let_go()
