"""IDLE (RFC 2177)."""

from sora.errors import BadSyntax
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.reader import Line


class Idle(Command):
    """IDLE: what changes is told as soon as it happens, until the client says DONE.

    NAT and mobile networks forget connections without traffic: an untagged line goes out at
    least every two minutes (G40). There is no other limit to the time: a client that is gone
    is found by what is sent to it.
    """

    word = b"IDLE"
    states = State.LOGGED_IN
    capability = b"IDLE"

    async def run(self, session: Session) -> bytes | None:
        session.continuation(b"idling")
        session.is_idling = True
        session.services.idle.began()
        selected = session.selected
        if selected is not None:
            selected.watch(session.wake)
        try:
            await self._idle(session)
        finally:
            session.is_idling = False
            session.services.idle.ended()
            if selected is not None:
                selected.watch(None)
        return None

    async def _idle(self, session: Session) -> None:
        still_here = session.limits.still_here
        seconds = session.connection.clock.seconds
        last = seconds()
        while not session.is_ending:
            if await session.telling.idle():
                last = seconds()
            elif seconds() - last >= still_here:
                session.untagged(b"OK Still here")
                last = seconds()
            await session.drain()
            if session.is_ending:
                return
            event = await session.event_or_change(last + still_here - seconds())
            if event is not None:
                if type(event) is not Line or event.text.strip().upper() != b"DONE":
                    session.forget(event)
                    raise BadSyntax("IDLE is ended with DONE")
                return
