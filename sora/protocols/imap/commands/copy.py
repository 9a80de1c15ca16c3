"""COPY and UID COPY (RFC 3501 §6.4.7), MOVE and UID MOVE (RFC 6851), with COPYUID (RFC 4315)."""

from typing import ClassVar, Self

from attrs import define

from sora.errors import BadArgument, NoSuchMailbox
from sora.mail.numbers import SequenceSet
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.commands.expunge import told_with_modseq
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.limiting import OverLimit, all_to_copy, portion
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import copy_uid
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import Copied


@define
class Copy(Command):
    """COPY sequence-set SP mailbox"""

    word = b"COPY"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    answers = {
        NoSuchMailbox: Answer(b"NO", b"[TRYCREATE]"),
        BadArgument: Answer(b"BAD"),
        OverLimit: Answer(b"NO", lambda over: over.code),
    }

    messages: SequenceSet
    destination: str
    by_uid: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        messages = scan.sequence_set()
        scan.space()
        return cls(messages, scan.mailbox(), by_uid)

    async def run(self, session: Session) -> bytes | None:
        uids = session.uids(self.messages, self.by_uid)
        if not uids:
            return b"There is no such message"
        with session.working():
            copied = await session.mailbox.copy(all_to_copy(uids, session), self.destination)
        return _where(copied) + b"COPY completed"


class Move(Copy):
    """MOVE sequence-set SP mailbox"""

    expunges: ClassVar[bool] = True
    word = b"MOVE"
    capability = b"MOVE"

    async def run(self, session: Session) -> bytes | None:
        uids = session.uids(self.messages, self.by_uid)
        if not uids:
            return b"There is no such message"
        chosen = portion(uids, session)
        with session.working():
            moved = await session.mailbox.move(chosen.uids, self.destination)
        # RFC 6851 §4.3: COPYUID comes before the EXPUNGEs, so not in the tagged line.
        session.untagged(b"OK " + _where(moved.copied) + b"Moved")
        return told_with_modseq(session, moved.expunged, chosen) or chosen.completed(self.word)


def _where(copied: Copied) -> bytes:
    if not copied.uids:
        return b""
    return copy_uid(copied.uidvalidity, copied.sources, copied.uids) + b" "
