"""SEARCH and UID SEARCH (RFC 3501 §6.4.4)."""

from typing import ClassVar, Self

from attrs import define

from sora.mail.charsets import decode_search
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.searching import in_view
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchReader, SearchTree


@define
class Search(Command):
    """SEARCH [SP "CHARSET" SP astring] 1*(SP search-key)"""

    word = b"SEARCH"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    tree: SearchTree
    by_uid: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        charset = "UTF-8"
        if scan.skip(b"CHARSET "):
            charset = scan.astring().decode("ascii", "replace")
            decode_search(b"", charset)  # one that is not known is refused even if not needed
            scan.space()
        return cls(SearchReader(scan, dialect.search_keys, charset).program(), by_uid)

    async def run(self, session: Session) -> bytes | None:
        selected = session.mailbox
        found = await selected.search(in_view(self.tree, selected.view))
        if not self.by_uid:
            number = selected.view.number
            found = [place for place in map(number, found) if place]
        session.untagged(b" ".join([b"SEARCH", *map(b"%d".__mod__, found)]))
        return None
