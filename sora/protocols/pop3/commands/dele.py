"""DELE and RSET (RFC 1939 §5). Nothing is removed before QUIT."""

from typing import Self

from attrs import define

from sora.protocols.pop3.command import Command
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import message_number


@define
class Dele(Command):
    """DELE msg"""

    word = b"DELE"

    number: int

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        return cls(message_number(rest, "DELE number"))

    async def run(self, session: Session) -> str | None:
        session.maildrop.delete(self.number)
        return f"Message {self.number} is marked as deleted"


class Rset(Command):
    """RSET"""

    word = b"RSET"

    async def run(self, session: Session) -> str | None:
        maildrop = session.maildrop
        maildrop.reset()
        return f"{maildrop.count} messages ({maildrop.octets} octets)"
