"""SEARCHRES (RFC 5182): the result of a search is saved, and `$` stands for it in commands."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.parameters import SearchReturn
from sora.protocols.imap.searching import Found
from sora.protocols.imap.session import Session


class Save(SearchReturn):
    """SAVE: what the other options name, or everything (§2.4)"""

    async def apply(self, found: Found, session: Session) -> None:
        named = found.named
        session.saved.clear()
        session.holding.require(len(named) * 8)
        session.saved.keep(sorted(named), found.mailbox.view)


EXTENSION = Extension(
    Capability(b"SEARCHRES", needs=(b"ESEARCH",)),
    search_returns={b"SAVE": Save},
)
