"""What this process has written to mailboxes is made known, after the commit.

A write whose answer says everything (`Placed`, `Copied`) brings an open mailbox up to date with no
round trip. Watches of this process are called, and for the other processes the doorbell rings.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from sora.mail.annotations import Entry
from sora.mail.mailbox_names import DELIMITER, name_key
from sora.mailbox.state import Change
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import Copied, Fate, Noted, Placed

if TYPE_CHECKING:
    # Each process has one of both, and they know of each other.
    from sora.mailbox.open_mailboxes import OpenMailboxes

Made = Callable[[int, Sequence[int]], None]


class Source(Protocol):
    """What a session writes with. `made` is called with the mailbox and the UIDs of messages
    that it has put somewhere, if it wants to know."""

    made: Made | None


def _silent(*what: object) -> None:
    """Nobody else is to be told."""


@frozen(kw_only=True)
class Bells:
    """Who else is to hear of it; none of them waits or fails.

    `ring` is called with (mailbox id, modseq) after each write of this process, `ring_names` with
    the account whose names or subscriptions it changed, `ring_annotated` as `annotated` is: the
    doorbells of others. `grew` is called with (mailbox id, last UID, count) for messages that this
    process put into a mailbox, `entries_set` with the names of annotations that were changed, by
    whichever process of the node.
    """

    ring: Callable[[int, int], None] = _silent
    ring_names: Callable[[int], None] = _silent
    ring_annotated: Callable[[int, int, Sequence[Entry]], None] = _silent
    grew: Callable[[int, int, int], None] = _silent
    entries_set: Callable[[Sequence[Entry]], None] = _silent


class Announcing:
    """`source` is what a session did it with (`Selected`, `Account`): it needs no waking."""

    def __init__(self, opened: "OpenMailboxes", mailboxes: IMailboxes, bells: Bells) -> None:
        self._open = opened
        self._mailboxes = mailboxes
        self.bells = bells

    def changed(self, mailbox_id: int, change: Change, source: object = None) -> None:
        """A write of this process, with all that it changed."""
        if change.modseq == change.before:
            return
        self._mailboxes.heard(mailbox_id, change.modseq)
        mailbox = self._open.get(mailbox_id)
        if mailbox is None:
            self._open.note(mailbox_id, change.modseq)
        elif not mailbox.apply(change, source):
            self._open.rang(mailbox_id, change.modseq)
        self._open.watchers.mailbox_changed(mailbox_id, change.modseq, change.before, source)
        self.bells.ring(mailbox_id, change.modseq)

    def placed(self, placed: Iterable[Placed], source: Source | None = None) -> None:
        """Messages that were placed by this process."""
        new = [one for one in placed if one.fate is Fate.PLACED]
        new.sort(key=lambda one: (one.mailbox_id, one.modseq, one.uid))
        for (mailbox_id, modseq), group in groupby(new, lambda one: (one.mailbox_id, one.modseq)):
            ones = list(group)
            self._learn(mailbox_id, [pair for one in ones for pair in one.keywords])
            uids, masks = [one.uid for one in ones], [one.mask for one in ones]
            if source is not None and source.made is not None:
                source.made(mailbox_id, uids)
            self.bells.grew(mailbox_id, uids[-1], len(uids))
            self.changed(mailbox_id, Change(ones[0].before, modseq, uids, masks), source)

    def copied(self, copied: Copied, source: Source | None = None) -> None:
        """Messages that were copied or moved to somewhere by this process."""
        self._learn(copied.mailbox_id, copied.keywords)
        if source is not None and source.made is not None:
            source.made(copied.mailbox_id, copied.uids)
        if copied.uids:
            self.bells.grew(copied.mailbox_id, copied.uids[-1], len(copied.uids))
        change = Change(copied.before, copied.modseq, copied.uids, copied.masks)
        self.changed(copied.mailbox_id, change, source)

    def _learn(self, mailbox_id: int, keywords: Sequence[tuple[int, str]]) -> None:
        mailbox = self._open.get(mailbox_id)
        if mailbox is not None and keywords:
            mailbox.state.keywords.learn(keywords)

    def annotated(
        self, noted: Noted | None, reader: int, entries: Sequence[Entry], source: object = None
    ) -> None:
        """This process has changed annotations of a mailbox, None for the server, on behalf of
        the account `reader`."""
        if noted is not None:
            change = Change(noted.before, noted.modseq)
            self.changed(noted.mailbox_id, change, source)
        mailbox_id = 0 if noted is None else noted.mailbox_id
        self.bells.entries_set(entries)
        self._open.watchers.annotated(mailbox_id or -reader, entries, reader, source)
        self.bells.ring_annotated(mailbox_id, reader, entries)

    def names_changed(self, account_id: int, source: object = None) -> None:
        """This process has changed names, rights or subscriptions of an account."""
        self._open.watchers.names_changed(account_id, source)
        self.bells.ring_names(account_id)

    def deleted(self, account_id: int, mailbox_id: int, source: object = None) -> None:
        """This process deleted a mailbox."""
        self._open.names.forget(account_id)
        self.names_changed(account_id, source)
        mailbox = self._open.get(mailbox_id)
        if mailbox is not None:
            mailbox.mark_deleted()
            if not mailbox.sessions:
                self._open.drop(mailbox)

    def renamed(self, account_id: int, old: str, new: str, source: object = None) -> None:
        """This process renamed a mailbox, other than INBOX, and with it its inferiors."""
        self._open.names.forget(account_id)
        self.names_changed(account_id, source)
        old_key = name_key(old)
        for mailbox in self._open:
            state = mailbox.state
            if state.account_id == account_id and (
                state.name == old_key or state.name.startswith(old_key + DELIMITER)
            ):
                state.name = new + state.name[len(old_key) :]
                edition = self._open.names.edition(account_id)
                self._open.names.remember(account_id, state.name, state.mailbox_id, edition)
