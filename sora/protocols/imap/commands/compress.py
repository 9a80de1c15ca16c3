"""COMPRESS=DEFLATE (RFC 4978)."""

from typing import Self

from sora.errors import BadSyntax, WrongState
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import BAD, Answer
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


class Compress(Command):
    """COMPRESS SP algorithm: DEFLATE, the only one there is

    It is offered over TLS as well: TLS of today does not compress.
    """

    word = b"COMPRESS"
    states = State.LOGGED_IN
    capability = b"COMPRESS=DEFLATE"
    # RFC 4978 §3: BAD when it is active by itself; NO would say that another layer does it.
    answers = {WrongState: Answer(BAD, b"[COMPRESSIONACTIVE]")}

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        if scan.word() != b"DEFLATE":
            raise BadSyntax("The only algorithm is DEFLATE")
        return cls()

    async def run(self, session: Session) -> bytes | None:
        session.start_deflate()
        return b"DEFLATE active"
