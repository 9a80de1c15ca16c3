"""CAPA (RFC 2449 §5): what this session can do, where it is now."""

from collections.abc import Iterator

from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session


class Capa(Command):
    """CAPA"""

    word = b"CAPA"
    states = State.ANY

    async def run(self, session: Session) -> str | None:
        await session.lines("Capabilities:", (line.encode() for line in capabilities(session)))
        return None


def capabilities(session: Session) -> Iterator[str]:
    """The lines of CAPA. USER and SASL are there only where passwords are taken."""
    settings = session.settings
    yield "TOP"
    yield "UIDL"
    yield "RESP-CODES"
    yield "AUTH-RESP-CODE"
    yield "PIPELINING"
    if session.may_log_in:
        yield "USER"
        yield "SASL " + " ".join(session.mechanisms)
    if session.can_start_tls:
        yield "STLS"
    yield "EXPIRE " + ("NEVER" if settings.expire is None else str(settings.expire))
    yield f"LOGIN-DELAY {settings.login_delay}"
    yield "UTF8 USER"
    yield "LANG"
    yield "IMPLEMENTATION Sora"
