"""LOGOUT (RFC 3501 §6.1.3)."""

from sora.protocols.imap.command import Command
from sora.protocols.imap.session import Session


class Logout(Command):
    """LOGOUT"""

    word = b"LOGOUT"

    async def run(self, session: Session) -> bytes | None:
        session.untagged(b"BYE Until next time")
        session.end()
        return None
