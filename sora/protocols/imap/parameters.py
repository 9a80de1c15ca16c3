"""Parameters and modifiers that extensions add to commands, in the one form of RFC 4466.

`SELECT mailbox (NAME value)`, `FETCH set items (NAME value)`, `STORE set (NAME value) flags`,
`SEARCH RETURN (NAME value) keys`: a name, and behind it what its class reads. Each class says
how it is read (`parse`) and what it does; the command that it stands in calls that at the right
time. Tables of them come from the dialect.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from sora.errors import BadSyntax
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import FlagChange

if TYPE_CHECKING:
    from sora.protocols.imap.commands.fetch import Fetch
    from sora.protocols.imap.dialect import Dialect
    from sora.protocols.imap.searching import Found
    from sora.protocols.imap.session import Session
    from sora.protocols.imap.wire.search_keys import SearchTree


class Parameter:
    """The root of all of them."""

    @classmethod
    def parse(cls, scan: Scanner, dialect: "Dialect") -> Self:
        """Read what follows the name, with its space. Raises BadSyntax."""
        return cls()


class SelectParameter(Parameter):
    """select-param of SELECT and EXAMINE (RFC 4466 §2.1)"""

    def check(self, session: "Session") -> None:
        """Called before the mailbox that was open is left. Raises what the command is refused
        with."""

    async def prepare(self, session: "Session") -> None:
        """Called when the mailbox is open and nothing was told of it yet: what has to be waited
        for is waited for here, so that the answer is of one moment."""

    async def opened(self, session: "Session") -> None:
        """Called when the lines of the mailbox are written; adds lines of its own."""


class FetchModifier(Parameter):
    """fetch-modifier (RFC 4466 §2.4)"""

    chooses_first: ClassVar[bool] = False
    """its choice is made before that of the others, wherever it stands"""

    def joins(self, fetch: "Fetch") -> None:
        """Called when the whole command was read; it may add items. Raises BadSyntax when the
        modifier does not go with the rest of the command."""

    async def choose(
        self, uids: Sequence[int], fetch: "Fetch", session: "Session"
    ) -> Sequence[int]:
        """Those of the ascending `uids` that are answered for; lines that come before theirs
        are written here."""
        return uids


class StoreModifier(Parameter):
    """store-modifier (RFC 4466 §2.5)"""

    def modify(self, change: FlagChange) -> FlagChange:
        """The change that is made instead."""
        return change


class SearchReturn(Parameter):
    """search-return-opt of SEARCH and what is like it (RFC 4466 §2.6.1)"""

    def joins(self, returns: "Mapping[bytes, SearchReturn]") -> None:
        """Called when all options were read. Raises BadSyntax when this one does not go with
        the others."""

    def suits(self, tree: "SearchTree") -> None:
        """Called when the search keys were read. Raises BadSyntax when it does not go with
        them."""

    def check(self, session: "Session") -> None:
        """Called before the search is made. Raises what the command is refused with."""

    async def prepare(self, found: "Found") -> None:
        """Read what its part of the response needs."""

    def data(self, found: "Found") -> bytes:
        """Its part of the ESEARCH response; empty when there is nothing to say."""
        return b""

    def names(self, found: "Found") -> Sequence[int] | None:
        """The UIDs of the messages that its part of the answer names or counts; None when it
        does not speak of messages. They are what SAVE keeps (RFC 5182 §2.4) and what MODSEQ is
        the highest of (RFC 4731 §3.2)."""
        return None

    async def apply(self, found: "Found", session: "Session") -> None:
        """Do what it does besides, when the ESEARCH response is written."""


P = TypeVar("P", bound=Parameter)


def read_parameters(
    scan: Scanner,
    dialect: "Dialect",
    known: Mapping[bytes, type[P]],
    command: bytes,
    may_be_empty: bool = False,
) -> dict[bytes, P]:
    """ "(" name [SP value] *(SP name [SP value]) ")", by name. Each may stand there once."""
    found: dict[bytes, P] = {}

    def one() -> None:
        name = scan.word()
        kind = known.get(name)
        if kind is None:
            raise BadSyntax(f"{name.decode()} is not a parameter of {command.decode()}")
        if name in found:
            raise BadSyntax(f"{name.decode()} is there twice")
        found[name] = kind.parse(scan, dialect)

    scan.parenthesised(one, may_be_empty)
    return found
