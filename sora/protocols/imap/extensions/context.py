"""CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267 §4): results that are kept up to date."""

from sora.errors import BadSyntax
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.contexts import Context
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.extensions.partial import Partial
from sora.protocols.imap.parameters import SearchReturn
from sora.protocols.imap.programs import asks_for_saved, pinned
from sora.protocols.imap.searching import Found
from sora.protocols.imap.session import Session
from sora.storage.rows import SortBy


class ContextHint(SearchReturn):
    """CONTEXT: the client will ask again (§4.2). Indexes are there whether it says so or not."""


class Update(SearchReturn):
    """UPDATE: the client is told what comes and goes (§4.3)"""

    def check(self, session: Session) -> None:
        if session.tag in session.contexts:
            raise BadSyntax("The tag is in use by another search with UPDATE")

    async def apply(self, found: Found, session: Session) -> None:
        view = found.mailbox.view
        saved = session.saved_uids() if asks_for_saved(found.tree) else ()
        context = Context.of(
            tag=session.tag,
            by_uid=found.by_uid,
            tree=pinned(found.tree, view, saved),
            keys=found.keys,
            uids=found.uids,
            since=found.since,
            last=view.last,
            now=session.connection.clock.seconds(),
        )
        # Scores of a loose search may change with each message that comes.
        changes_order = any(key.by is SortBy.RELEVANCY for key in found.keys)
        if changes_order or not session.contexts.add(context):
            # §4.3.1: the rest of the answer is as it was asked for.
            session.untagged(b'NO [NOUPDATE "%b"] Too many contexts' % session.tag)


_RETURNS = {b"PARTIAL": Partial, b"CONTEXT": ContextHint, b"UPDATE": Update}

SEARCH = Extension(
    Capability(b"CONTEXT=SEARCH", needs=(b"ESEARCH",)),
    search_returns=_RETURNS,
)
SORT = Extension(
    Capability(b"CONTEXT=SORT", needs=(b"ESORT", b"CONTEXT=SEARCH")),
)
