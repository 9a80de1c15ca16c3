"""SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2)."""

from collections.abc import Mapping
from typing import ClassVar, Self

from attrs import define, field

from sora.errors import SoraError
from sora.mailbox.selected import Selected
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.parameters import SelectParameter, read_parameters
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.responses import flags, permanent_flags, renamed
from sora.protocols.imap.wire.scanner import Scanner


@define
class Select(Command):
    """SELECT mailbox [SP "(" select-param *(SP select-param) ")"] (RFC 4466 §2.1)"""

    word = b"SELECT"
    states = State.LOGGED_IN
    read_only: ClassVar[bool] = False

    name: str
    written: str
    parameters: Mapping[bytes, SelectParameter] = field(factory=dict)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name, written = scan.mailbox_as_written()
        if scan.at_end:
            return cls(name, written)
        scan.space()
        return cls(
            name, written, read_parameters(scan, dialect, dialect.select_parameters, cls.word)
        )

    def lets_expunge(self, by_uid: bool) -> bool:
        """What goes while it is being answered is told with the next command: the client has no
        UIDs yet that VANISHED could name."""
        return False

    async def run(self, session: Session) -> bytes | None:
        for parameter in self.parameters.values():
            parameter.check(session)
        if session.selected is not None:
            await session.deselect()
            session.untagged(b"OK [CLOSED] The other mailbox is closed")  # RFC 7162 §3.2.11
        session.used(self.parameters)
        selected = await session.select(self.name, self.read_only)
        try:
            for parameter in self.parameters.values():
                await parameter.prepare(session)
            self._describe(session, selected)
            for parameter in self.parameters.values():
                await parameter.opened(session)
        except SoraError:
            await session.deselect()  # RFC 3501 §6.3.1: what is refused selects nothing
            raise
        access = b"[READ-ONLY] " if selected.read_only else b"[READ-WRITE] "
        return access + self.word + b" completed"

    def _describe(self, session: Session, selected: Selected) -> None:
        keywords = [name for _, name in selected.keywords]
        say = session.untagged
        say(flags(keywords))
        say(permanent_flags(keywords, selected.flag_rights))
        say(b"%d EXISTS" % selected.view.exists)
        if session.enabled.rev2:
            say(renamed(session.spelled(self.name), session.spelled(self.written)))
        else:
            say(b"%d RECENT" % selected.recent)
            if selected.first_unseen and not session.enabled.uidonly:
                say(b"OK [UNSEEN %d] The first unseen message" % selected.first_unseen)
        say(b"OK [UIDVALIDITY %d] UIDs are valid" % selected.uidvalidity)
        say(b"OK [UIDNEXT %d] The next UID" % selected.uidnext)
        for line in session.dialect.select_lines:
            say(line(selected))


class Examine(Select):
    """EXAMINE mailbox: the same, and nothing is changed (G34)"""

    word = b"EXAMINE"
    read_only: ClassVar[bool] = True
