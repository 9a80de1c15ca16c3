"""CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267 §4): results that are kept up to date."""

from array import array
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from attrs import define, field

from sora.errors import BadSyntax
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.fetch import MAX_ITEMS, read_item
from sora.protocols.imap.contexts import Context
from sora.protocols.imap.dialect import Dialect, Extension
from sora.protocols.imap.extensions.partial import Partial
from sora.protocols.imap.fetch_items import FetchItem
from sora.protocols.imap.fetching import Fetching
from sora.protocols.imap.parameters import SearchReturn
from sora.protocols.imap.programs import asks_for_saved, pinned
from sora.protocols.imap.searching import Found
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import SortBy


class ContextHint(SearchReturn):
    """CONTEXT: the client will ask again (§4.2). Indexes are there whether it says so or not."""


@define
class Update(SearchReturn):
    """ "UPDATE" [SP "(" fetch-att *(SP fetch-att) ")"]: the client is told what comes and goes
    (§4.3); the items are fetched of new messages that are results (RFC 5465 §7)"""

    items: list[FetchItem] = field(factory=list)

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect) -> Self:
        if not dialect.has(b"NOTIFY") or not scan.skip(b" ("):
            return cls()
        scan.position -= 1
        items = scan.parenthesised(lambda: read_item(scan, dialect))
        if len(items) > MAX_ITEMS:
            raise BadSyntax(f"UPDATE of more than {MAX_ITEMS} items")
        return cls(items)

    def check(self, session: Session) -> None:
        if session.tag in session.contexts:
            raise BadSyntax("The tag is in use by another search with UPDATE")

    async def apply(self, found: Found, session: Session) -> None:
        view = found.mailbox.view
        saved = session.saved_uids() if asks_for_saved(found.tree) else ()
        context = Context(
            tag=session.tag,
            by_uid=found.by_uid,
            tree=pinned(found.tree, view, saved),
            keys=found.keys,
            uids=array("Q", found.uids),
            since=found.since,
            last=view.last,
            looked=session.connection.clock.seconds(),
            show=self._shower(session),
        )
        # Scores of a loose search may change with each message that comes.
        changes_order = any(key.by is SortBy.RELEVANCY for key in found.keys)
        if changes_order or not _is_kept(context, session):
            # §4.3.1: the rest of the answer is as it was asked for.
            session.untagged(b'NO [NOUPDATE "%b"] Too many contexts' % session.tag)

    def _shower(self, session: Session) -> Callable[[Sequence[int]], Awaitable[None]] | None:
        if not self.items:
            return None
        session.used([item.name for item in self.items])

        async def show(uids: Sequence[int]) -> None:
            await Fetching(session, self.items, by_uid=True).answer(uids)

        return show


def _is_kept(context: Context, session: Session) -> bool:
    return session.holding.has_room(context.octets) and session.contexts.add(context)


_RETURNS = {b"PARTIAL": Partial, b"CONTEXT": ContextHint, b"UPDATE": Update}

SEARCH = Extension(
    Capability(b"CONTEXT=SEARCH", needs=(b"ESEARCH",)),
    search_returns=_RETURNS,
)
SORT = Extension(
    Capability(b"CONTEXT=SORT", needs=(b"ESORT", b"CONTEXT=SEARCH")),
)
