"""AUTH (RFC 5034), with an initial response."""

from base64 import b64encode
from typing import ClassVar, Self

from attrs import define, field

from sora.auth.sasl import decode_response
from sora.errors import BadSyntax
from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import words


@define
class Auth(Command):
    """AUTH mechanism [initial-response]; without a mechanism, those that there are, as old
    clients ask for them."""

    word = b"AUTH"
    states = State.AUTHORIZATION
    secret: ClassVar[bool] = True

    mechanism: str
    initial: bytes | None = field(repr=False)

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        found = words(rest, 0, 2, "AUTH mechanism [response]")
        if not found:
            return cls("", None)
        mechanism = found[0].decode("ascii", "replace").upper()
        return cls(mechanism, decode_response(found[1]) if len(found) > 1 else None)

    async def run(self, session: Session) -> str | None:
        if not self.mechanism:
            await session.lines("Mechanisms:", (name.encode() for name in session.mechanisms))
            return None
        session.require_privacy()

        async def ask(challenge: bytes) -> bytes:
            line = await session.ask(b64encode(challenge))
            if line == b"*":
                raise BadSyntax("The authentication was cancelled")
            return decode_response(line)

        return await session.authenticate_by(self.mechanism, self.initial, ask)
