"""RENAME (RFC 3501 §6.3.5)."""

from typing import Self

from attrs import define

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class Rename(Command):
    """RENAME mailbox SP mailbox"""

    word = b"RENAME"
    states = State.LOGGED_IN

    old: str
    new: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        old = scan.mailbox()
        scan.space()
        return cls(old, scan.mailbox())

    async def run(self, session: Session) -> bytes | None:
        await session.account.rename(self.old, self.new)
        return None
