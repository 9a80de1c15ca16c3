"""What one client believes of its mailbox: the pure part of a session's selected mailbox.

The truth is `MailboxState`, shared by all sessions of the process that have the mailbox
open. A `View` knows what this client has been told: which UIDs, in which order, and up to
which point of the change log. Sequence numbers mean what the client has been told, also
after concurrent expunges (G27). EXPUNGE is told once (G24), before the EXISTS of the same
change (G25); where it may not be sent (RFC 3501 §7.4.1), both wait. The cursor moves only
over what was told, and never backwards (G26). A message made and expunged unseen is never
mentioned.

The client's list is the first `exists` UIDs of an array of the state (see there). There are
two cursors, both modseqs: up to `_flags_at` the client knows the flags of the messages it
knows of; up to `_gone_at` it knows what is gone. They part only while EXPUNGE waits.
What the client learned from answers of its own commands is remembered as (UIDs, modseq) until
the first cursor passes it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import compress, count
from typing import Final

from attrs import field, frozen

from sora.errors import BadArgument
from sora.mail.numbers import NumberSet, SequenceSet
from sora.mailbox.state import MailboxState

PORTION: Final = 1000
"""Messages whose flags are told together."""
FEW: Final = 16
"""Up to one message among so many, messages are looked up one by one."""


@frozen
class FlagUpdate:
    """Flags of a message that the client knows are different now."""

    number: int
    uid: int
    mask: int
    modseq: int
    recent: bool = False


@frozen
class Updates:
    """What a client has to be told, in this order: EXPUNGE, EXISTS, RECENT, FLAGS, FETCH.

    `expunged` are (sequence number, uid), each number as it is when its line is sent;
    `exists` and `recent` are None when they did not change; `keywords` is True when there are
    new ones, so that FLAGS is due. `flags` of very many messages are `ManyFlags`.
    """

    expunged: Sequence[tuple[int, int]] = ()
    exists: int | None = None
    recent: int | None = None
    keywords: bool = False
    flags: "Sequence[FlagUpdate] | ManyFlags" = ()

    def __bool__(self) -> bool:
        return bool(
            self.expunged
            or self.exists is not None
            or self.recent is not None
            or self.keywords
            or self.flags
        )


NOTHING = Updates()


@frozen
class ManyFlags:
    """The flags of more than `PORTION` messages, each as it is when its turn comes: so they take
    no more memory than their UIDs, and can be told as slowly as the client reads."""

    _view: "View" = field(alias="view")
    _uids: "array[int]" = field(alias="uids")

    def __len__(self) -> int:
        return len(self._uids)

    def __iter__(self) -> Iterator[FlagUpdate]:
        for portion in self.portions():
            yield from portion

    def portions(self) -> Iterator[list[FlagUpdate]]:
        """The same in portions. Between two of them anything may happen in the mailbox, but
        nothing may be taken from the view."""
        for start in range(0, len(self._uids), PORTION):
            yield list(self._view.flags_of(self._uids[start : start + PORTION]))


class View:
    """One client's belief. Made by `Selected`; see `sora.mailbox.state` for the truth."""

    def __init__(self, state: MailboxState, read_only: bool) -> None:
        self._state = state
        self._read_only = read_only
        self._array = state.uids
        self._count = len(state.uids)
        self._slice: Sequence[int] | None = None
        self.version = 0
        """rises when the client's list of messages becomes another one"""
        self._flags_at = self._gone_at = state.highest_modseq
        self._generation = state.generation
        self._keywords = len(state.keywords)
        self._told: list[tuple[Container[int], int]] = []
        self._shows_recent = True
        self._recent: array[int] = array("Q")
        self._learn_recent(0)

    @property
    def exists(self) -> int:
        """How many messages the client knows of."""
        return self._count

    @property
    def recent(self) -> int:
        """How many of them are \\Recent in this session."""
        return len(self._recent)

    @property
    def uids(self) -> Sequence[int]:
        """Their UIDs, ascending: the one of number n stands at n - 1.

        What this gives is not to be kept: the next `take` makes another one.
        """
        if self._slice is None:
            self._slice = self._array[: self._count]
        return self._slice

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

    # -------------------------------------------------------------- numbers

    def number(self, uid: int) -> int:
        """The sequence number of a UID, 0 when the client does not know of it."""
        place = bisect_left(self._array, uid, 0, self._count)
        return place + 1 if place < self._count and self._array[place] == uid else 0

    def uid(self, number: int) -> int:
        """The UID of a sequence number. Raises BadArgument when it is out of range."""
        if not 0 < number <= self._count:
            raise BadArgument(f"There is no message {number}: there are {self._count}")
        return self._array[number - 1]

    def of_numbers(self, numbers: SequenceSet) -> list[int]:
        """The UIDs of a sequence set of message numbers, ascending.

        Raises BadArgument when a number is larger than `exists` (RFC 3501 §9, seq-number).
        """
        found: list[int] = []
        for low, high in numbers.resolve(self._count).ranges:
            if high > self._count:
                raise BadArgument(f"There is no message {high}: there are {self._count}")
            found += self._array[low - 1 : high]
        return found

    def of_uids(self, uids: SequenceSet) -> list[int]:
        """Those UIDs of the set that the client knows of, ascending (RFC 3501 §6.4.8)."""
        return self.known_of(uids.resolve(self.last))

    def known_of(self, uids: NumberSet) -> list[int]:
        """Those UIDs of the set that the client knows of, ascending."""
        found: list[int] = []
        for low, high in uids.ranges:
            start = bisect_left(self._array, low, 0, self._count)
            found += self._array[start : bisect_right(self._array, high, start, self._count)]
        return found

    def span_of(self, numbers: SequenceSet) -> NumberSet:
        """The messages of a sequence set of message numbers, as ranges of UIDs that have no
        other message in them. Numbers beyond the last message name nothing (RFC 7377 §2)."""
        spans = []
        for low, high in numbers.resolve(self._count).ranges:
            if low <= self._count:
                spans.append((self._array[low - 1], self._array[min(high, self._count) - 1]))
        return NumberSet(tuple(spans))

    def numbers_of(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of UIDs, which may be in any order, in theirs. Those that the
        client does not know of are left out."""
        if len(uids) * FEW < self._count:
            return [number for number in map(self.number, uids) if number]
        numbers = dict(zip(self.uids, count(1)))
        return list(filter(None, map(numbers.get, uids)))

    def numbers_of_ascending(self, uids: Sequence[int]) -> list[int]:
        """The same for ascending UIDs, faster when they are many."""
        if len(uids) * FEW < self._count:
            return [number for number in map(self.number, uids) if number]
        numbers = range(1, self._count + 1)
        if len(uids) == self._count and array("Q", uids) == self.uids:
            return list(numbers)
        return list(compress(numbers, map(set(uids).__contains__, self.uids)))

    def among(self, uids: Sequence[int]) -> list[int]:
        """Those of the UIDs that the client knows of, in their order."""
        if len(uids) * FEW < self._count:
            return [uid for uid in uids if self.number(uid)]
        return list(filter(set(self.uids).__contains__, uids))

    @property
    def last(self) -> int:
        """The highest UID that the client knows of, 0 when it knows of none."""
        return self._array[self._count - 1] if self._count else 0

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
        self._array = self._state.uids
        self._count = len(self._array)
        self._gone_at = self._state.highest_modseq
        self._slice = None
        self.version += 1
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
        return tuple(self.flags_of(due)) if len(due) <= PORTION else ManyFlags(self, due)

    def _was_told(self, uid: int, modseq: int) -> bool:
        return any(at >= modseq and uid in uids for uids, at in self._told)


def _octets_of(uids: Container[int]) -> int:
    """About what a set of UIDs takes: a number in a `frozenset`, or a range."""
    count = len(uids.ranges) if isinstance(uids, NumberSet) else len(uids)  # type: ignore[arg-type]
    return 100 * count
