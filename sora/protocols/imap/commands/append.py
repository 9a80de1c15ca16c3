"""APPEND (RFC 3501 §6.3.11) of one message or several (RFC 3502), with APPENDUID (RFC 4315)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from attrs import define

from sora.errors import BadArgument, BadURL, NoSuchMailbox, NotPermitted
from sora.mail.numbers import NumberSet
from sora.protocols.imap.appending import Incoming, made, most_messages, read_messages, taking_of
from sora.protocols.imap.command import Command, State, Taking
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import append_uid
from sora.protocols.imap.wire.scanner import Scanner


@define
class Append(Command):
    """APPEND SP mailbox 1*append-message

    The messages are streamed into spools: limits are checked before any `+`.
    """

    word = b"APPEND"
    states = State.LOGGED_IN
    answers = {
        NoSuchMailbox: Answer(b"NO", b"[TRYCREATE]"),
        BadArgument: Answer(b"BAD"),
    }

    name: str
    messages: Sequence[Incoming]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name = scan.mailbox()
        return cls(name, read_messages(scan, dialect, most_messages(dialect)))

    @classmethod
    def literal(cls, scan: Scanner, size: int, session: Session) -> Taking:
        scan.space()
        taking = Taking.MEMORY
        if not scan.at_end:  # else the mailbox's name comes as a literal
            scan.mailbox()
            taking = taking_of(scan, size, session, most_messages(session.dialect))
        if taking is Taking.MEMORY:
            return super().literal(scan, size, session)
        return taking

    async def run(self, session: Session) -> bytes | None:
        try:
            messages = await made(self.messages, session)
        except BadURL:
            with suppress(NotPermitted):
                await session.account.status(self.name)  # RFC 3501 §6.3.11: TRYCREATE, if need be
            raise
        placed = await session.account.appending.append_all(self.name, messages)
        for message in messages:
            session.services.messages.appended(message.spool.size)
        uids = NumberSet.of(one.uid for one in placed)
        return append_uid(placed[0].uidvalidity, uids) + b" APPEND completed"
