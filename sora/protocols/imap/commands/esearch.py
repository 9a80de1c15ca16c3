"""ESEARCH (MULTISEARCH, RFC 7377): one search in several mailboxes."""

from typing import ClassVar, Self

from attrs import define

from sora.errors import BadSyntax, NoSuchMailbox, NotPermitted, NumbersRefused, WrongState
from sora.mailbox.selected import Selected
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.programs import (
    asks_for_modseq,
    asks_for_numbers,
    asks_for_saved,
    in_view,
)
from sora.protocols.imap.searching import (
    Found,
    Returns,
    answer,
    everything,
    read_program,
    read_returns,
)
from sora.protocols.imap.session import Session
from sora.protocols.imap.sources import Sources
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchTree

OF_SELECTED = frozenset({b"SAVE", b"UPDATE"})
"""options that mean something for the selected mailbox only"""


@define
class ESearch(Command):
    """ESEARCH [SP esearch-source-opts] [search-return-opts] SP search-program

    It answers with UIDs, for each mailbox that has a result, and for no other: nor is one told
    of that the user may not read (§2.2, G35).
    """

    word = b"ESEARCH"
    states = State.LOGGED_IN
    capability = b"MULTISEARCH"
    has_uid_form: ClassVar[bool] = True  # the examples of §2 have it, the grammar has not

    sources: Sources
    returns: Returns
    tree: SearchTree

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        sources = Sources.read(scan)
        returns = read_returns(scan, dialect, cls.word) or everything(dialect)
        if b"SAVE" in returns and not sources.only_selected:
            raise BadSyntax("The result of several mailboxes cannot be saved")
        scan.space()
        tree = read_program(scan, dialect)
        for option in returns.values():
            option.suits(tree)
        return cls(sources, returns, tree)

    def lets_expunge(self, by_uid: bool) -> bool:
        """As for SEARCH (RFC 7162 §3.2.10.2)."""
        return not asks_for_numbers(self.tree)

    async def run(self, session: Session) -> bytes | None:
        if session.selected is None and (self.sources.selected or b"UPDATE" in self.returns):
            raise WrongState("Select a mailbox first")
        for option in self.returns.values():
            option.check(session)
        if session.enabled.uidonly and asks_for_numbers(self.tree):
            raise NumbersRefused
        if asks_for_modseq(self.tree):
            session.used([b"MODSEQ"])
        if self.sources.selected:
            await self._search(session.mailbox, session)
        if not self.sources.only_selected:
            await self._search_others(session)
        return None

    async def _search_others(self, session: Session) -> None:
        account = session.account
        listing = await account.listing()
        names = self.sources.names(listing, account.identity.account_id)
        with session.working(len(names)) as progress:
            for name in names:
                if not session.is_selected(name):
                    await self._search_in(name, session)
                elif not self.sources.selected:
                    await self._search(session.mailbox, session)
                progress.done += 1
                await session.drain()

    async def _search_in(self, name: str, session: Session) -> None:
        """Search a mailbox that is not selected. One that may not be read is passed over."""
        try:
            mailbox = await session.account.select(name, read_only=True)
        except (NoSuchMailbox, NotPermitted):
            return
        try:
            await self._search(mailbox, session)
        finally:
            await mailbox.close()

    async def _search(self, mailbox: Selected, session: Session) -> None:
        is_selected = mailbox is session.selected
        returns = self.returns
        if not is_selected:
            returns = {name: one for name, one in returns.items() if name not in OF_SELECTED}
        saves = is_selected and asks_for_saved(self.tree)
        criterion = in_view(self.tree, mailbox.view, session.saved_uids() if saves else ())
        since = mailbox.highest_modseq
        uids = await mailbox.finding.search(criterion)
        found = Found(mailbox, self.tree, criterion, uids, True, returns, since)
        name, uidvalidity = session.spelled(mailbox.name), mailbox.uidvalidity
        await answer(session, found, b" MAILBOX %b UIDVALIDITY %d" % (name, uidvalidity))
