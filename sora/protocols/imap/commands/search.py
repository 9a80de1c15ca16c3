"""SEARCH and UID SEARCH (RFC 3501 §6.4.4), with RETURN (RFC 4466 §2.6.1)."""

from typing import ClassVar, Self

from attrs import define, field

from sora.errors import BadSyntax, SoraError
from sora.mail.criteria import All
from sora.protocols.imap.command import NUMBERS_OUT_OF_RANGE, Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.errors import BAD, answer_to
from sora.protocols.imap.limiting import EVERYTHING, Portion, searched
from sora.protocols.imap.programs import asks_for_modseq, asks_for_numbers
from sora.protocols.imap.searching import (
    Found,
    Returns,
    answer,
    criterion_of,
    everything,
    read_program,
    read_returns,
)
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchTree
from sora.protocols.imap.wire.write import numbered


@define
class Search(Command):
    """SEARCH [search-return-opts] SP ["CHARSET" SP charset SP] search-key *(SP search-key)"""

    word = b"SEARCH"
    states = State.SELECTED
    has_uid_form: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    keeps_numbers: ClassVar[bool] = True
    answers = NUMBERS_OUT_OF_RANGE

    by_uid: bool
    returns: Returns | None
    tree: SearchTree = field(factory=All)
    refused: SoraError | None = None
    """why a search cannot be made whose result was to be saved"""
    names_charset: bool = False
    searched: Portion = EVERYTHING
    """which messages were looked at"""

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        search = cls(by_uid, cls.read_returns(scan, dialect))
        try:
            search.read(scan, dialect)
            for option in (search.returns or {}).values():
                option.suits(search.tree)
        except SoraError as error:
            if not search._empties_saved(error):
                raise
            scan.rest()
            search.refused = error
        return search

    @classmethod
    def read_returns(cls, scan: Scanner, dialect: Dialect) -> Returns | None:
        """[search-return-opts]"""
        return read_returns(scan, dialect, cls.word)

    def read(self, scan: Scanner, dialect: Dialect) -> None:
        """SP ["CHARSET" SP charset SP] search-key *(SP search-key)"""
        scan.space()
        start = scan.position
        self.names_charset = scan.skip(b"CHARSET ")
        scan.position = start
        self.tree = read_program(scan, dialect)

    def lets_expunge(self, by_uid: bool) -> bool:
        """Not while message numbers are searched for (RFC 7162 §3.2.10.2)."""
        return by_uid and not asks_for_numbers(self.tree)

    async def run(self, session: Session) -> bytes | None:
        try:
            if self.refused is not None:
                raise self.refused
            if self.returns is None:
                self.returns = self.usual_returns(session)
            if self.names_charset and b"UTF8=ACCEPT" in session.enabled:
                raise BadSyntax("Strings are UTF-8 since that was enabled")  # RFC 6855 §3
            for option in (self.returns or {}).values():
                option.check(session)
            found = await self.find(session)
            if self.returns is None:
                session.untagged(self.plain(found))
            else:
                await answer(session, found)
        except SoraError as error:
            if self._empties_saved(error):
                session.saved.clear()
            raise
        return self.searched.completed(self.word) or self._with_gone(session)

    def _with_gone(self, session: Session) -> bytes | None:
        """RFC 5530 §3: among the messages are some that are gone; a NOOP would tell."""
        selected = session.selected
        if self.by_uid or selected is None or not selected.view.holds_gone:
            return None
        return b"[EXPUNGEISSUED] " + self.word + b" completed"

    def usual_returns(self, session: Session) -> Returns | None:
        """What is answered without RETURN; None for the response that is not extended."""
        # RFC 9051 §6.4.4: there is no SEARCH response.
        return everything(session.dialect) if session.enabled.rev2 else None

    async def find(self, session: Session) -> Found:
        """What is found, in its order."""
        mailbox = session.mailbox
        since = mailbox.highest_modseq
        criterion, self.searched = searched(criterion_of(session, self.tree), session)
        with session.working():
            uids = await mailbox.finding.search(criterion)
        returns = self.returns or {}
        return Found(mailbox, self.tree, criterion, uids, self.by_uid, returns, since)

    def plain(self, found: Found) -> bytes:
        """The response that is not extended."""
        line = numbered(b"SEARCH", found.numbers(found.uids))
        if found.uids and asks_for_modseq(self.tree):
            line += b" (MODSEQ %d)" % found.mailbox.view.highest_modseq(found.uids)
        return line

    def _empties_saved(self, error: SoraError) -> bool:
        """RFC 5182 §2.1: NO empties the result that was to be saved, BAD does not."""
        saves = self.returns is not None and b"SAVE" in self.returns
        return saves and answer_to(error, self.answers).condition != BAD
