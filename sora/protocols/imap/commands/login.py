"""LOGIN (RFC 3501 §6.2.3)."""

from typing import ClassVar, Self

from attrs import define, field

from sora.errors import AuthenticationRefused, BadSyntax
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.codes import capability
from sora.protocols.imap.wire.scanner import Scanner


@define
class Login(Command):
    """LOGIN userid password"""

    word = b"LOGIN"
    states = State.GREETED
    secret: ClassVar[bool] = True

    user: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        user = scan.astring()
        scan.space()
        password = scan.astring()
        try:
            return cls(user.decode("utf-8"), password.decode("utf-8"))
        except UnicodeDecodeError:
            raise BadSyntax("User and password have to be UTF-8") from None

    async def run(self, session: Session) -> bytes | None:
        if not session.may_log_in:
            raise AuthenticationRefused
        authenticator, peer = session.services.authenticator, session.connection.peer
        session.enter(await authenticator.password(self.user, self.password, peer, "imap"))
        return capability(session.capabilities) + b" Logged in"
