"""STARTTLS (RFC 3501 §6.2.1). What was pipelined behind it is forgotten (G59)."""

from sora.errors import WrongState
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session


class StartTLS(Command):
    """STARTTLS"""

    word = b"STARTTLS"
    states = State.GREETED

    async def run(self, session: Session) -> bytes | None:
        context = session.services.tls
        if context is None or not session.can_start_tls:
            raise WrongState("TLS is not possible here, or there already")
        session.after_answer(lambda: session.connection.start_tls(context))
        return b"Begin TLS now"
