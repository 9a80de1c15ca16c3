"""What happened, in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.mail.envelope import subject
from sora.mail.flags import DELETED, SEEN
from sora.storage.interfaces import IHistory
from sora.storage.memory.records import EventRecord, MailboxRecord, MessageRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    Counters,
    Described,
    EventKind,
    Happened,
    History,
    Recount,
    modseq_at,
    time_of,
)

_MADE_OF = (EventKind.COPIED_IN, EventKind.MOVED_IN, EventKind.RESTORED)


@implementer(IHistory)
@frozen
class MemoryHistory:
    """`IHistory` in dicts."""

    tables: MemoryStore

    @operation
    def begins(self) -> datetime | None:
        """See `IHistory.begins`."""
        horizon = max((each.horizon for each in self.tables.mailboxes.values()), default=0)
        return time_of(horizon) if horizon else None

    @operation
    def latest(
        self,
        account_id: int,
        mailbox_ids: Sequence[int] | None,
        below: tuple[int, int] | None,
        since: datetime | None,
        limit: int,
    ) -> History:
        """See `IHistory.latest`."""
        start = 0 if since is None else modseq_at(since)
        found = [
            (mailbox, event)
            for mailbox in self._boxes(account_id)
            for event in mailbox.events
            if (mailbox_ids is None or mailbox.id in mailbox_ids)
            and event.modseq >= start
            and (below is None or (event.modseq, mailbox.id) < below)
        ]
        found.sort(key=lambda pair: (pair[1].modseq, pair[0].id), reverse=True)
        return self._history(account_id, found[:limit])

    @operation
    def after(self, mailbox_id: int, modseq: int, limit: int) -> Sequence[Happened]:
        """See `IHistory.after`."""
        mailbox = self.tables.mailboxes.get(mailbox_id)
        if mailbox is None:
            return []
        found = [event for event in mailbox.events if event.modseq > modseq]
        return [_happened(mailbox, event) for event in found[:limit]]

    @operation
    def about(self, account_id: int, places: Sequence[tuple[int, int]], limit: int) -> History:
        """See `IHistory.about`."""
        found = []
        for mailbox in self._boxes(account_id):
            for event in mailbox.events:
                is_about = any(box == mailbox.id and uid in event.uids for box, uid in places)
                is_of = event.kind in _MADE_OF and any(
                    box == event.detail.other and uid in event.detail.sources for box, uid in places
                )
                if is_about or is_of:
                    found.append((mailbox, event))
        found.sort(key=lambda pair: (pair[1].modseq, pair[0].id))
        return self._history(account_id, found[-limit:])

    @operation
    def places(self, account_id: int, email_id: UUID) -> Sequence[tuple[int, int]]:
        """See `IHistory.places`."""
        boxes = {mailbox.id: mailbox for mailbox in self._boxes(account_id)}
        found = [
            (mailbox.id, message.uid)
            for mailbox in boxes.values()
            for message in mailbox.messages.values()
            if message.email_id == email_id
        ]
        found += [
            (gone.mailbox_id, gone.message.uid)
            for gone in self.tables.expunged
            if gone.mailbox_id in boxes and gone.message.email_id == email_id
        ]
        return sorted(found)

    @operation
    def described(self, mailbox_id: int, uids: Sequence[int]) -> Sequence[Described]:
        """See `IHistory.described`."""
        mailbox = self.tables.mailboxes[mailbox_id]
        found = [
            self._described(message, False)
            for message in mailbox.messages.values()
            if message.uid in uids
        ]
        found += [
            self._described(gone.message, True)
            for gone in self.tables.expunged
            if gone.mailbox_id == mailbox_id and gone.message.uid in uids
        ]
        return sorted(found, key=lambda each: each.uid)

    @operation
    def recount(self, mailbox_id: int, mend: bool) -> Recount:
        """See `IHistory.recount`."""
        mailbox = self.tables.mailbox(mailbox_id)
        messages = list(mailbox.messages.values())
        counted = Counters(
            len(messages),
            sum(not message.mask & SEEN for message in messages),
            sum(bool(message.mask & DELETED) for message in messages),
            sum(message.size for message in messages),
            max([mailbox.uidnext, *(message.uid + 1 for message in messages)]),
            max([mailbox.highest_modseq, *(message.modseq for message in messages)]),
        )
        was = Counters(
            len(messages),
            mailbox.unseen,
            mailbox.deleted,
            mailbox.size,
            mailbox.uidnext,
            mailbox.highest_modseq,
        )
        if mend:
            mailbox.unseen, mailbox.deleted = counted.unseen, counted.deleted
            mailbox.size, mailbox.uidnext = counted.size, counted.uidnext
            mailbox.highest_modseq = counted.highest_modseq
        return Recount(mailbox.name, was, counted)

    # ------------------------------------------------------------ parts

    def _described(self, message: MessageRecord, is_gone: bool) -> Described:
        facts = self.tables.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        return Described(
            message.uid,
            is_gone,
            message.email_id,
            message.internal_date,
            message.size,
            message.mask,
            facts.display_from,
            subject(facts.envelope),
        )

    def _boxes(self, account_id: int) -> list[MailboxRecord]:
        return [box for box in self.tables.mailboxes.values() if box.account_id == account_id]

    def _history(
        self, account_id: int, found: Iterable[tuple[MailboxRecord, EventRecord]]
    ) -> History:
        events = tuple(_happened(mailbox, event) for mailbox, event in found)
        keywords = tuple(self.tables.accounts[account_id].keywords) if events else ()
        return History(events, keywords)


def _happened(mailbox: MailboxRecord, event: EventRecord) -> Happened:
    who = event.operation
    return Happened(
        mailbox.id,
        mailbox.name,
        event.modseq,
        event.kind,
        event.uids,
        event.at,
        who.actor,
        who.session,
        who.protocol,
        who.address,
        event.detail,
    )
