"""REPLACE and UID REPLACE (RFC 8508)."""

from typing import ClassVar, Self

from attrs import define

from sora.errors import BadArgument, NoSuchMailbox, NoSuchMessage, ReadOnly
from sora.mail.numbers import NumberSet, SequenceSet
from sora.protocols.imap.appending import Incoming, made, read_messages, taking_of
from sora.protocols.imap.command import Command, State, Taking
from sora.protocols.imap.commands.expunge import told_with_modseq
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import append_uid
from sora.protocols.imap.wire.scanner import Scanner


@define
class Replace(Command):
    """REPLACE SP seq-number SP mailbox append-message

    The new message comes and the old one goes as one change, or nothing happens (§3.4).
    """

    word = b"REPLACE"
    expunges: ClassVar[bool] = True
    states = State.SELECTED
    capability = b"REPLACE"
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    answers = {
        NoSuchMailbox: Answer(b"NO", b"[TRYCREATE]"),
        BadArgument: Answer(b"BAD"),
    }

    replaced: SequenceSet
    by_uid: bool
    name: str
    message: Incoming

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        replaced = _replaced(scan)
        name = scan.mailbox()
        [message] = read_messages(scan, dialect, 1)
        return cls(replaced, by_uid, name, message)

    @classmethod
    def literal(cls, scan: Scanner, size: int, session: Session) -> Taking:
        _replaced(scan)
        taking = Taking.MEMORY
        if not scan.at_end:  # else the mailbox's name comes as a literal
            scan.mailbox()
            taking = taking_of(scan, size, session, 1)
        if taking is Taking.MEMORY:
            return super().literal(scan, size, session)
        if session.mailbox.read_only:
            raise ReadOnly(f"The mailbox {session.mailbox.name!r} is open read-only")
        return taking

    async def run(self, session: Session) -> bytes | None:
        selected = session.mailbox
        uids = session.uids(self.replaced, self.by_uid)
        if not uids:
            raise NoSuchMessage("There is no message with this UID; nothing was appended")
        [message] = await made([self.message], session)
        appended = await session.account.appending.replace(selected, uids[0], self.name, message)
        [placed] = appended.placed
        session.services.messages.appended(message.spool.size)
        if session.dialect.has(b"UIDPLUS"):
            # §4.3: before the client is told what is gone.
            where = append_uid(placed.uidvalidity, NumberSet.of([placed.uid]))
            session.untagged(b"OK " + where + b" The replacement is stored")
        # §4.5: as a UID EXPUNGE.
        assert appended.expunged is not None, "a message was taken away"
        return told_with_modseq(session, appended.expunged)


def _replaced(scan: Scanner) -> SequenceSet:
    """SP seq-number SP"""
    scan.space()
    number = None if scan.skip(b"*") else scan.number()
    if number == 0:
        raise scan.error("A number of a message is missing")
    scan.space()
    return SequenceSet(((number, number),))
