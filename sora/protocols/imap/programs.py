"""A search program as it was read -> what storage understands, with what only the session knows:
message numbers, `*`, `$` and \\Recent."""

from collections.abc import Sequence

from sora.mail.criteria import Criterion, ModSeqIs, Not, UidIn
from sora.mail.numbers import NumberSet
from sora.mailbox.view import View
from sora.protocols.imap.wire.search_keys import (
    LooselyThis,
    NumbersAre,
    RecentIs,
    SearchTree,
    ViewLeaf,
    as_criterion,
    nodes,
    with_leaves,
)


def in_view(tree: SearchTree, view: View, saved: Sequence[int] = ()) -> Criterion:
    """The search as storage understands it; `saved` is what `$` stands for."""
    # Once, however often they are there.
    saved_set = UidIn(NumberSet.ascending(saved))
    asks_for_recent = any(isinstance(node, RecentIs) for node in nodes(tree))
    recent_set = UidIn(NumberSet.ascending(view.recent_uids if asks_for_recent else ()))

    def answer(leaf: ViewLeaf) -> Criterion:
        if isinstance(leaf, RecentIs):
            return recent_set if leaf.present else Not(recent_set)
        if leaf.numbers.is_saved:
            return saved_set
        if leaf.uids:
            return UidIn(leaf.numbers.resolve(view.last))
        return UidIn(view.span_of(leaf.numbers))

    return as_criterion(tree, answer)


def pinned(tree: SearchTree, view: View, saved: Sequence[int] = ()) -> SearchTree:
    """The same search for later: message numbers, and `$`, name the messages of now (RFC 5267
    §4.3)."""

    def change(leaf: ViewLeaf) -> SearchTree:
        later = isinstance(leaf, RecentIs) or (leaf.uids and not leaf.numbers.is_saved)
        return leaf if later else in_view(leaf, view, saved)

    return with_leaves(tree, change)


def asks_for_saved(tree: SearchTree) -> bool:
    """Whether `$` is in it."""
    return any(isinstance(node, NumbersAre) and node.numbers.is_saved for node in nodes(tree))


def asks_for_numbers(tree: SearchTree) -> bool:
    """Whether message numbers are in it; `$` names messages, whatever their numbers."""
    return any(
        isinstance(node, NumbersAre) and not node.uids and not node.numbers.is_saved
        for node in nodes(tree)
    )


def asks_for_modseq(tree: SearchTree) -> bool:
    """Whether the answer has to name a modseq (RFC 7162 §3.1.5)."""
    return any(isinstance(node, ModSeqIs) for node in nodes(tree))


def is_loose(tree: SearchTree) -> bool:
    """Whether FUZZY is in it (RFC 6203)."""
    return any(isinstance(node, LooselyThis) for node in nodes(tree))
