"""NAMESPACE (RFC 2342)."""

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class Namespace(Command):
    """NAMESPACE: one, personal, with an empty prefix"""

    word = b"NAMESPACE"
    states = State.LOGGED_IN
    capability = b"NAMESPACE"

    async def run(self, session: Session) -> bytes | None:
        session.untagged(b'NAMESPACE (("" "/")) NIL NIL')
        return None
