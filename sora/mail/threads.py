"""Messages grouped into conversations: the algorithms of THREAD (RFC 5256 §3).

A message is its place in the sequence that is given, which ascends by UID; numbers from its
length on are dummies: messages that others refer to and that are not there. While links are
made, each node knows its parent only (`_Links`); the order of children is a matter of the end.

The time is linear but for sorting and for climbing: before A becomes the parent of B, the
ancestors of A are looked at for B, since there must be no loop. A stranger can make that slow
with long chains, so there is a bound to all climbing together (`_CLIMBS`). Beyond it, links that
would need a climb are not made: that can never make a loop, and no honest mailbox gets there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, Protocol

from attrs import frozen

ROOT: Final = -1
_CLIMBS: Final = 100
"""steps of climbing for each message, on the average"""
_FREE_CLIMBS: Final = 100_000


class Threadable(Protocol):
    """What threading needs to know of a message; `sora.storage.rows.ThreadRow` has it."""

    @property
    def message_id(self) -> str: ...
    @property
    def in_reply_to(self) -> str: ...
    @property
    def references(self) -> Sequence[str]: ...
    @property
    def sort_subject(self) -> str: ...
    @property
    def is_reply(self) -> bool: ...
    @property
    def date(self) -> datetime: ...


@frozen
class Forest:
    """Threads in their order: `roots`, and the children of each node that has any.

    A node below `size` is the message of that place; another one is a dummy, which is a root and
    has at least two children.
    """

    size: int
    roots: Sequence[int]
    children: Mapping[int, Sequence[int]]


def ordered_subject(messages: Sequence[Threadable]) -> Forest:
    """ORDEREDSUBJECT: one thread for each base subject; the first message has all the others
    as its children."""
    keys = _keys(messages)
    in_order = sorted(
        range(len(messages)), key=lambda place: (messages[place].sort_subject, keys[place])
    )
    children: dict[int, Sequence[int]] = {}
    roots = []
    for _, group in groupby(in_order, key=lambda place: messages[place].sort_subject):
        first, *others = group
        roots.append(first)
        if others:
            children[first] = others
    return Forest(len(messages), sorted(roots, key=keys.__getitem__), children)


def references(messages: Sequence[Threadable]) -> Forest:
    """REFERENCES: by the ids that messages refer to, and then by the base subject."""
    keys = _keys(messages)
    links = _Links(messages)
    links.make()
    tree = _Tree(links, keys)
    _Subjects(messages, tree).merge()
    return tree.forest(tree.first)


def refs(messages: Sequence[Threadable]) -> Forest:
    """REFS: as REFERENCES, but subjects do not matter, and threads are in the order of their
    latest messages (draft-ietf-morg-inthread)."""
    keys = _keys(messages)
    links = _Links(messages)
    links.make()
    tree = _Tree(links, keys)
    return tree.forest(tree.latest)


Key = tuple[datetime, int]
"""what siblings are sorted by: the date, then the place in the mailbox (§2.2)"""


def _keys(messages: Sequence[Threadable]) -> list[Key]:
    return [(message.date, place) for place, message in enumerate(messages)]


class _Links:
    """Step 1: who is whose parent. `parents` has dummies too."""

    def __init__(self, messages: Sequence[Threadable]) -> None:
        self._messages = messages
        self.size = len(messages)
        self.parents = [ROOT] * self.size
        self._children = [0] * self.size  # how many
        self._nodes: dict[str, int] = {}
        self._climbs = _FREE_CLIMBS + _CLIMBS * self.size
        for place, message in enumerate(messages):
            if message.message_id:
                # Of those that have the same id, only the first is known by it.
                self._nodes.setdefault(message.message_id, place)

    def make(self) -> None:
        """Steps 1.A and 1.B for each message."""
        for place, message in enumerate(self._messages):
            # Without References, In-Reply-To has the only one.
            ids = message.references or ([message.in_reply_to] if message.in_reply_to else ())
            last = ROOT
            for one in ids:
                node = self._node(one)
                if last != ROOT and self.parents[node] == ROOT:
                    self._link(last, node)
                last = node
            if self.parents[place] != last:
                self._cut(place)
                if last != ROOT:
                    self._link(last, place)

    def _node(self, message_id: str) -> int:
        node = self._nodes.get(message_id)
        if node is None:
            node = self._nodes[message_id] = len(self.parents)
            self.parents.append(ROOT)
            self._children.append(0)
        return node

    def _link(self, parent: int, child: int) -> None:
        """Make a link if there is no loop then; `child` has no parent."""
        if parent == child or (self._children[child] and self._is_below(parent, child)):
            return
        self.parents[child] = parent
        self._children[parent] += 1

    def _cut(self, child: int) -> None:
        parent = self.parents[child]
        if parent != ROOT:
            self._children[parent] -= 1
            self.parents[child] = ROOT

    def _is_below(self, node: int, ancestor: int) -> bool:
        """Whether `ancestor` is above `node`; True as well when that takes too long."""
        parents, left = self.parents, self._climbs
        while (node := parents[node]) != ROOT:
            left -= 1
            if node == ancestor or left < 0:
                break
        self._climbs = left
        return node != ROOT


class _Tree:
    """Steps 2 to 4: the threads without needless dummies, and then what step 5 does to them."""

    def __init__(self, links: _Links, keys: Sequence[Key]) -> None:
        self.size = links.size
        self.keys = keys
        self.roots: list[int] = []
        self.children: dict[int, list[int]] = {}
        self._next_dummy = len(links.parents)
        self._prune(links.parents)

    def is_dummy(self, node: int) -> bool:
        """Whether this stands for no message."""
        return node >= self.size

    def _prune(self, parents: Sequence[int]) -> None:
        """Children of a dummy go to what is above it; only at the top does it stay, if it has
        several."""
        tops = _tops(parents, self.size)
        for place in range(self.size):
            parent = parents[place]
            if parent >= self.size:
                parent = tops[parent - self.size]
            if parent == ROOT:
                self.roots.append(place)
            else:
                self.children.setdefault(parent, []).append(place)
        for dummy in [node for node in self.children if node >= self.size]:
            if len(self.children[dummy]) > 1:
                self.roots.append(dummy)
            else:
                self.roots.extend(self.children.pop(dummy))

    def first(self, root: int) -> Key:
        """What a thread is sorted by: its first message, of a dummy the first child."""
        if root < self.size:
            return self.keys[root]
        return min(map(self.keys.__getitem__, self.children[root]))

    def first_message(self, root: int) -> int:
        """The place of that message."""
        return self.first(root)[1]

    def latest(self, root: int) -> Key:
        """When a thread had its latest message, and its first one."""
        date, _ = max(map(self.keys.__getitem__, self._messages_of(root)))
        return date, self.first_message(root)

    def _messages_of(self, root: int) -> Iterable[int]:
        found = [root]
        for node in found:
            found.extend(self.children.get(node, ()))
        return [node for node in found if node < self.size]

    def adopt(self, parent: int, children: Iterable[int]) -> None:
        """These become children of `parent`."""
        self.children.setdefault(parent, []).extend(children)

    def new_dummy(self, *children: int) -> int:
        """A dummy at the top, with these as its children."""
        dummy, self._next_dummy = self._next_dummy, self._next_dummy + 1
        self.children[dummy] = list(children)
        return dummy

    def forest(self, order: Callable[[int], Key]) -> Forest:
        """Step 6: siblings by date, threads in their order."""
        for siblings in self.children.values():
            if len(siblings) > 1:
                siblings.sort(key=self.keys.__getitem__)
        return Forest(self.size, sorted(self.roots, key=order), self.children)


def _tops(parents: Sequence[int], size: int) -> list[int]:
    """For each dummy: the nearest message above it, or else the topmost dummy."""
    tops = [ROOT] * (len(parents) - size)
    for dummy in range(size, len(parents)):
        path = []
        node = dummy
        while node >= size and tops[node - size] == ROOT:
            path.append(node)
            if parents[node] == ROOT:
                break
            node = parents[node]
        top = tops[node - size] if node >= size and tops[node - size] != ROOT else node
        for passed in path:
            tops[passed - size] = top
    return tops


class _Subjects:
    """Step 5: threads with the same base subject are one."""

    def __init__(self, messages: Sequence[Threadable], tree: _Tree) -> None:
        self._messages = messages
        self._tree = tree

    def merge(self) -> None:
        """Merge the roots of the tree."""
        tree = self._tree
        roots = sorted(tree.roots, key=tree.first)
        subjects = [self._messages[tree.first_message(root)].sort_subject for root in roots]
        table = self._table(roots, subjects)
        gone: set[int] = set()
        made: list[int] = []
        for root, subject in zip(roots, subjects, strict=True):
            other = table.get(subject, root)
            if other == root:
                continue
            if tree.is_dummy(other):
                children = tree.children.pop(root) if tree.is_dummy(root) else [root]
                tree.adopt(other, children)
                gone.add(root)
            elif self._is_reply(root) and not self._is_reply(other):
                tree.adopt(other, [root])
                gone.add(root)
            else:
                table[subject] = dummy = tree.new_dummy(other, root)
                made.append(dummy)
                gone.update((other, root))
        tree.roots = [root for root in [*roots, *made] if root not in gone]

    def _table(self, roots: Sequence[int], subjects: Sequence[str]) -> dict[str, int]:
        """Steps 5.A and 5.B: for each subject the thread that others are merged with: rather a
        dummy, rather no reply, rather an earlier one."""
        table: dict[str, int] = {}
        is_dummy = self._tree.is_dummy
        for root, subject in zip(roots, subjects, strict=True):
            if not subject:
                continue
            other = table.setdefault(subject, root)
            if is_dummy(other):
                continue
            if is_dummy(root) or (self._is_reply(other) and not self._is_reply(root)):
                table[subject] = root
        return table

    def _is_reply(self, root: int) -> bool:
        return root < self._tree.size and self._messages[root].is_reply
