"""CAPABILITY (RFC 3501 §6.1.1)."""

from sora.protocols.imap.command import Command
from sora.protocols.imap.session import Session


class CapabilityCommand(Command):
    """CAPABILITY"""

    word = b"CAPABILITY"

    async def run(self, session: Session) -> bytes | None:
        session.untagged(b" ".join((b"CAPABILITY", *session.capabilities)))
        return None
