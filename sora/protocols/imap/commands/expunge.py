"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1)."""

from typing import ClassVar, Self

from attrs import define

from sora.mail.numbers import NumberSet, SequenceSet
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import highest_modseq
from sora.protocols.imap.wire.scanner import Scanner


@define
class Expunge(Command):
    """EXPUNGE / UID EXPUNGE sequence-set"""

    word = b"EXPUNGE"
    expunges: ClassVar[bool] = True
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True

    only: SequenceSet | None

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        if not by_uid:
            return cls(None)
        scan.space()
        return cls(scan.sequence_set())

    async def run(self, session: Session) -> bytes | None:
        only = None
        if self.only is not None:
            only = NumberSet.ascending(session.uids(self.only, by_uid=True))
        expunged = await session.mailbox.expunge(only)
        return told_with_modseq(session) if expunged.vanished else None


def told_with_modseq(session: Session) -> bytes | None:
    """Tell what is gone; the beginning of the tagged line for a client that resynchronises
    (RFC 7162 §3.2.7, RFC 6851 §4.4)."""
    if not session.enabled.qresync:
        return None
    session.tell(may_expunge=True)
    return highest_modseq(session.mailbox.view.modseq_told) + b" It is done"
