"""A mailbox and its clients as simple as can be, to compare the real ones with."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sora.mail.flags import Keywords
from sora.mail.numbers import NumberSet
from sora.mailbox.state import Change, MailboxState
from sora.mailbox.turns import Recency
from sora.mailbox.updates import Updates
from sora.mailbox.view import View
from sora.storage.rows import Changes, MailboxRow, Opened, States, Turn

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
NOBODY = UUID(int=0)


class Mailbox:
    """What is in storage: makes the changes that its writes would be answered with."""

    def __init__(self, masks: Sequence[int] = ()) -> None:
        self.messages = {uid: (mask, uid) for uid, mask in enumerate(masks, 1)}
        self.uidnext = len(masks) + 1
        self.modseq = len(masks) + 1
        self.arrivals = dict.fromkeys(self.messages, 0)
        """the modseq at which each message came"""
        self.log: list[Change] = []

    def row(self, name: str = "INBOX") -> MailboxRow:
        return MailboxRow(
            7, 1, name, "M7", 99, self.uidnext, self.modseq, len(self.messages), 0, 0, 0
        )

    def states(self, uids: Sequence[int] | None = None) -> States:
        states = States()
        for uid in self.messages if uids is None else uids:
            mask, modseq = self.messages[uid]
            states.uids.append(uid)
            states.masks.append(mask)
            states.modseqs.append(modseq)
        return states

    def opened(self) -> Opened:
        return Opened(self.row(), self.states(), ())

    def state(self, known: int | None = -1) -> MailboxState:
        """Its state, in the process that says what is \\Recent; some session has learned of
        everything, unless `known` says otherwise."""
        recency = Recency()
        recency.heard(Turn(1, self.uidnext - 1 if known == -1 else known))
        return MailboxState(self.opened(), Keywords(), recency)

    def _change(self, masks: dict[int, int], vanished: Sequence[int] = (), step: int = 1) -> Change:
        before, self.modseq = self.modseq, self.modseq + step
        for uid, mask in masks.items():
            self.messages[uid] = (mask, self.modseq)
        for uid in vanished:
            del self.messages[uid]
        uids = sorted(masks)
        change = Change(
            before, self.modseq, uids, [masks[uid] for uid in uids], NumberSet.of(vanished)
        )
        self.log.append(change)
        return change

    def arrive(self, *masks: int) -> Change:
        first = self.uidnext
        self.uidnext += len(masks)
        change = self._change(dict(zip(range(first, self.uidnext), masks, strict=True)))
        self.arrivals |= dict.fromkeys(change.uids, change.modseq)
        return change

    def flag(self, masks: dict[int, int]) -> Change:
        return self._change({uid: mask for uid, mask in masks.items() if uid in self.messages})

    def expunge(self, *uids: int) -> Change:
        return self._change({}, [uid for uid in uids if uid in self.messages])

    def changes(self, since: int) -> Changes:
        """As `IMailboxes.changes` answers."""
        later = [change for change in self.log if change.modseq > since]
        touched = sorted({uid for change in later for uid in change.uids} & set(self.messages))
        # What came and went is not mentioned: see `IMailboxes.changes`.
        gone = NumberSet.of(
            uid for change in later for uid in change.vanished if self.arrivals[uid] <= since
        )
        return Changes(since, self.row(), self.states(touched), gone)


class Client:
    """What a client believes, from nothing but what it was told."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.uids: list[int] = list(view.uids)
        self.masks = {uid: view.mask(uid) for uid in self.uids}
        self.recent = view.recent
        self.expunges: list[int] = []

    def hear(self, updates: Updates) -> None:
        """The lines in their order, as RFC 3501 has clients understand them."""
        for number, uid in updates.expunged:
            assert self.uids[number - 1] == uid, "the number means this message"
            del self.uids[number - 1]
            del self.masks[uid]
            self.expunges.append(uid)
        if updates.exists is not None:
            assert updates.exists > len(self.uids), "EXISTS brings new messages"
            for number in range(len(self.uids) + 1, updates.exists + 1):
                uid = self.view.uid(number)
                self.uids.append(uid)
                # A client fetches what is new.
                self.masks[uid] = self.view.mask(uid)
        if updates.recent is not None:
            self.recent = updates.recent
        for update in updates.flags:
            assert self.uids[update.number - 1] == update.uid
            self.masks[update.uid] = update.mask
        assert list(self.view.uids) == self.uids
        assert self.view.exists == len(self.uids)
        assert self.view.recent == self.recent

    def take(self, may_expunge: bool = True) -> Updates:
        """Be told what there is to tell."""
        updates = self.view.take(may_expunge)
        assert may_expunge or not updates.expunged
        self.hear(updates)
        return updates
