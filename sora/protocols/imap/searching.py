"""What only a session's view can answer of a search: message numbers, `*`, \\Recent."""

from sora.mail.criteria import Criterion, UidIn
from sora.mail.numbers import NumberSet
from sora.mailbox.view import View
from sora.protocols.imap.wire.search_keys import NumbersAre, RecentIs, SearchTree, as_criterion


def in_view(tree: SearchTree, view: View) -> Criterion:
    """The search as storage understands it.

    Raises BadArgument when a message number is out of range.
    """

    def answer(leaf: NumbersAre | RecentIs) -> Criterion:
        if isinstance(leaf, NumbersAre):
            uids = view.of_uids(leaf.numbers) if leaf.uids else view.of_numbers(leaf.numbers)
        else:
            uids = [uid for uid in view.uids if view.is_recent(uid) == leaf.present]
        return UidIn(NumberSet.of(uids))

    return as_criterion(tree, answer)
