"""What one client believes of its mailbox: the pure part of a session's selected mailbox.

The truth is `MailboxState`, shared by all sessions of the process that have the mailbox
open. A `View` knows what this client has been told: which UIDs, in which order, and up to
which point of the change log. Sequence numbers mean what the client has been told, also
after concurrent expunges (G27). EXPUNGE is told once (G24), before the EXISTS of the same
change (G25); where it may not be sent (RFC 3501 §7.4.1), both wait. The cursor moves only
over what was told, and never backwards (G26). A message made and expunged unseen is never
mentioned.

The client's list is the first `exists` UIDs of an array of the state (see there, and
`sora.mailbox.numbering`). There are two cursors, both modseqs: up to `_flags_at` the client knows
the flags of the messages it knows of; up to `_gone_at` it knows what is gone. They part only while
EXPUNGE waits. What the client learned from answers of its own commands is remembered as (UIDs,
modseq) until the first cursor passes it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import compress

from sora.mail.numbers import NumberSet
from sora.mailbox.numbering import FEW, Numbering
from sora.mailbox.state import MailboxState
from sora.mailbox.updates import NOTHING, PORTION, FlagUpdate, ManyFlags, Updates


class View(Numbering):
    """One client's belief. Made by `Selected`; see `sora.mailbox.state` for the truth."""

    def __init__(self, state: MailboxState, read_only: bool) -> None:
        super().__init__(state.uids)
        self._state = state
        self._read_only = read_only
        self._flags_at = self._gone_at = state.highest_modseq
        self._generation = state.generation
        self._keywords = len(state.keywords)
        self._told: list[tuple[Container[int], int]] = []
        self._shows_recent = True
        self._recent: array[int] = array("Q")
        self._learn_recent(0)

    @property
    def recent(self) -> int:
        """How many of them are \\Recent in this session."""
        return len(self._recent)

    @property
    def octets(self) -> int:
        """About what it takes of memory by itself, beside the state that all share."""
        own = len(self._recent) + (0 if self._array is self._state.uids else len(self._array))
        if self._slice is not None and self._slice is not self._array:
            own += len(self._slice)
        return 8 * own + sum(_octets_of(uids) for uids, _ in self._told)

    @property
    def has_news(self) -> bool:
        """Whether something may have to be told."""
        state = self._state
        return (
            state.highest_modseq > self._flags_at
            or self._array is not state.uids
            or self._count != len(state.uids)
            or self._keywords != len(state.keywords)
            or self._generation != state.generation
        )

    @property
    def holds_gone(self) -> bool:
        """Whether messages are gone of which the client was not told."""
        return bool(self.gone())

    def takes_keywords(self) -> bool:
        """Whether there are keywords that the client was not told of; it counts as told."""
        known, self._keywords = self._keywords, len(self._state.keywords)
        return known != self._keywords

    @property
    def gone_since(self) -> int | None:
        """After which modseq what is gone was not told; None when there is no saying, since
        storage has forgotten."""
        return self._gone_at if self._generation == self._state.generation else None

    @property
    def modseq_told(self) -> int:
        """Up to which modseq the client knows of every change: what is safe to be asked for
        when it comes back (RFC 7162 §3.1.2.1)."""
        return max(0, min(self._flags_at, self._gone_at))

    @property
    def withholds(self) -> bool:
        """Whether the client was told of later changes than of what is gone."""
        return self._gone_at < self._flags_at

    # -------------------------------------------------------------- the truth

    def mask(self, uid: int) -> int | None:
        """The present flags of a message, None when it is gone."""
        place = self._state.index(uid)
        return None if place < 0 else self._state.masks[place]

    def modseq(self, uid: int) -> int:
        """The present modseq of a message, 0 when it is gone."""
        place = self._state.index(uid)
        return 0 if place < 0 else self._state.modseqs[place]

    def highest_modseq(self, uids: Sequence[int]) -> int:
        """The highest of the present modseqs of messages, 0 when none of them is there."""
        state = self._state
        if len(uids) * FEW < len(state):
            return max(map(self.modseq, uids), default=0)
        return max(compress(state.modseqs, map(set(uids).__contains__, state.uids)), default=0)

    @property
    def recent_uids(self) -> Sequence[int]:
        """The UIDs of what is \\Recent in this session, ascending."""
        return self._recent

    def is_recent(self, uid: int) -> bool:
        """Whether the message is \\Recent in this session (RFC 3501 §2.3.2)."""
        place = bisect_left(self._recent, uid)
        return place < len(self._recent) and self._recent[place] == uid

    def is_gone(self, uid: int) -> bool:
        """Whether the client still believes in a message that was expunged."""
        return self._state.index(uid) < 0 and self.number(uid) > 0

    def flags_of(self, uids: Iterable[int]) -> Iterator[FlagUpdate]:
        """Numbers, flags and modseqs of messages that the client knows of, for FETCH of many;
        faster than asking for each. Those that are gone are left out.

        To be used up before anything is awaited.
        """
        state = self._state
        known, there = self._array, state.uids
        number = place = -1
        has_recent, is_recent = bool(self._recent), self.is_recent
        for uid in uids:
            number, place = number + 1, place + 1
            if number >= self._count or known[number] != uid:
                number = self.number(uid) - 1
            if place >= len(there) or there[place] != uid:
                place = state.index(uid)
            if place >= 0 and number >= 0:
                yield FlagUpdate(
                    number + 1,
                    uid,
                    state.masks[place],
                    state.modseqs[place],
                    has_recent and is_recent(uid),
                )

    def run_of(self, uids: Sequence[int]) -> "tuple[int, list[int], array[int]] | None":
        """The fastest way to the flags of many: for messages that follow one another in the
        client's list, none of which is gone, the number of the first, and for each its mask,
        inverted (`~mask`) if it is \\Recent, and its modseq. None when it is not so simple.
        """
        state = self._state
        if not uids or self._array is not state.uids:
            return None
        first = bisect_left(self._array, uids[0], 0, self._count)
        end = first + len(uids)
        if end > self._count or self._array[first] != uids[0] or self._array[end - 1] != uids[-1]:
            return None
        masks = state.masks[first:end]
        start = bisect_left(self._recent, uids[0])
        recent = set(self._recent[start : bisect_right(self._recent, uids[-1], start)])
        if recent:
            masks = [
                ~mask if uid in recent else mask for uid, mask in zip(uids, masks, strict=True)
            ]
        return first + 1, masks, state.modseqs[first:end]

    def changed_since(self, uids: Sequence[int], modseq: int) -> list[int]:
        """Those of the ascending `uids` whose messages have changed after `modseq`, and are
        still there; in time proportional to the changes, where the state's log reaches back."""
        state = self._state
        touched = state.changed_since(modseq)
        if len(touched) * FEW > len(state):
            changed = compress(state.uids, map(modseq.__lt__, state.modseqs))
            return list(filter(set(uids).__contains__, changed))
        found: list[int] = []
        for uid in touched:
            place = bisect_left(uids, uid)
            if place < len(uids) and uids[place] == uid and self.modseq(uid) > modseq:
                found.append(uid)
        return found

    # -------------------------------------------------------------- telling

    def told(self, uids: NumberSet | Sequence[int], modseq: int) -> None:
        """The client learns the flags that these messages have as of `modseq` from the answer
        of its own command: no update repeats it."""
        if modseq > self._flags_at and uids:
            self._told.append((uids if isinstance(uids, NumberSet) else frozenset(uids), modseq))

    def changed_silently(self, uids: Sequence[int], modseq: int) -> None:
        """The client has changed flags itself, at `modseq`, and asked not to be told (.SILENT).
        Where somebody else has changed a message too, it is told all the same: it knows of its
        own change alone (RFC 3501 §6.4.6). The state has the change already."""
        try:
            steps = list(self._state.touched_besides(self._flags_at, modseq))
        except KeyError:
            return
        if steps:
            others = {
                uid for at, touched in steps for uid in touched if not self._was_told(uid, at)
            }
            uids = [uid for uid in uids if uid not in others]
        self.told(uids, modseq)

    def take(self, may_expunge: bool) -> Updates:
        """What has to be told now; it counts as told. Without `may_expunge` no EXPUNGE, and no
        EXISTS or RECENT of changes that come with one, is among it."""
        if not self.has_news:
            return NOTHING
        state = self._state
        if self._generation != state.generation:
            self._generation, self._flags_at, self._gone_at = state.generation, -1, -1
            self._keywords = -1
            self._told = []
        known_before = self.last
        gone = self.gone()
        withheld = bool(gone) and not may_expunge
        expunged: list[tuple[int, int]] = []
        exists = recent = None
        if not withheld:
            recent_before = len(self._recent)
            expunged = self._forget(gone)
            if self._follow(known_before):
                exists = self._count
            if len(self._recent) != recent_before:
                recent = len(self._recent)
        flags = self._flag_updates(known_before)
        has_new_keywords = self._keywords != len(state.keywords)
        self._keywords = len(state.keywords)
        return Updates(tuple(expunged), exists, recent, has_new_keywords, flags)

    def gone(self) -> list[int]:
        """The UIDs that the client knows of and that are gone, ascending."""
        if self._array is self._state.uids:
            return []
        whole = self._count == len(self._array)
        return self._state.vanished_since(self._gone_at, self._array if whole else self.uids)

    def _forget(self, gone: Sequence[int]) -> list[tuple[int, int]]:
        """The lines of EXPUNGE: each makes the numbers after it smaller by one."""
        if gone and self._recent:
            missing = set(gone)
            self._recent = array("Q", (uid for uid in self._recent if uid not in missing))
        return [(self.number(uid) - earlier, uid) for earlier, uid in enumerate(gone)]

    def _follow(self, known_before: int) -> bool:
        """Take the present list of messages for the client's; whether new ones came with it."""
        self._renumber(self._state.uids)
        self._gone_at = self._state.highest_modseq
        if self.last <= known_before:
            return False
        self._learn_recent(known_before)
        return True

    def ignore_recent(self) -> None:
        """The client knows no \\Recent (RFC 9051, appendix E): no message has it from now on."""
        self._shows_recent = False
        self._recent = array("Q")

    def _learn_recent(self, known_before: int) -> None:
        recency = self._state.recency
        may_say = recency.is_known if self._read_only else recency.is_ours
        if self._shows_recent and may_say:
            self._recent += self._state.unlearned(known_before, self.last)
        if not self._read_only:
            recency.learned(self.last)

    def _flag_updates(self, known_before: int) -> Sequence[FlagUpdate] | ManyFlags:
        """FETCH responses for messages that the client knew of before."""
        state = self._state
        due: array[int] = array("Q")
        for uid in state.changed_since(self._flags_at):
            if uid > known_before:
                break
            place = state.index(uid)
            if place < 0:
                continue
            modseq = state.modseqs[place]
            if modseq > self._flags_at and not self._was_told(uid, modseq):
                due.append(uid)
        self._flags_at = state.highest_modseq
        self._told = [pair for pair in self._told if pair[1] > self._flags_at]
        return tuple(self.flags_of(due)) if len(due) <= PORTION else ManyFlags(self.flags_of, due)

    def _was_told(self, uid: int, modseq: int) -> bool:
        return any(at >= modseq and uid in uids for uids, at in self._told)


def _octets_of(uids: Container[int]) -> int:
    """About what a set of UIDs takes: a number in a `frozenset`, or a range."""
    count = len(uids.ranges) if isinstance(uids, NumberSet) else len(uids)  # type: ignore[arg-type]
    return 100 * count
