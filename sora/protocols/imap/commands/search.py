"""SEARCH and UID SEARCH (RFC 3501 §6.4.4), with RETURN (RFC 4466 §2.6.1)."""

from typing import ClassVar, Self

from attrs import define

from sora.errors import SoraError
from sora.mail.criteria import All
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import BAD, answer_to
from sora.protocols.imap.searching import (
    Found,
    Returns,
    answer,
    asks_for_modseq,
    everything,
    read_program,
    read_returns,
    search,
)
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchTree


@define
class Search(Command):
    """SEARCH [search-return-opts] SP ["CHARSET" SP charset SP] search-key *(SP search-key)"""

    word = b"SEARCH"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    returns: Returns | None
    tree: SearchTree
    by_uid: bool
    refused: SoraError | None = None
    """why a search cannot be made whose result was to be saved"""

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        returns = read_returns(scan, dialect, cls.word)
        try:
            return cls(returns, read_program(scan, dialect), by_uid)
        except SoraError as error:
            saves = returns is not None and b"SAVE" in returns
            if not saves or answer_to(error, cls.answers).condition == BAD:
                raise
            scan.rest()
            return cls(returns, All(), by_uid, error)

    async def run(self, session: Session) -> bytes | None:
        saves = self.returns is not None and b"SAVE" in self.returns
        try:
            if self.refused is not None:
                raise self.refused
            await self._answer(session)
        except SoraError as error:
            if saves and answer_to(error, self.answers).condition != BAD:
                session.saved.clear()  # RFC 5182 §2.1
            raise
        return None

    async def _answer(self, session: Session) -> None:
        criterion, uids = await search(session, self.tree)
        numbers = uids if self.by_uid else session.mailbox.view.numbers_of(uids)
        returns = self.returns
        if returns is None and session.enabled.rev2:
            returns = everything(session.dialect)  # RFC 9051 §6.4.4: no SEARCH response
        if returns is not None:
            found = Found(uids, numbers, self.by_uid, returns, criterion)
            await answer(session, found, self.tree)
            return
        line = " ".join(["SEARCH", *map(str, numbers)]).encode()
        if numbers and asks_for_modseq(self.tree):
            line += b" (MODSEQ %d)" % session.mailbox.view.highest_modseq(uids)
        session.untagged(line)
