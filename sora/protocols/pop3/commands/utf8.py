"""UTF8 (RFC 6856 §2): messages come as they are, also with UTF-8 in their headers."""

from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session


class Utf8(Command):
    """UTF8"""

    word = b"UTF8"
    states = State.AUTHORIZATION

    async def run(self, session: Session) -> str | None:
        session.takes_utf8 = True
        return "UTF-8 it is"
