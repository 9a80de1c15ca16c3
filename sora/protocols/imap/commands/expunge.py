"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1)."""

from collections.abc import Sequence
from typing import ClassVar, Self

from attrs import define

from sora.mail.flags import DELETED
from sora.mail.numbers import NumberSet, SequenceSet
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.limiting import EVERYTHING, Portion, portion
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import highest_modseq
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import Expunged


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
        if self.only is None:
            # RFC 9738 §3.1: there is no limit to this.
            with session.working():
                expunged = await session.mailbox.expunge()
            return told_with_modseq(session, expunged)
        chosen = self._deleted(session.uids(self.only, by_uid=True), session)
        with session.working():
            expunged = await session.mailbox.expunge(NumberSet.ascending(chosen.uids))
        return told_with_modseq(session, expunged, chosen) or chosen.completed(b"UID EXPUNGE")

    @staticmethod
    def _deleted(uids: Sequence[int], session: Session) -> Portion:
        """What the limit leaves, which counts messages with \\Deleted only (RFC 9738 §3.1)."""
        if portion(uids, session).code:
            mask = session.mailbox.view.mask
            uids = [uid for uid in uids if (mask(uid) or 0) & DELETED]
        return portion(uids, session)


def told_with_modseq(
    session: Session, expunged: Expunged, chosen: Portion = EVERYTHING
) -> bytes | None:
    """Tell a client that resynchronises what is gone. Gives the text of the tagged line, which
    has to name the modseq of it (RFC 7162 §3.2.7, RFC 6851 §4.4); None for other clients."""
    if not session.enabled.qresync or not expunged.vanished:
        return None
    session.telling.changes(may_expunge=True)
    chosen.tell(session)
    return highest_modseq(session.mailbox.view.modseq_told) + b" It is done"
