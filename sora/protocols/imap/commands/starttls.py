"""STARTTLS (RFC 3501 §6.2.1). What was pipelined behind it is forgotten (G59)."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class StartTLS(Command):
    """STARTTLS"""

    word = b"STARTTLS"
    states = State.GREETED

    async def run(self, session: Session) -> bytes | None:
        session.start_tls()
        return b"Begin TLS now"
