"""GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3)."""

from collections.abc import Iterable, Mapping
from typing import Final, Self

from attrs import define

from sora.errors import BadSyntax, ValueTooBig
from sora.mail.annotations import Entry, parse_entry
from sora.protocols.imap.command import Command, State, Taking
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import astring, literal8, parenthesised, string

MAX_ENTRIES: Final = 200
"""how many entries one command may name"""

_DEPTHS: Final[Mapping[bytes, int | None]] = {b"0": 0, b"1": 1, b"INFINITY": None}


@define
class GetMetadata(Command):
    """GETMETADATA [SP getmetadata-options] SP mailbox [SP getmetadata-options] SP entries

    The grammar of §5 and the examples of §4.2 have the options in different places: both are
    understood.
    """

    word = b"GETMETADATA"
    states = State.LOGGED_IN
    capability = b"METADATA"

    name: str
    entries: list[Entry]
    depth: int | None = 0
    max_size: int | None = None

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        command = cls("", [])
        scan.space()
        if scan.peek() == b"(":
            command._read_options(scan)
            scan.space()
        command.name = _mailbox(scan)
        scan.space()
        if _has_options(scan):
            command._read_options(scan)
            scan.space()
        command.entries = _entries(scan)
        return command

    def _read_options(self, scan: Scanner) -> None:
        """ "(" getmetadata-option *(SP getmetadata-option) ")" """
        scan.parenthesised(lambda: self._read_option(scan))

    def _read_option(self, scan: Scanner) -> None:
        word = scan.word()
        scan.space()
        if word == b"MAXSIZE":
            self.max_size = scan.number()
        elif word == b"DEPTH":
            depth = scan.word()
            if depth not in _DEPTHS:
                raise scan.error("DEPTH is 0, 1 or infinity;")
            self.depth = _DEPTHS[depth]
        else:
            raise BadSyntax(f"{word.decode()} is not an option of GETMETADATA")

    async def run(self, session: Session) -> bytes | None:
        found = await session.account.annotations.read(
            self.name, self.entries, self.depth, self.max_size
        )
        if found.values:
            session.untagged(metadata(self.name, found.values, session))
            await session.drain()
        if found.longest:
            return b"[METADATA LONGENTRIES %d] GETMETADATA completed" % found.longest
        return None


@define
class SetMetadata(Command):
    """SETMETADATA SP mailbox SP "(" entry SP value *(SP entry SP value) ")" """

    word = b"SETMETADATA"
    states = State.LOGGED_IN
    capability = b"METADATA"

    name: str
    values: dict[Entry, bytes | None]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        name = _mailbox(scan)
        scan.space()
        values: dict[Entry, bytes | None] = {}
        scan.parenthesised(lambda: _read_value(scan, values))
        return cls(name, values)

    @classmethod
    def literal(cls, scan: Scanner, size: int, session: Session) -> Taking:
        # A long value is refused before it comes; whether it is one, its own turn will tell.
        limit = session.account.annotations.rules.max_value
        if size > limit:
            raise ValueTooBig(limit)
        return super().literal(scan, size, session)

    async def run(self, session: Session) -> bytes | None:
        await session.account.annotations.write(self.name, self.values)
        return None


def metadata(name: str, values: Iterable[tuple[Entry, bytes | None]], session: Session) -> bytes:
    """The untagged METADATA with values (§4.4.1); an empty name is the server's."""
    items = (astring(entry.name.encode("ascii")) + b" " + _value(value) for entry, value in values)
    mailbox = session.spelled(name) if name else b'""'
    return b"METADATA " + mailbox + b" " + parenthesised(items)


def _value(value: bytes | None) -> bytes:
    """value = nstring / literal8"""
    if value is None:
        return b"NIL"
    return literal8(value) if 0 in value else string(value)


def read_entries(scan: Scanner) -> list[Entry]:
    """ "(" entry *(SP entry) ")" """
    return _each_once(scan.parenthesised(lambda: _entry(scan)))


def _entries(scan: Scanner) -> list[Entry]:
    """entries = entry / "(" entry *(SP entry) ")"; without the parentheses several too (§4.4.1)"""
    if scan.peek() == b"(":
        return read_entries(scan)
    found = [_entry(scan)]
    while not scan.at_end:
        scan.space()
        found.append(_entry(scan))
    return _each_once(found)


def _each_once(entries: Iterable[Entry]) -> list[Entry]:
    found = list(dict.fromkeys(entries))
    if len(found) > MAX_ENTRIES:
        raise BadSyntax(f"More than {MAX_ENTRIES} annotations are named")
    return found


def _entry(scan: Scanner) -> Entry:
    """entry = astring"""
    return parse_entry(scan.astring())


def _mailbox(scan: Scanner) -> str:
    """mailbox, or an empty string for the server"""
    start = scan.position
    if not scan.astring():
        return ""
    scan.position = start
    return scan.mailbox()


def _has_options(scan: Scanner) -> bool:
    """Whether a list of options comes next: one of entries begins with a slash or a quote."""
    return scan.peek() == b"(" and scan.data[scan.position + 1 : scan.position + 2].isalpha()


def _read_value(scan: Scanner, values: dict[Entry, bytes | None]) -> None:
    """entry SP (nstring / literal8)"""
    entry = _entry(scan)
    scan.space()
    if entry in values:
        raise BadSyntax(f"{entry.name} is set twice")
    if len(values) >= MAX_ENTRIES:
        raise BadSyntax(f"More than {MAX_ENTRIES} annotations are set")
    values[entry] = scan.literal8() if scan.peek() == b"~" else scan.nstring()
