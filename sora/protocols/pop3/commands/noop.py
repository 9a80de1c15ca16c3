"""NOOP (RFC 1939 §5)."""

from sora.protocols.pop3.command import Command
from sora.protocols.pop3.session import Session


class Noop(Command):
    """NOOP"""

    word = b"NOOP"

    async def run(self, session: Session) -> str | None:
        return "Nothing was done"
