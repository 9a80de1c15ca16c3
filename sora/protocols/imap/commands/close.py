"""CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691)."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class Close(Command):
    """CLOSE: expunge without telling, and leave"""

    word = b"CLOSE"
    states = State.SELECTED

    async def run(self, session: Session) -> bytes | None:
        if not session.mailbox.read_only:
            await session.mailbox.expunge()
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
