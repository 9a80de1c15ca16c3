"""What users do with their scripts: HAVESPACE, PUTSCRIPT, CHECKSCRIPT, LISTSCRIPTS, SETACTIVE,
GETSCRIPT, DELETESCRIPT, RENAMESCRIPT."""

from collections.abc import Sequence
from typing import Self

from attrs import define, field

from sora.errors import BadArgument
from sora.mail.script_names import script_name
from sora.protocols.managesieve.command import Command, Done, script_too_big
from sora.protocols.managesieve.services import Limits
from sora.protocols.managesieve.session import Session
from sora.protocols.managesieve.wire.scanner import Scanner
from sora.protocols.managesieve.wire.write import literal, string


def _name(scan: Scanner) -> str:
    """SP sieve-name"""
    scan.space()
    return script_name(scan.string())


def _done(warnings: Sequence[object]) -> Done:
    """OK, with the code WARNINGS if there are any (RFC 5804 §1.3)."""
    return Done(b"WARNINGS", "\r\n".join(map(str, warnings))) if warnings else Done()


@define
class HaveSpace(Command):
    """HAVESPACE name size (RFC 5804 §2.5)"""

    word = b"HAVESPACE"

    name: str
    size: int

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        name = _name(scan)
        scan.space()
        return cls(name, scan.number())

    async def run(self, session: Session) -> Done:
        await session.scripts.require_room(session.account_id, self.name, self.size)
        return Done()


@define
class PutScript(Command):
    """PUTSCRIPT name script (RFC 5804 §2.6)"""

    word = b"PUTSCRIPT"

    name: str
    source: bytes = field(repr=False)

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        name = _name(scan)
        scan.space()
        return cls(name, scan.octets())

    @classmethod
    def require_room(cls, number: int, size: int, limits: Limits) -> None:
        if size > limits.script:
            raise script_too_big(limits)
        super().require_room(number, 0, limits)

    async def run(self, session: Session) -> Done:
        warnings = await session.scripts.put(session.account_id, self.name, self.source)
        session.uploads.uploaded.inc()
        return _done(warnings)


@define
class CheckScript(Command):
    """CHECKSCRIPT script (RFC 5804 §2.12): whatever there is room for"""

    word = b"CHECKSCRIPT"

    source: bytes = field(repr=False)

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        scan.space()
        return cls(scan.octets())

    @classmethod
    def require_room(cls, number: int, size: int, limits: Limits) -> None:
        if size > limits.script:
            # Not a matter of quota (§2.12): nothing so large can be a script.
            raise BadArgument(script_too_big(limits).text)
        super().require_room(number, 0, limits)

    async def run(self, session: Session) -> Done:
        return _done(await session.scripts.check(self.source))


class ListScripts(Command):
    """LISTSCRIPTS (RFC 5804 §2.7)"""

    word = b"LISTSCRIPTS"

    async def run(self, session: Session) -> Done:
        for row in await session.scripts.list(session.account_id):
            active = b"" if row.position is None else b" ACTIVE"
            session.write(string(row.name) + active + b"\r\n")
        await session.drain()
        return Done()


@define
class SetActive(Command):
    """SETACTIVE name (RFC 5804 §2.8); without a name no script is active any more"""

    word = b"SETACTIVE"

    name: str | None

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        scan.space()
        text = scan.string()
        return cls(script_name(text) if text else None)

    async def run(self, session: Session) -> Done:
        if self.name is None:
            await session.scripts.deactivate(session.account_id)
        else:
            await session.scripts.activate(session.account_id, self.name)
            session.uploads.activated.inc()
        return Done()


@define
class GetScript(Command):
    """GETSCRIPT name (RFC 5804 §2.9)"""

    word = b"GETSCRIPT"

    name: str

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        return cls(_name(scan))

    async def run(self, session: Session) -> Done:
        source = await session.scripts.get(session.account_id, self.name)
        session.write(literal(source.encode("utf-8")) + b"\r\n")
        await session.drain()
        return Done()


@define
class DeleteScript(Command):
    """DELETESCRIPT name (RFC 5804 §2.10)"""

    word = b"DELETESCRIPT"

    name: str

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        return cls(_name(scan))

    async def run(self, session: Session) -> Done:
        await session.scripts.delete(session.account_id, self.name)
        return Done()


@define
class RenameScript(Command):
    """RENAMESCRIPT old new (RFC 5804 §2.11)"""

    word = b"RENAMESCRIPT"

    old: str
    new: str

    @classmethod
    def parse(cls, scan: Scanner) -> Self:
        old = _name(scan)
        return cls(old, _name(scan))

    async def run(self, session: Session) -> Done:
        await session.scripts.rename(session.account_id, self.old, self.new)
        return Done()
