"""UNAUTHENTICATE (RFC 8437)."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class Unauthenticate(Command):
    """UNAUTHENTICATE: back to before the login, so that somebody else may log in here

    A NO is not permitted (§3): a LOGIN may be on its way behind it already.
    """

    word = b"UNAUTHENTICATE"
    states = State.LOGGED_IN
    capability = b"UNAUTHENTICATE"

    async def run(self, session: Session) -> bytes | None:
        await session.unauthenticate()
        return None
