"""GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3)."""

from typing import Self

from attrs import define

from sora.errors import BadSyntax
from sora.mail.rights import Rights, RightsChange, parse_change, told
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import astring

NOTHING = RightsChange("replace", Rights.NONE)


@define
class GetAcl(Command):
    """GETACL SP mailbox"""

    word = b"GETACL"
    states = State.LOGGED_IN
    capability = b"ACL"

    name: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        return cls(scan.mailbox())

    async def run(self, session: Session) -> bytes | None:
        parts = [b"ACL", session.spelled(self.name)]
        for identifier, rights in await session.account.rights.all(self.name):
            parts += [astring(identifier.encode()), astring(told(rights).encode())]
        session.untagged(b" ".join(parts))
        return None


@define
class SetAcl(Command):
    """SETACL SP mailbox SP identifier SP mod-rights"""

    word = b"SETACL"
    states = State.LOGGED_IN
    capability = b"ACL"

    name: str
    identifier: str
    change: RightsChange

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name = scan.mailbox()
        scan.space()
        identifier = _identifier(scan)
        scan.space()
        return cls(name, identifier, parse_change(_text(scan)))

    async def run(self, session: Session) -> bytes | None:
        await session.account.rights.set(self.name, self.identifier, self.change)
        return None


@define
class DeleteAcl(Command):
    """DELETEACL SP mailbox SP identifier"""

    word = b"DELETEACL"
    states = State.LOGGED_IN
    capability = b"ACL"

    name: str
    identifier: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name = scan.mailbox()
        scan.space()
        return cls(name, _identifier(scan))

    async def run(self, session: Session) -> bytes | None:
        await session.account.rights.set(self.name, self.identifier, NOTHING)
        return None


@define
class ListRights(DeleteAcl):
    """LISTRIGHTS SP mailbox SP identifier"""

    word = b"LISTRIGHTS"

    async def run(self, session: Session) -> bytes | None:
        possible = await session.account.rights.possible(self.name, self.identifier)
        # §3.4: the identifier is told as the client wrote it.
        parts = [b"LISTRIGHTS", session.spelled(self.name), astring(self.identifier.encode())]
        session.untagged(b" ".join([*parts, *(astring(one.encode()) for one in possible)]))
        return None


@define
class MyRights(GetAcl):
    """MYRIGHTS SP mailbox"""

    word = b"MYRIGHTS"

    async def run(self, session: Session) -> bytes | None:
        rights = await session.account.rights.mine(self.name)
        session.untagged(my_rights(session, self.name, rights))
        return None


def my_rights(session: Session, name: str, rights: Rights) -> bytes:
    """The untagged MYRIGHTS of a mailbox (§3.8)."""
    return b"MYRIGHTS " + session.spelled(name) + b" " + astring(told(rights).encode())


def _identifier(scan: Scanner) -> str:
    """identifier = astring, not empty (§3)"""
    text = _text(scan)
    if not text:
        raise BadSyntax("The identifier is empty")
    return text


def _text(scan: Scanner) -> str:
    try:
        return scan.astring().decode("utf-8")
    except UnicodeDecodeError:
        raise BadSyntax("An argument is not in UTF-8") from None
