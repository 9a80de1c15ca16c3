"""AUTHENTICATE (RFC 5804 §2.1)."""

from base64 import b64encode
from typing import ClassVar, Self

from attrs import define, field

from sora.auth.sasl import MECHANISMS, Negotiation, decode_response
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
        if mechanism not in MECHANISMS:
            raise BadArgument(f"The mechanism {mechanism[:32]} is not supported")
        initial: bytes | None = None
        if not scan.at_end:
            scan.space()
            initial = decode_response(scan.octets())
        return cls(mechanism, initial)

    async def run(self, session: Session) -> Done:
        if not session.may_log_in:
            raise AuthenticationRefused
        negotiation = Negotiation(self.mechanism)
        if self.initial is not None:
            if negotiation.challenge:
                raise BadArgument(f"With {self.mechanism} the server speaks first")
            negotiation.respond(self.initial)
        while negotiation.challenge is not None:
            answer = await session.ask(string(b64encode(negotiation.challenge)))
            if answer == CANCEL:
                raise BadSyntax("The authentication was cancelled")
            negotiation.respond(decode_response(answer))
        claim = negotiation.claim
        assert claim is not None
        await session.authenticate(claim.login, claim.password)
        return Done(text="Logged in")
