"""What a client believes of its mailbox, from nothing but what it was told; and the rules.

The client keeps a list of messages: a message number is a place in it (G27). It need not know a
message's UID or flags; what it knows has to be, or to have been, true. Whoever tells it something
that cannot be, fails an assertion here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, frozen

from trial_tests.model.answers import numbers
from trial_tests.model.truth import Box, Change, Flags, Message, changed

RECENT = "\\recent"


@define
class Entry:
    """A message as the client knows it.

    `version` is the oldest of the versions of its flags that the client may be at.
    """

    uid: int | None = None
    flags: Flags | None = None
    version: int = 0
    modseq: int = 0


@frozen
class Memory:
    """What a client keeps of a mailbox while it is away (RFC 7162 §3.2.5): `uids` with the flags
    of each as far as it knows them, all that had changed up to `modseq`. `is_whole` says that
    there was no message whose UID it did not know."""

    box: Box
    modseq: int
    uids: Mapping[int, Flags | None]
    is_whole: bool


class Belief:
    """One client's list of messages, beside the truth.

    `recents` has, for each message, the client that was told of it as \\Recent, in whatever
    process (RFC 3501 §2.3.2).
    """

    def __init__(
        self,
        box: Box,
        read_only: bool,
        owner: object,
        recents: dict[tuple[Box, int], object],
        memory: Memory | None = None,
    ) -> None:
        self.box = box
        self.read_only = read_only
        self.entries: list[Entry] = []
        self.remembered: dict[int, Flags | None] = {}
        if memory is not None:
            assert memory.box is box
            self.remembered = dict(memory.uids)
        self._owner = owner
        self._recents = recents

    # ---------------------------------------------------------- what it is told

    def exists(self, number: int) -> None:
        """EXISTS: there are new ones at the end, and never fewer (RFC 3501 §7.3.1)."""
        assert number >= len(self.entries), f"EXISTS {number} of {len(self.entries)}"
        self.entries += [Entry() for _ in range(number - len(self.entries))]

    def expunge(self, number: int) -> None:
        """EXPUNGE: the numbers behind it become smaller by one (G24)."""
        assert 0 < number <= len(self.entries), f"EXPUNGE {number} of {len(self.entries)}"
        uid = self.entries.pop(number - 1).uid
        assert uid is None or uid not in self.box.messages, f"{uid} is still there"

    def vanished(self, uids: Iterable[int], earlier: bool) -> None:
        """VANISHED (RFC 7162 §3.2.10). With EARLIER it is about what the client remembers of the
        time before, and may name what it never knew; numbers are as they were."""
        for uid in uids:
            assert uid not in self.box.messages, f"{uid} is still there"
            assert uid < self.box.uidnext, f"{uid} was never there"
            if earlier:
                self.remembered.pop(uid, None)
                continue
            place = self._place(uid)
            assert place is not None, f"VANISHED {uid}, which the client did not know of"
            del self.entries[place]

    def fetch(self, number: int, items: Mapping[bytes, Any], is_exact: bool) -> None:
        """FETCH: UID, FLAGS and MODSEQ of a message, as they are, or once were unless
        `is_exact`."""
        assert 0 < number <= len(self.entries), f"FETCH {number} of {len(self.entries)}"
        entry = self.entries[number - 1]
        if b"UID" in items:
            self._identify(entry, number, int(items[b"UID"]))
        flags = None
        if b"FLAGS" in items:
            names = frozenset(name.decode().lower() for name in items[b"FLAGS"])
            if RECENT in names:
                self._is_recent(entry.uid)
            flags = names - {RECENT}
        modseq = int(items[b"MODSEQ"][0]) if b"MODSEQ" in items else 0
        self._learn(entry, flags, modseq, is_exact)

    def _identify(self, entry: Entry, number: int, uid: int) -> None:
        if entry.uid is None:
            before = [one.uid for one in self.entries[: number - 1] if one.uid]
            behind = [one.uid for one in self.entries[number:] if one.uid]
            assert all(other < uid for other in before) and all(uid < other for other in behind)
            assert uid in self.box.ever, f"{uid} was never there"
            entry.uid = uid
        assert entry.uid == uid, f"number {number} is {entry.uid}, not {uid}"

    def _is_recent(self, uid: int | None) -> None:
        # EXAMINE takes it from nobody (RFC 3501 §2.3.2).
        if uid is not None and not self.read_only:
            whose = self._recents.setdefault((self.box, uid), self._owner)
            assert whose is self._owner, f"{uid} is \\Recent in two sessions"

    def _learn(self, entry: Entry, flags: Flags | None, modseq: int, is_exact: bool) -> None:
        if flags is not None:
            entry.flags = flags
        if modseq:
            assert modseq >= entry.modseq, "the modseq of a message has fallen"
            entry.modseq = modseq
        if entry.uid is None:
            return
        message = self.box.ever[entry.uid]
        possible = [
            place
            for place, version in enumerate(message.versions)
            if place >= entry.version and flags in (None, version.flags)
        ]
        if is_exact and entry.uid in self.box.messages:
            possible = [place for place in possible if place == len(message.versions) - 1]
        assert possible, f"{entry.uid} was told as {flags}, and is {message}"
        if modseq:
            possible = self._of_modseq(message, possible, modseq)
        entry.version = possible[0]

    def _of_modseq(self, message: Message, possible: list[int], modseq: int) -> list[int]:
        steps = {known: step for step, known in self.box.modseqs.items()}
        if modseq in steps:
            possible = [at for at in possible if message.versions[at].step == steps[modseq]]
            assert possible, f"{message} did not become so at modseq {modseq}"
        elif len(possible) == 1:
            self.box.learn_modseq(message.versions[possible[0]].step, modseq)
        return possible

    # ---------------------------------------------------------- what it concludes

    def stored_silently(self, uids: Iterable[int], change: Change, flags: Flags) -> None:
        """The client has asked for a change, and not to be told of it."""
        for uid in uids:
            entry = self.entry(uid)
            if entry is not None and entry.flags is not None:
                entry.flags = changed(entry.flags, change, flags)

    def forget_flags(self, uids: Iterable[int]) -> None:
        """The client cannot know whether its change was done."""
        for uid in uids:
            entry = self.entry(uid)
            if entry is not None:
                entry.flags = None

    def entry(self, uid: int) -> Entry | None:
        """The message of this UID."""
        return next((one for one in self.entries if one.uid == uid), None)

    def number(self, uid: int) -> int:
        """Its number, 0 when the client does not know of it."""
        return next((n for n, one in enumerate(self.entries, 1) if one.uid == uid), 0)

    def remember(self, memory: Memory) -> None:
        """SELECT with QRESYNC is answered: what is remembered and has not vanished is there, with
        the flags that were told now, or else those that are remembered."""
        told = {entry.uid: entry for entry in self.entries if entry.uid is not None}
        uids = sorted({*self.remembered, *told})
        if not memory.is_whole or len(uids) < len(self.entries):
            # Others came that nobody asked about: the client has to ask.
            assert len(uids) <= len(self.entries), f"{uids} are too many for {self.entries}"
            return
        assert len(uids) == len(self.entries), f"{uids} are too many for {self.entries}"
        for entry, uid in zip(self.entries, uids, strict=True):
            assert entry.uid in (None, uid), f"{self.entries} are not {uids}"
            if entry.uid is None:
                entry.uid, entry.flags = uid, self.remembered[uid]

    def memory(self, modseq: int) -> Memory:
        """What the client keeps when it leaves."""
        uids = {entry.uid: entry.flags for entry in self.entries if entry.uid is not None}
        return Memory(self.box, modseq, uids, is_whole=not self.unknown)

    def _place(self, uid: int) -> int | None:
        """Where a UID is, or has to be, in the list."""
        for place, entry in enumerate(self.entries):
            if entry.uid == uid:
                return place
        before = [place for place, one in enumerate(self.entries) if one.uid and one.uid < uid]
        place = before[-1] + 1 if before else 0
        if place < len(self.entries) and self.entries[place].uid is None:
            return place
        return None

    @property
    def known(self) -> list[int]:
        """The UIDs that the client knows."""
        return [entry.uid for entry in self.entries if entry.uid is not None]

    @property
    def gone(self) -> list[int]:
        """Those of them that are not there any more."""
        return [uid for uid in self.known if uid not in self.box.messages]

    @property
    def unknown(self) -> list[int]:
        """The numbers of messages whose UIDs the client does not know."""
        return [number for number, one in enumerate(self.entries, 1) if one.uid is None]

    # ---------------------------------------------------------- what it has to believe

    def has_everything(self, may_expunge: bool) -> None:
        """The client was told of all that happened; expunges may wait (RFC 3501 §7.4.1), and
        new messages with them (G25)."""
        truth = self.box.messages
        if may_expunge or not (self.gone or self.unknown):
            assert len(self.entries) == len(truth), f"{self.entries} are not {list(truth)}"
            for entry, uid in zip(self.entries, truth, strict=True):
                assert entry.uid in (None, uid), f"{self.entries} are not {list(truth)}"
        for entry in self.entries:
            message = truth.get(entry.uid or 0)
            if message is not None and entry.flags is not None:
                assert entry.flags == message.flags, f"{entry} is {message}"


def uids_of(text: bytes) -> list[int]:
    """The set of a VANISHED response."""
    return sorted(numbers(text))
