"""The truth of one mailbox, shared by all sessions of the process that have it open.

Three sorted columns (uid, mask, modseq) hold every message. `highest_modseq` says how far the
truth reaches: the state holds all changes up to it, and none after it. Changes are therefore
applied in the order of their modseqs, each on top of the one before (`Change.before`); who
has a change that does not fit on top waits, or reads what is missing (see
`sora.mailbox.open_mailbox`).

How views share the columns. `uids` only grows at its end; a change that takes messages away
makes a new array and leaves the old one to the views that have not told their clients yet. A
view is thus a pointer to an array and a count, whatever the number of messages, and "nothing
was expunged since" is "it is still the same array".

The log remembers which messages the latest changes touched, so that a view catches up in time
proportional to the changes. It is bounded. A view that fell off it compares everything: the
columns suffice for that, since each message has its modseq.

What is `\\Recent` says `recency`, see `sora.mailbox.turns`. In a mailbox in which nobody has ever
had a turn, the messages with \\Seen count as known from before.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final

from attrs import Factory, frozen

from sora.mail.flags import SEEN, SYSTEM, Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox.turns import Recency
from sora.storage.rows import Acl, Changes, MailboxRow, Opened

MAX_LOG_ENTRIES: Final = 1024
MAX_LOG_MESSAGES: Final = 50_000
_FEW_RANGES: Final = 16
_OCTETS_PER_MESSAGE: Final = 25
_OCTETS_PER_STATE: Final = 4096

Uids = Sequence[int]


@frozen
class Change:
    """One write as its answer tells of it.

    It leads from `before` to `modseq`. `uids` (ascending) have `masks` now; those that were
    not there have arrived. `vanished` are gone. `acl` is who has which rights, None if that is
    as it was.
    """

    before: int
    modseq: int
    uids: Uids = ()
    masks: Sequence[int] = ()
    vanished: NumberSet = Factory(NumberSet)
    acl: Acl | None = None


@frozen
class _Entry:
    """What one step of the state touched: the log's line."""

    modseq: int
    uids: Uids
    vanished: NumberSet

    @property
    def weight(self) -> int:
        return len(self.uids) + len(self.vanished.ranges)


class MailboxState:
    """All messages of a mailbox as of `highest_modseq`.

    `generation` changes when the storage turned out to know less than it did before (a
    restored database): nothing that a view was told counts then.
    """

    def __init__(self, opened: Opened, keywords: Keywords, recency: Recency) -> None:
        self.keywords = keywords
        self.recency = recency
        self.is_deleted = False
        self.generation = 0
        self._first_unseen: tuple[int, int] = (-1, 0)
        self._take_over(opened)

    def _take_over(self, opened: Opened) -> None:
        self._describe(opened.mailbox)
        self.acl = opened.acl
        self.lost = opened.lost
        self.keywords.learn(opened.keywords)
        self.uids: array[int] = opened.states.uids
        self.masks: list[int] = _interned(opened.states.masks)
        self.system_flags = _system_flags(self.masks)
        """the system flags of each message as one octet, for searching at the speed of C"""
        self.modseqs: array[int] = opened.states.modseqs
        self.highest_modseq = opened.mailbox.highest_modseq
        self._log: list[_Entry] = []
        self._log_start = self._steps_start = self.highest_modseq
        self._log_weight = 0

    def _describe(self, mailbox: MailboxRow) -> None:
        self.mailbox_id = mailbox.id
        self.account_id = mailbox.account_id
        self.name = mailbox.name
        self.object_id = mailbox.object_id
        self.uidvalidity = mailbox.uidvalidity
        self.uidnext = mailbox.uidnext

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def memory(self) -> int:
        """About how many octets this takes."""
        return _OCTETS_PER_STATE + _OCTETS_PER_MESSAGE * (len(self.uids) + self._log_weight)

    @property
    def first_unseen(self) -> int:
        """The number of the first message without \\Seen, 0 if there is none."""
        modseq, number = self._first_unseen
        if modseq != self.highest_modseq:
            unseen = (number for number, mask in enumerate(self.masks, 1) if not mask & SEEN)
            number = next(unseen, 0)
            self._first_unseen = (self.highest_modseq, number)
        return number

    def index(self, uid: int) -> int:
        """Where a message stands in the columns, -1 when it is not there."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else -1

    # -------------------------------------------------------------- what happens

    def fits(self, change: Change) -> bool:
        """Whether the change leads on from here."""
        return change.before == self.highest_modseq

    def apply(self, change: Change) -> None:
        """Take in a change that fits."""
        assert self.fits(change), "changes are applied in the order of their modseqs"
        if change.modseq == change.before:
            return
        if change.acl is not None:
            self.acl = change.acl
        self._remove(change.vanished)
        for uid, mask in zip(change.uids, change.masks, strict=True):
            self._set(uid, mask, change.modseq)
        self.highest_modseq = change.modseq
        self._remember(change.uids, change.vanished)

    def update(self, changes: Changes) -> None:
        """Take in what was read from storage, which may overlap with what is known."""
        self.keywords.learn(changes.keywords)
        if changes.mailbox.highest_modseq <= self.highest_modseq:
            return
        assert changes.since <= self.highest_modseq, "nothing between is missing"
        self.acl = changes.acl
        self.lost = changes.lost
        vanished = changes.vanished | self._came_and_went(changes)
        self._remove(vanished)
        changed = changes.changed
        for uid, mask, modseq in zip(changed.uids, changed.masks, changed.modseqs, strict=True):
            self._set(uid, mask, modseq)
        self._describe(changes.mailbox)
        self.highest_modseq = self._steps_start = changes.mailbox.highest_modseq
        self._remember(changed.uids, vanished)

    def _came_and_went(self, changes: Changes) -> NumberSet:
        """Messages that are in neither list of `changes`: they arrived after `since`, which was
        learned from another answer while this one was on its way, and are gone."""
        if changes.since == self.highest_modseq:
            return NumberSet()
        there = set(changes.changed.uids)
        return NumberSet.of(
            uid
            for uid in self.changed_since(changes.since)
            if uid not in there and self.index(uid) >= 0
        )

    def replace(self, opened: Opened, rewound: bool) -> None:
        """Begin anew, when the log of storage did not reach back far enough (G28), or, `rewound`,
        does not know what this process knows (G70)."""
        if rewound:
            self.keywords.replace(opened.keywords)
            self.generation += 1
        self._take_over(opened)
        self._first_unseen = (-1, 0)

    def _set(self, uid: int, mask: int, modseq: int) -> None:
        if not self.uids or uid > self.uids[-1]:
            self.uids.append(uid)
            self.masks.append(mask)
            self.system_flags.append(mask & SYSTEM)
            self.modseqs.append(modseq)
            self.uidnext = max(self.uidnext, uid + 1)
            return
        place = self.index(uid)
        if place >= 0 and modseq > self.modseqs[place]:
            self.masks[place] = mask
            self.system_flags[place] = mask & SYSTEM
            self.modseqs[place] = modseq

    def _remove(self, vanished: NumberSet) -> None:
        slices = [
            (bisect_left(self.uids, low), bisect_right(self.uids, high))
            for low, high in vanished.ranges
        ]
        slices = [(start, end) for start, end in slices if start < end]
        if not slices:
            return
        if len(slices) <= _FEW_RANGES:
            self.uids = self.uids[:]
            for start, end in reversed(slices):
                del self.uids[start:end], self.masks[start:end], self.modseqs[start:end]
                del self.system_flags[start:end]
            return
        keeping = bytearray(b"\1") * len(self.uids)
        for start, end in slices:
            keeping[start:end] = bytes(end - start)
        self.uids = array("Q", compress(self.uids, keeping))
        self.masks = list(compress(self.masks, keeping))
        self.modseqs = array("Q", compress(self.modseqs, keeping))
        self.system_flags = bytearray(compress(self.system_flags, keeping))

    # -------------------------------------------------------------- the log

    def _remember(self, uids: Uids, vanished: NumberSet) -> None:
        entry = _Entry(self.highest_modseq, uids, vanished)
        self._log.append(entry)
        self._log_weight += entry.weight
        if len(self._log) > MAX_LOG_ENTRIES or self._log_weight > MAX_LOG_MESSAGES:
            # Half of it at once, so that forgetting is rare.
            keep = len(self._log) // 2
            dropped, self._log = self._log[: len(self._log) - keep], self._log[-keep:] * bool(keep)
            self._log_start = dropped[-1].modseq
            self._log_weight = sum(entry.weight for entry in self._log)

    def _entries(self, since: int) -> Iterator[_Entry]:
        for entry in reversed(self._log):
            if entry.modseq <= since:
                return
            yield entry

    def changed_since(self, since: int) -> Uids:
        """UIDs, ascending, of messages that may have changed after modseq `since`: each one
        that did is among them."""
        if since >= self.highest_modseq:
            return ()
        if since < self._log_start:
            return [
                uid for uid, modseq in zip(self.uids, self.modseqs, strict=True) if modseq > since
            ]
        entries = list(self._entries(since))
        if len(entries) == 1:
            return entries[0].uids
        return sorted({uid for entry in entries for uid in entry.uids})

    def touched_besides(self, since: int, modseq: int) -> Iterator[tuple[int, Uids]]:
        """The steps after modseq `since`, but for the one that led to `modseq`: the modseq of
        each, and the messages that it may have changed. Raises KeyError when the log does not
        reach back."""
        if since < self._log_start:
            raise KeyError(since)
        for entry in self._entries(since):
            if entry.modseq != modseq or modseq <= self._steps_start:
                yield entry.modseq, entry.uids

    def vanished_since(self, since: int, known: Uids) -> list[int]:
        """Those of the ascending UIDs `known`, all there at modseq `since`, that are gone."""
        if since < self._log_start:
            present = set(self.uids)
            return [uid for uid in known if uid not in present]
        gone: set[int] = set()
        for entry in self._entries(since):
            gone.update(entry.vanished.within(known))
        return sorted(gone)

    def gone_after(self, since: int) -> NumberSet | None:
        """All UIDs that went after modseq `since`, whoever knew of them; None when only storage
        can tell.

        Each step that this process made itself is in the log. Of steps that were read together
        the log does not know what came and went between them.
        """
        if not max(self._log_start, self._steps_start) <= since <= self.highest_modseq:
            return None
        ranges = [pair for entry in self._entries(since) for pair in entry.vanished.ranges]
        return NumberSet(tuple(ranges))

    # -------------------------------------------------------------- \Recent

    def unlearned(self, after: int, up_to: int) -> "array[int]":
        """The UIDs in (after, up_to] that no read-write session has learned of, as far as this
        process may say so."""
        known = self.recency.known
        start = bisect_right(self.uids, max(after, known or 0))
        end = bisect_right(self.uids, up_to)
        if known is not None:
            return self.uids[start:end]
        states = zip(self.uids[start:end], self.masks[start:end], strict=True)
        return array("Q", (uid for uid, mask in states if not mask & SEEN))


def _system_flags(masks: list[int]) -> bytearray:
    return bytearray(masks if max(masks, default=0) <= SYSTEM else map(SYSTEM.__and__, masks))


def _interned(masks: list[int]) -> list[int]:
    """The same masks, each value as one object: keywords make integers that are not shared."""
    if max(masks, default=0) <= 256:
        return masks
    known: dict[int, int] = {}
    return [known.setdefault(mask, mask) for mask in masks]


def arrived(before: int, modseq: int, uids: Uids, masks: Sequence[int]) -> Change:
    """The change that new messages make."""
    return Change(before, modseq, uids, masks)
