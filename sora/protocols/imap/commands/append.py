"""APPEND (RFC 3501 §6.3.11) with APPENDUID (RFC 4315)."""

from datetime import datetime
from typing import Self

from attrs import define

from sora.errors import BadArgument, NoSuchMailbox, TooBig
from sora.mail.flags import Flags, parse_flags
from sora.mail.numbers import NumberSet
from sora.protocols.imap.command import Command, State, Taking
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import append_uid
from sora.protocols.imap.wire.scanner import Scanner


@define
class Append(Command):
    """APPEND mailbox [SP flag-list] [SP date-time] SP literal

    The literal is streamed into a spool: limits are checked before any `+`.
    """

    word = b"APPEND"
    states = State.LOGGED_IN
    answers = {
        NoSuchMailbox: Answer(b"NO", b"[TRYCREATE]"),
        BadArgument: Answer(b"BAD"),
    }

    name: str
    flags: Flags
    internal_date: datetime | None

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        command = cls._before_message(scan)
        scan.literal8()
        return command

    @classmethod
    def _before_message(cls, scan: Scanner) -> Self:
        scan.space()
        name = scan.mailbox()
        scan.space()
        flags = Flags()
        if scan.peek() == b"(":
            flags = parse_flags(scan.flag_list())
            scan.space()
        internal_date: datetime | None = None
        if scan.peek() == b'"':
            internal_date = scan.date_time()
            scan.space()
        return cls(name, flags, internal_date)

    @classmethod
    def literal(cls, scan: Scanner, size: int, session: Session) -> Taking:
        start = scan.position
        scan.space()
        if scan.at_end:  # the mailbox's name comes as a literal
            scan.position = start
            return super().literal(scan, size, session)
        scan.position = start
        cls._before_message(scan)
        scan.end()
        if size > session.limits.message:
            raise TooBig(f"A message may have {session.limits.message} octets")
        if size == 0:
            raise BadArgument("A message without an octet cannot be appended")
        return Taking.STREAM

    async def run(self, session: Session) -> bytes | None:
        message = session.literals.spools[0]
        placed = await session.account.append(self.name, self.flags, self.internal_date, message)
        where = append_uid(placed.uidvalidity, NumberSet(((placed.uid, placed.uid),)))
        return where + b" APPEND completed"
