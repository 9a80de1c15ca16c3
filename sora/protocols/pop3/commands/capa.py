"""CAPA (RFC 2449 §5): what this session can do, where it is now."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session
from sora.storage.rows import Kept

_DAY: Final = timedelta(days=1)


class Capa(Command):
    """CAPA"""

    word = b"CAPA"
    states = State.ANY

    async def run(self, session: Session) -> str | None:
        told = capabilities(session, await session.kept())
        await session.lines("Capabilities:", (line.encode() for line in told))
        return None


def capabilities(session: Session, kept: Kept | None) -> Iterator[str]:
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
    if kept is not None:
        yield f"EXPIRE {expire(kept)}"
    yield f"LOGIN-DELAY {settings.login_delay}"
    yield "UTF8 USER"
    yield "LANG"
    yield "IMPLEMENTATION Sora"


def expire(kept: Kept) -> str:
    """The argument of EXPIRE (RFC 2449 §6.7): the least number of days that a message is kept, and
    USER where it may be more for who logs in. Less than a day is 0."""
    if kept.least is None:
        return "NEVER"
    return f"{kept.least // _DAY} USER" if kept.varies else str(kept.least // _DAY)
