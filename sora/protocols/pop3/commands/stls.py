"""STLS (RFC 2595 §4). What was pipelined behind it is forgotten (G59)."""

from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session


class Stls(Command):
    """STLS; not after UTF8 (RFC 6856 §2.1)"""

    word = b"STLS"
    states = State.AUTHORIZATION

    async def run(self, session: Session) -> str | None:
        session.start_tls()
        return "Begin TLS now"
