"""USER and PASS (RFC 1939 §7), also in UTF-8 (RFC 6856 §2.2)."""

from typing import ClassVar, Self

from attrs import define, field

from sora.auth.scram import saslprep
from sora.errors import BadSyntax, WrongState
from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import text


@define
class User(Command):
    """USER name; the answer is the same for those who are not there (G51)"""

    word = b"USER"
    states = State.AUTHORIZATION

    name: str

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        return cls(_prepared(text(rest, "USER name").strip()))

    async def run(self, session: Session) -> str | None:
        session.require_privacy()
        session.user = self.name
        return "And the password?"


@define
class Pass(Command):
    """PASS password, which may have spaces"""

    word = b"PASS"
    states = State.AUTHORIZATION
    secret: ClassVar[bool] = True

    password: str = field(repr=False)

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        password = text(rest, "PASS password")
        # What it is compared with was made from what was typed: it is looked at, and left as it is.
        _prepared(password)
        return cls(password)

    async def run(self, session: Session) -> str | None:
        user, session.user = session.user, None
        if user is None:
            raise WrongState("Say USER first")
        session.require_privacy()
        return await session.authenticate(user, self.password)


def _prepared(text: str) -> str:
    """As SASLprep makes it. Raises BadSyntax for characters that it forbids."""
    try:
        return saslprep(text)
    except ValueError:
        raise BadSyntax("There are characters that user and password cannot have") from None
