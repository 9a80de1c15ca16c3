"""SEARCH=FUZZY (RFC 6203): searching loosely, and how well each message fits.

What a loose search finds is said in `sora.mail.fuzzy`.
"""

from sora.errors import BadSyntax
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.parameters import SearchReturn
from sora.protocols.imap.programs import is_loose
from sora.protocols.imap.searching import Found
from sora.protocols.imap.wire.search_keys import LooselyThis, SearchReader, SearchTree
from sora.storage.rows import SortBy


def _fuzzy(reader: SearchReader) -> SearchTree:
    """ "FUZZY" SP search-key (§3)"""
    return LooselyThis(reader.nested())


class Relevancy(SearchReturn):
    """RELEVANCY: a score from 1 to 100 for each message that is named, in their order (§4)"""

    def suits(self, tree: SearchTree) -> None:
        if not is_loose(tree):
            raise BadSyntax("RELEVANCY needs a FUZZY search")

    async def prepare(self, found: Found) -> None:
        if found.uids:
            found.scores = await found.mailbox.finding.relevance(found.criterion, found.named)

    def data(self, found: Found) -> bytes:
        return f"RELEVANCY ({' '.join(map(str, found.scores))})".encode()


EXTENSION = Extension(
    Capability(b"SEARCH=FUZZY"),
    search_keys={b"FUZZY": _fuzzy},
    search_returns={b"RELEVANCY": Relevancy},
    sort_keys={b"RELEVANCY": SortBy.RELEVANCY},
)
