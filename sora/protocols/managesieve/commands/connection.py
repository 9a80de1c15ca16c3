"""What is about the connection itself: CAPABILITY, STARTTLS, NOOP, LOGOUT, UNAUTHENTICATE."""

from typing import Self

from attrs import define

from sora.protocols.managesieve.command import Command, Done, State
from sora.protocols.managesieve.session import Session
from sora.protocols.managesieve.wire.scanner import Scanner
from sora.protocols.managesieve.wire.write import string


class Capability(Command):
    """CAPABILITY (RFC 5804 §2.4)"""

    word = b"CAPABILITY"
    states = State.ANY

    async def run(self, session: Session) -> Done:
        session.tell_capabilities()
        return Done()


class StartTLS(Command):
    """STARTTLS (RFC 5804 §2.2): what was pipelined behind it is forgotten (G59), and the
    capabilities are told again under TLS"""

    word = b"STARTTLS"
    states = State.GREETED

    async def run(self, session: Session) -> Done:
        session.start_tls()
        return Done(text="Begin TLS now")


@define
class Noop(Command):
    """NOOP [tag] (RFC 5804 §2.13)"""

    word = b"NOOP"
    states = State.ANY

    tag: str | None

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        if scan.at_end:
            return cls(None)
        scan.space()
        return cls(scan.string())

    async def run(self, session: Session) -> Done:
        if self.tag is None:
            return Done(text="NOOP completed")
        return Done(b"TAG " + string(self.tag), "Done")


class Logout(Command):
    """LOGOUT (RFC 5804 §2.3)"""

    word = b"LOGOUT"
    states = State.ANY

    async def run(self, session: Session) -> Done:
        session.end()
        return Done(text="Goodbye")


class Unauthenticate(Command):
    """UNAUTHENTICATE (RFC 5804 §2.14.1): back to before the login; it cannot fail"""

    word = b"UNAUTHENTICATE"

    async def run(self, session: Session) -> Done:
        session.unauthenticate()
        return Done()
