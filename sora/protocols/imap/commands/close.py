"""CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691)."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class Close(Command):
    """CLOSE: expunge without telling, where that is allowed, and leave (RFC 4314 §4)"""

    word = b"CLOSE"
    states = State.SELECTED

    async def run(self, session: Session) -> bytes | None:
        selected = session.selected
        if selected is not None and selected.may_expunge:
            await selected.expunge()
        await session.deselect()
        return None


class Unselect(Command):
    """UNSELECT: leave, and expunge nothing"""

    word = b"UNSELECT"
    states = State.SELECTED
    capability = b"UNSELECT"

    async def run(self, session: Session) -> bytes | None:
        await session.deselect()
        return None
