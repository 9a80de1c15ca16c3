"""RETR and TOP (RFC 1939 §5, §7). How messages go out: `sora.protocols.pop3.retrieving`."""

from typing import Self

from attrs import define

from sora.protocols.pop3.command import Command
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import message_number, number, words


@define
class Retr(Command):
    """RETR msg"""

    word = b"RETR"

    number: int

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        return cls(message_number(rest, "RETR number"))

    async def run(self, session: Session) -> str | None:
        await session.retrieving.whole(self.number)
        return None


@define
class Top(Command):
    """TOP msg n: the header and the first n lines of the body"""

    word = b"TOP"

    number: int
    lines: int

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        message, lines = words(rest, 2, 2, "TOP number lines")
        return cls(number(message), number(lines))

    async def run(self, session: Session) -> str | None:
        await session.retrieving.beginning(self.number, self.lines)
        return None
