"""What SEARCH and the commands that are like it share: options, keys, and the answer.

Options and keys are read (`read_returns`, `read_program`), the keys become a criterion of storage
(`sora.protocols.imap.programs`), and what was found is answered for by the options (`Found`,
`answer`).
"""

from collections.abc import Mapping, Sequence

from attrs import define

from sora.errors import NumbersRefused
from sora.mail.charsets import decode_search
from sora.mail.criteria import Criterion
from sora.mailbox.selected import Selected
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.parameters import SearchReturn, read_parameters
from sora.protocols.imap.programs import (
    asks_for_modseq,
    asks_for_numbers,
    asks_for_saved,
    in_view,
)
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import SearchReader, SearchTree
from sora.storage.rows import SortKey

Returns = Mapping[bytes, SearchReturn]

# ---------------------------------------------------------- reading


def read_returns(scan: Scanner, dialect: Dialect, command: bytes) -> Returns | None:
    """[SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"] (RFC 4466 §2.6.1);
    None when it is not there."""
    if not dialect.has(b"ESEARCH") or not scan.skip(b" RETURN "):
        return None
    returns = read_parameters(scan, dialect, dialect.search_returns, command, may_be_empty=True)
    for option in returns.values():
        option.joins(returns)
    return returns or everything(dialect)


def everything(dialect: Dialect) -> Returns:
    """What no option at all stands for (RFC 4731 §3.1)."""
    return {b"ALL": dialect.search_returns[b"ALL"]()}


def read_program(scan: Scanner, dialect: Dialect) -> SearchTree:
    """["CHARSET" SP charset SP] search-key *(SP search-key)"""
    if not scan.skip(b"CHARSET "):
        return SearchReader(scan, dialect.search_keys).program()
    return read_keys(scan, dialect)


def read_keys(scan: Scanner, dialect: Dialect) -> SearchTree:
    """charset SP search-key *(SP search-key)"""
    charset = scan.astring().decode("ascii", "replace")
    decode_search(b"", charset)  # one that is not known is refused even if not needed
    scan.space()
    return SearchReader(scan, dialect.search_keys, charset).program()


# ---------------------------------------------------------- searching


def criterion_of(session: Session, tree: SearchTree) -> Criterion:
    """What a search of the selected mailbox asks for."""
    if session.enabled.uidonly and asks_for_numbers(tree):
        raise NumbersRefused
    if asks_for_modseq(tree):
        session.used([b"MODSEQ"])
    saved = session.saved_uids() if asks_for_saved(tree) else ()
    return in_view(tree, session.mailbox.view, saved)


# ---------------------------------------------------------- answering


@define
class Found:
    """What a search found in a mailbox, for those who answer for it.

    `uids` are in the order that was asked for (`keys` of SORT, or ascending). `since` is the
    modseq from which on changes may not be among it. `scores` are those of the messages that
    are `named`, once they were asked for.
    """

    mailbox: Selected
    tree: SearchTree
    criterion: Criterion
    uids: Sequence[int]
    by_uid: bool
    returns: Returns
    since: int
    keys: Sequence[SortKey] = ()
    scores: Sequence[int] = ()

    def numbers(self, uids: Sequence[int]) -> Sequence[int]:
        """Some of the `uids` as the client counts them: UIDs, or message numbers."""
        if self.by_uid:
            return uids
        view = self.mailbox.view
        return view.numbers_of(uids) if self.keys else view.numbers_of_ascending(uids)

    @property
    def named(self) -> Sequence[int]:
        """The UIDs of all messages that the options name or count, in the order of `uids`;
        everything, when no option speaks of messages."""
        spoken = [option.names(self) for option in self.returns.values()]
        said = [names for names in spoken if names is not None]
        if not said or any(names is self.uids for names in said):
            return self.uids
        named = set().union(*said)
        return [uid for uid in self.uids if uid in named]


async def answer(session: Session, found: Found, mailbox: bytes = b"") -> None:
    """The ESEARCH response, with exactly what was asked for (RFC 4731, G31).

    `mailbox` says where it was found, with a space before it; with it, there is no response
    when nothing was found (RFC 7377 §2.1).
    """
    # In the order of the dialect's table, whatever the client's.
    options = [
        found.returns[name] for name in session.dialect.search_returns if name in found.returns
    ]
    for option in options:
        await option.prepare(found)
    only_saves = found.returns.keys() == {b"SAVE"}  # RFC 5182 §1: there is nothing to say
    if not only_saves and (found.uids or not mailbox):
        parts = [b'ESEARCH (TAG "%b"%b)' % (session.tag, mailbox)]
        if found.by_uid:
            parts.append(b"UID")
        parts += filter(None, (option.data(found) for option in options))
        if found.uids and asks_for_modseq(found.tree):
            modseq = found.mailbox.view.highest_modseq(found.named)
            parts += [b"MODSEQ %d" % modseq] * bool(modseq)
        session.untagged(b" ".join(parts))
    for option in options:
        await option.apply(found, session)
