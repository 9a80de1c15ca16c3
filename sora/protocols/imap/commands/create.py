"""CREATE (RFC 3501 §6.3.3), with the special use of CREATE-SPECIAL-USE (RFC 6154 §3)."""

from typing import Self

from attrs import define

from sora.errors import UseAttributeRefused
from sora.mail.mailbox_names import DELIMITER, SPECIAL_USES
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import mailbox_id
from sora.protocols.imap.wire.responses import renamed
from sora.protocols.imap.wire.scanner import Scanner

_USES = {name.lower(): name for name in SPECIAL_USES}


@define
class Create(Command):
    """CREATE mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]"""

    word = b"CREATE"
    states = State.LOGGED_IN

    name: str
    written: str
    special_use: str | None

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name, written = scan.mailbox_as_written()
        uses: list[str] = []
        if dialect.has(b"CREATE-SPECIAL-USE") and scan.skip(b" ("):
            scan.expect(b"USE")
            scan.space()
            uses = scan.flag_list()
            scan.expect(b")")
        if len(uses) > 1:
            raise UseAttributeRefused("A mailbox can have one special use")
        written = written.removesuffix(DELIMITER)
        return cls(name, written, _known(uses[0]) if uses else None)

    async def run(self, session: Session) -> bytes | None:
        made = await session.account.create(self.name, self.special_use)
        if session.enabled.rev2 and self.written != self.name:
            session.untagged(renamed(session.spelled(self.name), session.spelled(self.written)))
        return mailbox_id(made.object_id) + b" CREATE completed"


def _known(use: str) -> str:
    try:
        return _USES[use.lower()]
    except KeyError:
        raise UseAttributeRefused(f"The special use {use} is not known") from None
