"""A mailbox as it was at a time: shown, and brought back."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from sora.errors import BadArgument
from sora.mail.flags import DELETED, SYSTEM, Flags, Keywords
from sora.mail.mailbox_names import normalise
from sora.mail.numbers import NumberSet
from sora.operations.owners import OwnerLookup, Whose
from sora.operations.restoring import nobody
from sora.operations.rewinding import Rewinding
from sora.storage.interfaces import IHistory, IMailboxes, IMessages, IRestoring
from sora.storage.interfaces.history import EVENTS
from sora.storage.interfaces.restoring import MOST
from sora.storage.rows import (
    Copied,
    Described,
    FlagChange,
    Happened,
    Opened,
    Operation,
    Restored,
    Stored,
    modseq_at,
)

THERE: Final = "there"
CHANGED: Final = "other flags"
AGAIN: Final = "restored"
GONE: Final = "gone"
REMOVED: Final = "removed"


@frozen
class Entry:
    """A message that was there then. `state` is what it is now: there, with other flags, restored
    under another UID (`uid_now`), gone but restorable, or removed for good: then nothing else is
    known of it. `flags` are those that it had then, None where they are not known."""

    uid: int
    state: str
    uid_now: int | None
    flags: Flags | None
    message: Described | None


@frozen
class AsItWas:
    """A mailbox as it was. `came` is how many messages are there that were not there then."""

    mailbox: str
    messages: int
    came: int
    entries: tuple[Entry, ...]


@frozen
class BroughtBack:
    """What was done, or would be: how many messages came back and how many got their flags back; of
    how many flags are not known, or were changed by somebody meanwhile; how many are removed for
    good; and how many came later and stay."""

    restored: int
    flags: int
    unknown: int
    refused: int
    removed: int
    came: int


@frozen
class _Then:
    """A mailbox, and what is different from what it was."""

    opened: Opened
    rewinding: Rewinding
    keywords: Keywords

    @property
    def uids(self) -> list[int]:
        """Those of the messages that were there, ascending."""
        rewinding = self.rewinding
        there = [uid for uid in self.opened.states.uids if not rewinding.is_new(uid)]
        again = [uid for uid in rewinding.now if self.mask(uid) is not None]
        return sorted({*there, *again, *rewinding.gone})

    @property
    def came(self) -> int:
        """How many of the messages that are there came later."""
        return sum(uid in self.rewinding.came for uid in self.opened.states.uids)

    def mask(self, uid: int) -> int | None:
        """The flags that a message has now, by the UID that it had; None when it is gone."""
        states, now = self.opened.states, self.rewinding.uid_now(uid)
        place = bisect_left(states.uids, now)
        is_here = place < len(states.uids) and states.uids[place] == now
        return states.masks[place] if is_here else None

    def flags(self, mask: int) -> Flags:
        """A mask, by names."""
        return Flags(mask & SYSTEM, tuple(self.keywords.names(mask)))


def _unasked(handled: int) -> None:
    """Nobody wants to know."""


@frozen
class PastOperations:
    """Mailboxes as they were. Errors are those of `sora.errors`; BadArgument when the history does
    not reach back, or the mailbox was not there yet."""

    owners: OwnerLookup
    mailboxes: IMailboxes
    messages: IMessages
    restoring: IRestoring
    history: IHistory
    new_operation: Callable[[], Operation]
    now: Callable[[], datetime]
    told: Callable[[Copied], None] = nobody

    async def at(self, whose: Whose, mailbox: str, moment: datetime, limit: int) -> AsItWas:
        """A mailbox as it was, with its first `limit` messages. A round trip for each 1,000 events
        since then and each 1,000 messages that are shown, and four more."""
        then = await self._then(whose, mailbox, moment)
        uids = then.uids
        entries: list[Entry] = []
        for part in _parts(uids[:limit]):
            entries += await self._entries(then, part)
        return AsItWas(then.opened.mailbox.name, len(uids), then.came, tuple(entries))

    async def require(self, whose: Whose, mailbox: str, moment: datetime) -> None:
        """Whether that can be, as far as it is quickly seen. Raises BadArgument, NoSuchAccount,
        NoSuchMailbox."""
        await self._require_recorded(moment)
        await self.mailboxes.find(await self.owners.account_id(whose), normalise(mailbox))

    async def restore(
        self,
        whose: Whose,
        mailbox: str,
        moment: datetime,
        dry_run: bool = False,
        step: Callable[[int], None] = _unasked,
    ) -> BroughtBack:
        """Bring back what is gone since then, also what was only moved elsewhere, and the flags
        that messages had. What came later stays; what somebody changes meanwhile keeps that. What
        was \\Deleted and is gone comes back without that flag.

        A transaction for each 1,000 messages that come back, and for each 1,000 that get the same
        flags. It can be interrupted, and repeated: `step` hears how many were handled, and may
        raise, to end it.
        """
        then = await self._then(whose, mailbox, moment)
        step(0)
        gone = sorted(then.rewinding.gone)
        if dry_run:
            back = await self._known(then, gone)
        else:
            back = await self._bring_back(then, gone, step)
        wanted = self._wanted(then, back)
        flags = sum(len(uids) for uids in wanted.values())
        refused = 0 if dry_run else await self._put_back(then, wanted, step)
        return BroughtBack(
            restored=len(back),
            flags=flags - refused,
            unknown=len(then.rewinding.unknown & {*then.uids}),
            refused=refused,
            removed=len(gone) - len(back),
            came=then.came,
        )

    # ------------------------------------------------------------ then

    async def _require_recorded(self, moment: datetime) -> None:
        begins: datetime | None = await self.history.begins()
        if begins is not None and moment < begins:
            raise BadArgument(f"The history begins at {begins.isoformat(timespec='seconds')}")
        if moment > self.now():
            raise BadArgument("That time is yet to come")

    async def _then(self, whose: Whose, mailbox: str, moment: datetime) -> _Then:
        await self._require_recorded(moment)
        account_id = await self.owners.account_id(whose)
        opened: Opened = await self.mailboxes.open(account_id, normalise(mailbox))
        rewinding = Rewinding(opened.mailbox.id)
        modseq = modseq_at(moment)
        while True:
            events: Sequence[Happened] = await self.history.after(opened.mailbox.id, modseq, EVENTS)
            # What comes after the mailbox was opened is not in its states.
            known = [each for each in events if each.modseq <= opened.mailbox.highest_modseq]
            for event in known:
                rewinding.take(event)
            if len(known) < EVENTS:
                break
            modseq = events[-1].modseq
        return _Then(opened, rewinding, Keywords(opened.keywords))

    async def _entries(self, then: _Then, uids: Sequence[int]) -> list[Entry]:
        rewinding = then.rewinding
        described: Sequence[Described] = await self.history.described(
            then.opened.mailbox.id, [rewinding.uid_now(uid) for uid in uids]
        )
        found = {each.uid: each for each in described}
        entries = []
        for uid in uids:
            now = rewinding.uid_now(uid)
            message = found.get(now)
            mask = rewinding.was.get(uid, None if message is None else message.mask)
            state, flags = THERE, None
            if message is None:
                state = REMOVED
            elif uid in rewinding.gone:
                state = GONE
            elif now != uid:
                state = AGAIN
            elif mask != message.mask or uid in rewinding.unknown:
                state = CHANGED
            if mask is not None and uid not in rewinding.unknown:
                flags = then.flags(mask)
            is_here = state not in (REMOVED, GONE)
            entries.append(Entry(uid, state, now if is_here else None, flags, message))
        return entries

    # ------------------------------------------------------------ bringing back

    async def _known(self, then: _Then, gone: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Those that would come back: where they are now, and the flags that they would have."""
        found: dict[int, tuple[int, int]] = {}
        for part in _parts(gone):
            by_now = {then.rewinding.uid_now(uid): uid for uid in part}
            described: Sequence[Described] = await self.history.described(
                then.opened.mailbox.id, sorted(by_now)
            )
            for each in described:
                found[by_now[each.uid]] = each.uid, each.mask & ~DELETED
        return found

    async def _bring_back(
        self, then: _Then, gone: Sequence[int], step: Callable[[int], None]
    ) -> dict[int, tuple[int, int]]:
        """Restore them: the UIDs that they have now, and their flags."""
        found: dict[int, tuple[int, int]] = {}
        mailbox_id = then.opened.mailbox.id
        for part in _parts(gone):
            by_now = {then.rewinding.uid_now(uid): uid for uid in part}
            restored: Restored = await self.restoring.restore(
                mailbox_id, sorted(by_now), mailbox_id, self.new_operation()
            )
            copied = restored.copied
            self.told(copied)
            for source, uid, mask in zip(copied.sources, copied.uids, copied.masks, strict=True):
                found[by_now[source]] = uid, mask
            step(len(part))
        return found

    def _wanted(
        self, then: _Then, back: dict[int, tuple[int, int]]
    ) -> dict[tuple[int, bool], list[int]]:
        """UIDs by the mask of flags that they are to have, and whether they came back just now."""
        wanted: dict[tuple[int, bool], list[int]] = {}
        for uid, mask in then.rewinding.was.items():
            now = then.rewinding.uid_now(uid)
            if uid in back or now != uid:
                mask &= ~DELETED
            if uid in back:
                there, is_now = back[uid]
                if is_now != mask:
                    wanted.setdefault((mask, True), []).append(there)
            elif then.mask(uid) not in (None, mask):
                wanted.setdefault((mask, False), []).append(now)
        return wanted

    async def _put_back(
        self,
        then: _Then,
        wanted: dict[tuple[int, bool], list[int]],
        step: Callable[[int], None],
    ) -> int:
        """Gives how many were changed by others meanwhile, and keep that."""
        mailbox, refused = then.opened.mailbox, 0
        for (mask, is_back), uids in wanted.items():
            since = None if is_back else mailbox.highest_modseq
            change = FlagChange("replace", then.flags(mask), since)
            for part in _parts(sorted(uids)):
                stored: Stored = await self.messages.store(
                    mailbox.id, NumberSet.of(part), change, self.new_operation()
                )
                refused += len(stored.modified)
                step(len(part))
        return refused


def _parts(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), MOST):
        yield uids[start : start + MOST]
