"""QUIT (RFC 1939 §5, §6): the state UPDATE is passed through here, and nowhere else."""

from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session


class Quit(Command):
    """QUIT"""

    word = b"QUIT"
    states = State.ANY

    async def run(self, session: Session) -> str | None:
        session.end()
        if not session.has_logged_in:
            return "Goodbye"
        ended = await session.maildrop.quit()
        if not ended.gone:
            return f"Goodbye, {ended.removed} messages were removed"
        return (
            f"Goodbye, {ended.removed} messages were removed, "
            f"{ended.gone} had been removed by another session"
        )
