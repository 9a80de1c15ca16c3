"""Searches whose results are kept up to date for the client (RFC 5267, CONTEXT).

A context has the result as the client has it. What happens in the mailbox changes it in two
steps. Messages that are expunged leave it before their EXPUNGE is told, as their numbers mean
something only then (§4.3.4). All others are looked at when the rest was told: of those that
have changed or are new, the search is made again, for nothing else can have become or ceased to
be a result. Contents and sort keys of a message never change, so that a result keeps its place.

What is found is told by position where the client asked for an order; without one the position
is 0, which leaves it to the client.
"""

from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Sequence
from itertools import filterfalse
from typing import Final

from attrs import define, field

from sora.mail.criteria import AgeIs, And, UidIn
from sora.mail.numbers import NumberSet, in_order
from sora.mailbox.numbering import FEW
from sora.mailbox.selected import Selected
from sora.mailbox.view import View
from sora.protocols.imap.programs import in_view
from sora.protocols.imap.wire.search_keys import SearchTree, nodes
from sora.storage.rows import SortKey

MAX_CONTEXTS: Final = 16
"""contexts of one session"""
MAX_RESULTS: Final = 500_000
"""messages that the contexts of one session have as their results"""
OCTETS: Final = 2048
"""about what a context takes beside its result"""
AGING: Final = 60.0
"""seconds after which a search for ages is made anew (RFC 5032 §2)"""


@define
class Context:
    """One search and its result: `uids` in the order of `keys`, or ascending.

    All changes up to modseq `since`, and all messages up to UID `last`, are in it. `looked` is
    when the search was made last; `ages` says that its result changes by itself. `show` tells
    more of new messages that are results, before they are (RFC 5465 §7).
    """

    tag: bytes
    by_uid: bool
    tree: SearchTree
    keys: Sequence[SortKey]
    uids: "array[int]"
    since: int
    last: int
    looked: float
    show: Callable[[Sequence[int]], Awaitable[None]] | None = None
    ages: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ages = any(isinstance(node, AgeIs) for node in nodes(self.tree))

    # ---------------------------------------------------------- what it is told of

    @property
    def octets(self) -> int:
        """About what it takes of memory."""
        return OCTETS + len(self.uids) * self.uids.itemsize

    def forget(self, gone: Sequence[tuple[int, int]]) -> bytes:
        """Messages are gone: (number, UID), with the numbers that they had. What to say."""
        known = self._among([uid for _, uid in gone])
        numbers = {uid: number for number, uid in gone if uid in known}
        if not numbers:
            return b""
        if self.by_uid:
            numbers = {uid: uid for uid in numbers}
        return self._line(self._remove(numbers))

    async def follow(self, selected: Selected, now: float) -> bytes:
        """Look at what has changed in the client's view. What to say; empty if nothing."""
        view = selected.view
        touched = self._touched(selected, now)
        if not touched:
            return b""
        since, last = selected.highest_modseq, view.last
        everything = len(touched) == view.exists
        asked = NumberSet(((1, last),)) if everything else NumberSet.ascending(touched)
        found = await selected.finding.search(And((UidIn(asked), in_view(self.tree, view))))
        known, matching = self._among(touched), set(found)
        lost = [uid for uid in touched if uid in known and uid not in matching]
        new = [uid for uid in found if uid not in known]
        order: Sequence[int] = sorted([*filterfalse(set(lost).__contains__, self.uids), *new])
        if self.keys and new:
            order = await selected.finding.sort(UidIn(NumberSet.ascending(order)), self.keys)
        if self.show is not None:
            await self.show([uid for uid in new if uid > self.last])
        self.since, self.last, self.looked = since, last, now
        said = self._remove(self._numbers(view, lost)) if lost else b""
        if new:
            said += self._add(self._numbers(view, new), order)
        return self._line(said)

    def _touched(self, selected: Selected, now: float) -> Sequence[int]:
        """The UIDs, ascending, for which the search has to be made again."""
        view = selected.view
        if self.ages and now - self.looked >= AGING:
            return view.uids
        if selected.highest_modseq == self.since and view.last == self.last:
            return ()
        rewound = selected.highest_modseq < self.since or not selected.since(self.since)
        changed = view.changed_since(view.uids, -1 if rewound else self.since)
        new = view.uids[bisect_left(view.uids, self.last + 1) :]
        if not changed and not new:
            self.since, self.last = selected.highest_modseq, view.last
            return ()
        return sorted({*changed, *new})

    # ---------------------------------------------------------- what it says

    def _line(self, said: bytes) -> bytes:
        if not said:
            return b""
        uid = b" UID" * self.by_uid
        return b'* ESEARCH (TAG "%b")%b%b\r\n' % (self.tag, uid, said)

    def _numbers(self, view: View, uids: Iterable[int]) -> dict[int, int]:
        return {uid: uid if self.by_uid else view.number(uid) for uid in uids}

    def _among(self, uids: Sequence[int]) -> Container[int]:
        """Something that has those of the UIDs, of messages, that are results."""
        if self.keys or len(uids) * FEW > len(self.uids):
            return set(self.uids)
        places = [(bisect_left(self.uids, uid), uid) for uid in uids]
        end = len(self.uids)
        return {uid for place, uid in places if place < end and self.uids[place] == uid}

    def _remove(self, numbers: dict[int, int]) -> bytes:
        """REMOVEFROM; the last ones first, so that the positions before them stay."""
        if self.keys:
            places = [place for place, uid in enumerate(self.uids) if uid in numbers]
            pairs = [(run[0] + 1, [numbers[self.uids[at]] for at in run]) for run in _runs(places)]
        else:
            pairs = [(0, sorted(numbers.values()))]
        self.uids = array("Q", filterfalse(numbers.__contains__, self.uids))
        return b" REMOVEFROM " + _pairs(reversed(pairs))

    def _add(self, numbers: dict[int, int], order: Sequence[int]) -> bytes:
        """ADDTO; the first ones first: the place of each is that which it has in the end."""
        if self.keys:
            # What was expunged meanwhile is still a result, until that is told.
            order = _merged(self.uids, order)
            places = [place for place, uid in enumerate(order) if uid in numbers]
            pairs = [(run[0] + 1, [numbers[order[at]] for at in run]) for run in _runs(places)]
        else:
            pairs = [(0, sorted(numbers.values()))]
        self.uids = array("Q", order)
        return b" ADDTO " + _pairs(pairs)


class Contexts:
    """Those of one session. They end with the mailbox that is selected."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, Context] = {}

    def __bool__(self) -> bool:
        return bool(self._contexts)

    def __contains__(self, tag: bytes) -> bool:
        return tag in self._contexts

    @property
    def octets(self) -> int:
        """About what they take of memory."""
        return sum(context.octets for context in self._contexts.values())

    def add(self, context: Context) -> bool:
        """Keep one up to date; False when that is too much."""
        results = sum(len(known.uids) for known in self._contexts.values()) + len(context.uids)
        if len(self._contexts) >= MAX_CONTEXTS or results > MAX_RESULTS:
            return False
        self._contexts[context.tag] = context
        return True

    def cancel(self, tag: bytes) -> None:
        """There are no updates of it any more."""
        self._contexts.pop(tag, None)

    def keep_uids_only(self) -> None:
        """The client takes no message numbers any more (RFC 9586 §3): those that have them end."""
        self._contexts = {tag: one for tag, one in self._contexts.items() if one.by_uid}

    def clear(self) -> None:
        """The mailbox is no longer selected."""
        self._contexts.clear()

    def forget(self, expunged: Sequence[tuple[int, int]]) -> list[bytes]:
        """The lines that come before those of EXPUNGE, whose numbers and UIDs these are."""
        # Each line of EXPUNGE counts without the messages of those before it.
        gone = [(number + before, uid) for before, (number, uid) in enumerate(expunged)]
        lines = [context.forget(gone) for context in self._contexts.values()]
        return [line for line in lines if line]

    async def follow(self, selected: Selected, now: float) -> list[bytes]:
        """The lines that come after all others."""
        lines = []
        for context in list(self._contexts.values()):
            lines.append(await context.follow(selected, now))
        return [line for line in lines if line]


def _pairs(pairs: Iterable[tuple[int, Sequence[int]]]) -> bytes:
    """ "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")" """
    return b"(%b)" % b" ".join(
        b"%d %b" % (position, in_order(numbers).encode()) for position, numbers in pairs
    )


def _runs(places: Sequence[int]) -> Iterator[Sequence[int]]:
    """Ascending places, cut where one does not follow the other."""
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[end - 1] + 1:
            yield places[start:end]
            start = end


def _merged(old: Sequence[int], order: Sequence[int]) -> Sequence[int]:
    """`order` with those of `old` that are not in it, each behind what it stood behind."""
    there = set(order)
    if all(uid in there for uid in old):
        return order
    behind: dict[int, list[int]] = {}
    before = 0
    for uid in old:
        if uid in there:
            before = uid
        else:
            behind.setdefault(before, []).append(uid)
    merged = behind.get(0, [])
    for uid in order:
        merged += [uid, *behind.get(uid, ())]
    return merged
