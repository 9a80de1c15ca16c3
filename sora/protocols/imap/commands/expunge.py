"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1)."""

from typing import ClassVar, Self

from attrs import define

from sora.mail.numbers import NumberSet, SequenceSet
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class Expunge(Command):
    """EXPUNGE / UID EXPUNGE sequence-set"""

    word = b"EXPUNGE"
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
        selected = session.mailbox
        if self.only is None:
            await selected.expunge()
        else:
            await selected.expunge(NumberSet.of(session.uids(self.only, by_uid=True)))
        return None
