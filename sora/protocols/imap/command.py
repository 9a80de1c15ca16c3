"""What a command of IMAP is: its word, when it is allowed, how it is read, what it does.

`parse` is given a scanner over the complete command and is plain sequential code. `run` does
the work and gives the text of the tagged OK; it never writes NO or BAD, it raises an error of
`sora.errors`. Tag, state, time, metrics, errors, and telling the client of changes in its
mailbox are the session's, for all commands alike.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Self

from sora.errors import BadArgument, BadSyntax, SoraError, TooBig
from sora.protocols.imap.errors import Answer
from sora.protocols.imap.wire.scanner import Scanner

if TYPE_CHECKING:
    from sora.protocols.imap.dialect import Dialect
    from sora.protocols.imap.session import Session


class State:
    """The states of RFC 3501 §3, as bits: a command names those it is allowed in."""

    GREETED: Final = 1
    AUTHENTICATED: Final = 2
    SELECTED: Final = 4
    LOGGED_IN: Final = AUTHENTICATED | SELECTED
    ANY: Final = GREETED | AUTHENTICATED | SELECTED


class Taking(Enum):
    """How an offered literal is taken."""

    MEMORY = "memory"
    """it becomes a part of the command's text"""
    STREAM = "stream"
    """it goes to a spool, and the command finds it in `session.literals.spools`"""


class Command:
    """The root of all commands.

    `answers` overrides rows of the table of errors; `secret` commands are logged without their
    arguments.
    """

    word: ClassVar[bytes]
    states: ClassVar[int] = State.ANY
    capability: ClassVar[bytes | None] = None
    has_uid_form: ClassVar[bool] = False
    takes_numbers: ClassVar[bool] = False
    """its arguments or its answer have message numbers, unless it has the UID form"""
    keeps_numbers: ClassVar[bool] = False
    """no EXPUNGE may be sent before its end, unless it has the UID form (RFC 3501 §7.4.1)"""
    expunges: ClassVar[bool] = False
    """it takes messages away: the client is told of that, whatever else it wants to hear"""
    secret: ClassVar[bool] = False
    answers: ClassVar[Mapping[type[SoraError], Answer]] = {}

    @classmethod
    def parse(cls, scan: Scanner, dialect: "Dialect", by_uid: bool) -> Self:
        """Read the arguments; the scanner stands behind the word. Raises BadSyntax."""
        return cls()

    @classmethod
    def literal(cls, scan: Scanner, size: int, session: "Session") -> Taking:
        """What to do with a literal of `size` octets that the client offers after the text of
        the scanner. Raises what the command is refused with."""
        limits = session.limits
        limit = limits.literals if session.identity else limits.literals_before_login
        if size + len(scan.data) > limit:
            raise TooBig(f"The literals of a {cls.word.decode()} may have {limit} octets")
        return Taking.MEMORY

    def lets_expunge(self, by_uid: bool) -> bool:
        """Whether EXPUNGE may be sent before its end (RFC 3501 §7.4.1)."""
        return by_uid or not self.keeps_numbers

    async def run(self, session: "Session") -> bytes | None:
        """Do it. Gives the text of the tagged OK, which may begin with a response code; None
        for the usual one."""
        raise NotImplementedError


NUMBERS_OUT_OF_RANGE: Final[Mapping[type[SoraError], Answer]] = {
    BadArgument: Answer(b"BAD"),
    BadSyntax: Answer(b"BAD"),
}
"""for commands whose only bad arguments are message numbers and flags (RFC 3501 §9, seq-number)"""
