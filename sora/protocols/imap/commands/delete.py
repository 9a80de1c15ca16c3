"""DELETE (RFC 3501 §6.3.4)."""

from typing import Self

from attrs import define

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class Delete(Command):
    """DELETE mailbox"""

    word = b"DELETE"
    states = State.LOGGED_IN

    name: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        return cls(scan.mailbox())

    async def run(self, session: Session) -> bytes | None:
        await session.account.delete(self.name)
        if session.is_selected(self.name):
            # Its own user knows that it is gone: no reason to end the session for it.
            await session.deselect()
        return None
