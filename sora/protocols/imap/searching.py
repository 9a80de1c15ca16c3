"""What SEARCH and the commands that are like it share: options, keys, and the answer.

A search program is read (`read_returns`, `read_program`), turned into a criterion of storage
(`in_view`: message numbers, `*`, `$` and \\Recent are known by the session only), and what was
found is answered for by the RETURN options (`Found`, `answer`).
"""

from collections.abc import Mapping, Sequence

from attrs import define

from sora.errors import NumbersRefused
from sora.mail.charsets import decode_search
from sora.mail.criteria import Criterion, ModSeqIs, Not, UidIn
from sora.mail.numbers import NumberSet
from sora.mailbox.view import View
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.parameters import SearchReturn, read_parameters
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.search_keys import (
    AllOf,
    AnyOf,
    NoneOf,
    NumbersAre,
    RecentIs,
    SearchReader,
    SearchTree,
    as_criterion,
)
from sora.storage.rows import SortKey

Returns = Mapping[bytes, SearchReturn]

# ---------------------------------------------------------- reading


def read_returns(scan: Scanner, dialect: Dialect, command: bytes) -> Returns | None:
    """[SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"] (RFC 4466 §2.6.1);
    None when it is not there."""
    if not dialect.search_returns or not scan.skip(b" RETURN "):
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


def in_view(tree: SearchTree, view: View, saved: Sequence[int] = ()) -> Criterion:
    """The search as storage understands it; `saved` is what `$` stands for."""

    def answer(leaf: NumbersAre | RecentIs) -> Criterion:
        if isinstance(leaf, RecentIs):
            recent = UidIn(NumberSet.ascending(view.recent_uids))
            return recent if leaf.present else Not(recent)
        if leaf.numbers.is_saved:
            return UidIn(NumberSet.ascending(saved))
        if leaf.uids:
            return UidIn(leaf.numbers.resolve(view.last))
        return UidIn(view.span_of(leaf.numbers))

    return as_criterion(tree, answer)


def criterion_of(session: Session, tree: SearchTree) -> Criterion:
    """What a search of the selected mailbox asks for."""
    if session.enabled.uidonly and asks_for_numbers(tree):
        raise NumbersRefused
    if asks_for_modseq(tree):
        session.used([b"MODSEQ"])
    saved = session.saved_uids() if asks_for_saved(tree) else ()
    return in_view(tree, session.mailbox.view, saved)


def asks_for_saved(tree: SearchTree) -> bool:
    """Whether `$` is in it."""
    return any(isinstance(leaf, NumbersAre) and leaf.numbers.is_saved for leaf in leaves(tree))


def asks_for_numbers(tree: SearchTree) -> bool:
    """Whether message numbers are searched for."""
    return any(
        isinstance(leaf, NumbersAre) and not leaf.uids and not leaf.numbers.is_saved
        for leaf in leaves(tree)
    )


def asks_for_modseq(tree: SearchTree) -> bool:
    """Whether the answer has to name a modseq (RFC 7162 §3.1.5)."""
    return any(isinstance(leaf, ModSeqIs) for leaf in leaves(tree))


def leaves(tree: SearchTree) -> Sequence[SearchTree]:
    """What a search asks for, without the words that join it."""
    match tree:
        case AllOf(parts) | AnyOf(parts):
            return [leaf for part in parts for leaf in leaves(part)]
        case NoneOf(part):
            return leaves(part)
        case _:
            return [tree]


# ---------------------------------------------------------- answering


@define
class Found:
    """What a search found, for those who answer for it.

    `uids` are in the order that was asked for (`keys` of SORT, or ascending), `numbers` the same
    as the client counts them: UIDs again, or message numbers.
    """

    uids: Sequence[int]
    numbers: Sequence[int]
    by_uid: bool
    returns: Returns
    criterion: Criterion
    keys: Sequence[SortKey] = ()
    modseq: int = 0

    @classmethod
    def of(
        cls,
        uids: Sequence[int],
        session: Session,
        by_uid: bool,
        returns: Returns | None,
        criterion: Criterion,
        keys: Sequence[SortKey] = (),
    ) -> "Found":
        """What was found in the selected mailbox."""
        numbers = uids if by_uid else session.mailbox.view.numbers_of(uids)
        return cls(uids, numbers, by_uid, returns or {}, criterion, keys)

    def named(self) -> Sequence[int]:
        """The UIDs of all messages that the options name or count, in the order of `uids` or
        ascending; everything, when no option speaks of messages."""
        spoken = [names for option in self.returns.values() if (names := option.names(self))]
        speaks = any(option.names(self) is not None for option in self.returns.values())
        if not speaks or any(names is self.uids for names in spoken):
            return self.uids
        return sorted(set().union(*spoken))


async def answer(session: Session, found: Found, tree: SearchTree) -> None:
    """The ESEARCH response, with exactly what was asked for (RFC 4731, G31)."""
    if found.uids and asks_for_modseq(tree):
        found.modseq = session.mailbox.view.highest_modseq(found.named())
    # In the order of the dialect's table, whatever the client's.
    options = [
        found.returns[name] for name in session.dialect.search_returns if name in found.returns
    ]
    for option in options:
        await option.apply(found, session)
    if found.returns.keys() == {b"SAVE"}:
        return  # RFC 5182 §1: there is nothing to say
    parts = [b'ESEARCH (TAG "%b")' % session.tag]
    if found.by_uid:
        parts.append(b"UID")
    parts += filter(None, (option.data(found) for option in options))
    if found.modseq:
        parts.append(b"MODSEQ %d" % found.modseq)
    session.untagged(b" ".join(parts))
