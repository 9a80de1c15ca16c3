"""NOOP and CHECK (RFC 3501 §6.1.2, §6.4.1): both tell what is new in the mailbox."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class Noop(Command):
    """NOOP"""

    word = b"NOOP"

    async def run(self, session: Session) -> bytes | None:
        if session.selected is not None:
            await session.selected.refresh()
        return None


class Check(Noop):
    """CHECK: there is nothing to write behind, all is durable when it is answered."""

    word = b"CHECK"
    states = State.SELECTED
