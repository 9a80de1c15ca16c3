"""AUTHENTICATE (RFC 5804 §2.1)."""

from base64 import b64encode
from typing import ClassVar, Self

from attrs import define, field

from sora.auth.sasl import decode_response
from sora.errors import AuthenticationRefused, BadArgument, BadSyntax, TooMany
from sora.protocols.managesieve.command import Command, Done, State
from sora.protocols.managesieve.errors import TRYLATER
from sora.protocols.managesieve.session import Session
from sora.protocols.managesieve.wire.scanner import Scanner
from sora.protocols.managesieve.wire.write import string

CANCEL = b"*"
"""what a client sends instead of a response to give up (§2.1)"""


@define
class Authenticate(Command):
    """AUTHENTICATE mechanism [initial-response]"""

    word = b"AUTHENTICATE"
    states = State.GREETED
    secret: ClassVar[bool] = True
    codes: ClassVar = {TooMany: TRYLATER}

    mechanism: str
    initial: bytes | None = field(repr=False)

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        scan.space()
        mechanism = scan.string().upper()
        initial: bytes | None = None
        if not scan.at_end:
            scan.space()
            initial = decode_response(scan.octets())
        return cls(mechanism, initial)

    async def run(self, session: Session) -> Done:
        if not session.may_log_in:
            raise AuthenticationRefused
        if self.mechanism == "LOGIN" and self.initial is not None:
            # §2.1: of the mechanisms, this is the one where the server speaks first.
            raise BadArgument("With LOGIN the server speaks first")

        async def ask(challenge: bytes) -> bytes:
            answer = await session.ask(string(b64encode(challenge)))
            if answer == CANCEL:
                raise BadSyntax("The authentication was cancelled")
            return decode_response(answer)

        final = await session.log_in(self.mechanism, self.initial, ask)
        code = b"" if final is None else b"SASL " + string(b64encode(final))
        return Done(code, "Logged in")
