"""STAT, LIST and UIDL (RFC 1939 §5, §7): answered from the list that was made at login."""

from typing import Self

from attrs import define

from sora.protocols.pop3.command import Command
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import number, words


class Stat(Command):
    """STAT"""

    word = b"STAT"

    async def run(self, session: Session) -> str | None:
        return f"{session.maildrop.count} {session.maildrop.octets}"


@define
class List(Command):
    """LIST [msg]: sizes in octets as they are sent"""

    word = b"LIST"

    number: int | None

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        found = words(rest, 0, 1, "LIST [number]")
        return cls(number(found[0]) if found else None)

    async def run(self, session: Session) -> str | None:
        maildrop = session.maildrop
        if self.number is not None:
            return f"{self.number} {maildrop.size(self.number)}"
        size = maildrop.size
        await session.lines(
            f"{maildrop.count} messages ({maildrop.octets} octets)",
            (b"%d %d" % (each, size(each)) for each in maildrop.numbers()),
        )
        return None


@define
class Uidl(Command):
    """UIDL [msg]: the UID and the UIDVALIDITY of the message in INBOX, each with eight
    hexadecimal digits, in the order that Dovecot has by default: whoever comes from there with
    his UIDs does not retrieve anything twice."""

    word = b"UIDL"

    number: int | None

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        found = words(rest, 0, 1, "UIDL [number]")
        return cls(number(found[0]) if found else None)

    async def run(self, session: Session) -> str | None:
        maildrop = session.maildrop
        validity = maildrop.uidvalidity
        if self.number is not None:
            return f"{self.number} {maildrop.uid(self.number):08x}{validity:08x}"
        uid = maildrop.uid
        await session.lines(
            f"{maildrop.count} messages",
            (b"%d %08x%08x" % (each, uid(each), validity) for each in maildrop.numbers()),
        )
        return None
