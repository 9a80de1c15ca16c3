"""ENABLE (RFC 5161)."""

from typing import Self

from attrs import define

from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class Enable(Command):
    """ENABLE 1*(SP capability); what cannot be enabled is passed over"""

    word = b"ENABLE"
    states = State.LOGGED_IN
    capability = b"ENABLE"

    names: list[bytes]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        names = [scan.word()]
        while not scan.at_end:
            scan.space()
            names.append(scan.word())
        return cls(names)

    async def run(self, session: Session) -> bytes | None:
        dialect = session.dialect
        new = [
            name
            for name in dict.fromkeys(self.names)
            if name in dialect.enabling and name not in session.enabled
        ]
        session.untagged(b" ".join([b"ENABLED", *map(dialect.spelling.__getitem__, new)]))
        for name in new:
            session.enable(name)
        return None
