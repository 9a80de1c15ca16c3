"""SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.6, §6.3.7)."""

from typing import Self

from attrs import define

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class Subscribe(Command):
    """SUBSCRIBE mailbox"""

    word = b"SUBSCRIBE"
    states = State.LOGGED_IN

    name: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        return cls(scan.mailbox())

    async def run(self, session: Session) -> bytes | None:
        await session.account.subscribe(self.name)
        return None


class Unsubscribe(Subscribe):
    """UNSUBSCRIBE mailbox"""

    word = b"UNSUBSCRIBE"

    async def run(self, session: Session) -> bytes | None:
        await session.account.unsubscribe(self.name)
        return None
