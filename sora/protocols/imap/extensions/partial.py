"""PARTIAL (RFC 9394): results and messages by the page, from either end."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from attrs import define

from sora.errors import BadSyntax
from sora.mail.numbers import in_order
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.fetch import Fetch
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.parameters import FetchModifier, SearchReturn
from sora.protocols.imap.searching import Found
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.partial import PartialRange
from sora.protocols.imap.wire.scanner import Scanner


@define
class Partial(SearchReturn):
    """ "PARTIAL" SP partial-range (§3.1)"""

    range: PartialRange

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(PartialRange.read(scan))

    def joins(self, returns: Mapping[bytes, SearchReturn]) -> None:
        if b"ALL" in returns:
            raise BadSyntax("PARTIAL and ALL exclude each other")

    def data(self, found: Found) -> bytes:
        results = in_order(found.numbers(self.names(found))).encode()
        return b"PARTIAL (%b %b)" % (self.range.text, results or b"NIL")

    def names(self, found: Found) -> Sequence[int]:
        return self.range.of(found.uids)


@define
class PartialFetch(FetchModifier):
    """ "PARTIAL" SP partial-range, of UID FETCH (§3.3)

    The page is cut before others choose among its messages (§3.4).
    """

    chooses_first: ClassVar[bool] = True

    range: PartialRange

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        scan.space()
        return cls(PartialRange.read(scan))

    def joins(self, fetch: Fetch) -> None:
        if not fetch.by_uid:
            raise BadSyntax("PARTIAL is for UID FETCH")

    async def choose(self, uids: Sequence[int], fetch: Fetch, session: Session) -> Sequence[int]:
        return self.range.of(uids)


EXTENSION = Extension(
    Capability(b"PARTIAL", needs=(b"ESEARCH",)),
    search_returns={b"PARTIAL": Partial},
    fetch_modifiers={b"PARTIAL": PartialFetch},
)
