"""AUTHENTICATE (RFC 3501 §6.2.2), with the initial response of SASL-IR (RFC 4959)."""

from base64 import b64encode
from typing import ClassVar, Self

from attrs import define, field

from sora.auth.logging_in import channel_on, log_in_by_challenges
from sora.auth.sasl import decode_response
from sora.errors import AuthenticationRefused, BadArgument, BadSyntax
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import capability
from sora.protocols.imap.wire.scanner import Scanner


@define
class Authenticate(Command):
    """AUTHENTICATE mechanism [SP initial-response]"""

    word = b"AUTHENTICATE"
    states = State.GREETED
    secret: ClassVar[bool] = True

    mechanism: str
    initial: bytes | None = field(repr=False)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        mechanism = scan.word().decode("ascii")
        if mechanism not in dialect.sasl:
            raise BadArgument(f"The mechanism {mechanism[:32]} is not supported")
        initial: bytes | None = None
        if not scan.at_end:
            scan.space()
            initial = decode_response(scan.rest())
        return cls(mechanism, initial)

    async def run(self, session: Session) -> bytes | None:
        if not session.may_log_in:
            raise AuthenticationRefused

        async def ask(challenge: bytes) -> bytes:
            line = await session.ask(b64encode(challenge))
            if line == b"*":
                raise BadSyntax("The authentication was cancelled")
            return decode_response(line)

        channel = channel_on(session.connection, "imap", ask)
        authenticator = session.services.authenticator
        # OK has no room for what the mechanism says at the end (RFC 3501 §6.2.2).
        session.enter(
            await log_in_by_challenges(authenticator, self.mechanism, self.initial, channel)
        )
        return capability(session.capabilities) + b" Logged in"
