"""SORT and UID SORT (RFC 5256 §3), with RETURN (ESORT, RFC 5267 §3)."""

from attrs import define

from sora.errors import BadSyntax
from sora.protocols.imap.command import State
from sora.protocols.imap.commands.search import Search
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.programs import is_loose
from sora.protocols.imap.searching import Found, Returns, criterion_of, read_keys
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.sort_keys import sort_criteria
from sora.protocols.imap.wire.write import numbered
from sora.storage.rows import SortBy, SortKey


@define
class Sort(Search):
    """SORT [search-return-opts] SP "(" sort-criterion *(SP sort-criterion) ")" SP charset
    1*(SP search-key)"""

    word = b"SORT"
    states = State.SELECTED
    capability = b"SORT"

    keys: tuple[SortKey, ...] = ()

    @classmethod
    def read_returns(cls, scan: Scanner, dialect: Dialect) -> Returns | None:
        return super().read_returns(scan, dialect) if dialect.has(b"ESORT") else None

    def read(self, scan: Scanner, dialect: Dialect) -> None:
        """SP sort-criteria SP charset 1*(SP search-key)"""
        scan.space()
        self.keys = sort_criteria(scan, dialect.sort_keys)
        scan.space()
        self.tree = read_keys(scan, dialect)
        if any(key.by is SortBy.RELEVANCY for key in self.keys) and not is_loose(self.tree):
            raise BadSyntax("RELEVANCY needs a FUZZY search")

    def usual_returns(self, session: Session) -> Returns | None:
        return None

    async def find(self, session: Session) -> Found:
        mailbox = session.mailbox
        criterion, since = criterion_of(session, self.tree), mailbox.highest_modseq
        with session.working():
            uids = await mailbox.finding.sort(criterion, self.keys)
        returns = self.returns or {}
        return Found(mailbox, self.tree, criterion, uids, self.by_uid, returns, since, self.keys)

    def plain(self, found: Found) -> bytes:
        return numbered(b"SORT", found.numbers(found.uids))
